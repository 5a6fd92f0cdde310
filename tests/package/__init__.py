# SPDX-License-Identifier: Apache-2.0
"""The packages: built from a clean copy of the source, checked, installed, used and removed."""
