# SPDX-License-Identifier: Apache-2.0
"""quiescectl against the real quiesced, on a bus of their own, with workers the test speaks for."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "daemon")]

from client import Client  # noqa: E402
from harness import Host  # noqa: E402


@pytest.fixture
def host():
    with Host() as running:
        yield running
        assert running.daemon.poll() is None, running.log()


@pytest.fixture
def client(host):
    client = Client(host)
    yield client
    client.close()
