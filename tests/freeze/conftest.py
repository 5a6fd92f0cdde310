# SPDX-License-Identifier: Apache-2.0
"""A freezer behind a socket, file systems to freeze, and proof that nothing is left of either."""

import contextlib
import re
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

import capture
from freezer import Server, kill, name_of, wait_until
from lab.kernel import requires_file_systems
from lab.loopdisk import LoopDisk
from lab.loopfs import LoopFs
from lab.paths import MEMORY, scratch_folder

KNOB = Path("/sys/kernel/rcu_expedited")


def reads(knob, value):
    """Another freeze, that some other test has running, may have it set for a moment."""
    return wait_until(lambda: knob.read_text().strip() == value)


@pytest.fixture
def scratch():
    folder = tempfile.mkdtemp(prefix="quiesced-freeze-", dir=scratch_folder())
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def ledger_dir():
    folder = tempfile.mkdtemp(prefix="quiesced-ledger-", dir=MEMORY)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def knob():
    """rcu_expedited is 0 again at the end, whatever happened in between."""
    if KNOB.exists() and not reads(KNOB, "0"):
        KNOB.write_text("0")
    yield KNOB
    assert not KNOB.exists() or reads(KNOB, "0")


@pytest.fixture
def make_fs(scratch):
    """Makes file systems, which end thawed and unmounted, the newest first."""
    with contextlib.ExitStack() as stack:
        def make(kind, folder=None, name=None, size=None):
            requires_file_systems(kind)
            fs = LoopFs.make(kind, folder or scratch, size=size, name=name)
            stack.callback(fs.cleanup)
            return fs
        yield make


@pytest.fixture
def server(scratch, ledger_dir, make_fs, knob):
    """Its processes must all be gone at the end, and their ledger with them."""
    server = Server(scratch, ledger_dir)
    families = []
    original = server.family
    server.family = lambda: families.append(original()) or families[-1]
    yield server
    server.close()
    left = [pid for family in families for pid in family.everybody()
            if not wait_until(lambda pid=pid: name_of(pid) is None)]
    kill(*left)
    assert left == []
    assert wait_until(lambda: not server.ledgers())


@pytest.fixture
def client(server):
    client = server.client()
    yield client
    client.close()
    wait_until(lambda: not server.ledgers())


@pytest.fixture
def stage(scratch):
    """A folder for staged images, on another file system than those that are captured."""
    folder = Path(scratch, "stage")
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def make_disk(scratch):
    with contextlib.ExitStack() as stack:
        def make(*kinds, **options):
            requires_file_systems(*filter(None, kinds))
            return stack.enter_context(LoopDisk(scratch, kinds, **options))
        yield make


@pytest.fixture
def capture_server(scratch):
    """Each of its processes has ended well, unless a test has killed it."""
    server = capture.Server(scratch)
    yield server
    server.close()
    assert set(re.findall(r"died with code (\d+)", server.log())) <= {"0", str(signal.SIGKILL.value)}


@pytest.fixture
def capturer(capture_server, make_fs, make_disk):
    """Gone before the file systems that it holds are."""
    client = capture_server.client()
    yield client
    client.close()
