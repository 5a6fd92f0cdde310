# SPDX-License-Identifier: Apache-2.0
"""For every pytest below tests/: its modules are importable, and the build is found."""

import signal
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS))

from lab.paths import BUILD  # noqa: E402


# Told to end, by a time limit for one, pytest thaws, unmounts and detaches as after Ctrl-C.
signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def build():
    """Where the programs were built: $QUIESCED_BUILD, or build/ beside tests/."""
    return BUILD
