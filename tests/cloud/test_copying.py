# SPDX-License-Identifier: Apache-2.0
"""The bytes of a snapshot set are one instant, on a real file system that is really frozen."""

import contextlib
import os
import signal
import struct
import time

import pytest

from cloud.conftest import INSTANCE, client
from cloud.control import Cloud, CloudError
from cloud.copying import file_copy
from cloud.freezing import Backend
from lab.loopfs import LoopFs, in_child
from lab.processes import wait_until

DATA_BYTES = 24 << 20


@pytest.fixture
def backend(tmp_path):
    with LoopFs.make("ext4", str(tmp_path), size=256 << 20) as made:
        yield made


@pytest.fixture
def volumes(backend):
    """Two volume files with much data between their first and their last counter."""
    paths = [os.path.join(backend.mount_point, name) for name in ("a.raw", "b.raw")]
    for path in paths:
        with open(path, "wb") as file:
            file.write(os.urandom(DATA_BYTES))
            file.write(bytes(8))
            file.truncate(DATA_BYTES * 2)
    with counting(*paths):
        yield [{"id": f"vol-0000000{n}", "path": path, "device": f"/dev/sd{n}"}
               for n, path in zip("fe", paths)]


@contextlib.contextmanager
def counting(first, second):
    """A process that writes a rising number to the start of one file, then to the end of another."""
    child = os.fork()
    if child == 0:
        fds = [os.open(path, os.O_WRONLY) for path in (first, second)]
        number = 0
        while os.getppid() != 1:
            number += 1
            os.pwrite(fds[0], struct.pack("Q", number), 0)
            os.pwrite(fds[1], struct.pack("Q", number), DATA_BYTES)
        os._exit(0)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def counters(cloud, made):
    paths = {one["volume"]: one["path"] for one in cloud.snapshots() if one["id"] in made}
    with open(paths["vol-0000000f"], "rb") as first, open(paths["vol-0000000e"], "rb") as second:
        second.seek(DATA_BYTES)
        return [struct.unpack("Q", file.read(8))[0] for file in (first, second)]


def snapshot_set(cloud):
    made = client(cloud).create_snapshots(InstanceSpecification={"InstanceId": INSTANCE})
    return counters(cloud, {one["SnapshotId"] for one in made["Snapshots"]})


def test_a_frozen_copy_is_never_torn(backend, volumes):
    with Cloud(volumes=volumes, freeze_backend=backend.mount_point,
               knobs={"snapshot_seconds": 0}) as cloud:
        for _ in range(5):
            assert not is_torn(*snapshot_set(cloud))
    assert backend.accepts_write()


def test_a_plain_copy_of_the_same_is_torn(volumes):
    """Or the test above would prove nothing."""
    with Cloud(volumes=volumes, knobs={"snapshot_seconds": 0}) as cloud:
        wait_until(lambda: is_torn(*snapshot_set(cloud)), 60, "one is torn")


def is_torn(first, second):
    return first - second not in (0, 1)


def test_holes_stay_holes(tmp_path):
    source, target = str(tmp_path / "source"), str(tmp_path / "target")
    with open(source, "wb") as file:
        file.truncate(64 << 20)
        file.seek(32 << 20)
        file.write(b"in the middle")
    file_copy(source, target)
    with open(target, "rb") as file:
        file.seek(32 << 20)
        assert file.read(13) == b"in the middle"
    assert os.stat(target).st_size == 64 << 20
    assert os.stat(target).st_blocks * 512 < 1 << 20


def test_the_keeper_thaws_when_the_server_is_killed(backend):
    def freeze_and_die():
        with Backend(backend.mount_point).frozen():
            os.kill(os.getpid(), signal.SIGKILL)

    in_child(freeze_and_die, timeout=60)
    time.sleep(0.2)
    assert backend.accepts_write()


@pytest.mark.parametrize("path", ["/", "/proc", "/dev/shm", "/tmp"])
def test_no_other_file_system_is_ever_frozen(path):
    with pytest.raises(ValueError, match="is not the mount point of a loop device"):
        Backend(path)


def test_the_copies_may_not_lie_on_what_is_frozen(backend, capfd):
    inside = os.path.join(backend.mount_point, "cloud")
    with pytest.raises(CloudError, match="did not start"):
        Cloud(directory=inside, freeze_backend=backend.mount_point)
    assert "lies on the file system that is frozen" in capfd.readouterr().err
