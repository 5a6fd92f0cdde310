# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the daemon's tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import Host  # noqa: E402


@pytest.fixture
def host():
    """A daemon that runs as root without polkit, and knows nothing yet of the machine."""
    with Host() as running:
        yield running
        assert running.daemon.poll() is None, running.log()
