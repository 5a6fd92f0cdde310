# SPDX-License-Identifier: Apache-2.0
"""A simulated AWS on loopback: EC2 and the instance metadata, with real copies of real volumes.

Tests import `cloud.control`; everything else runs in the server's own process.
"""
