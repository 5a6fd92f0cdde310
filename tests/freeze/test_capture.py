# SPDX-License-Identifier: Apache-2.0
"""The staged image of a disk that is written to: whole, at rest, and with nothing else in it."""

import contextlib
import errno
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from freezer import THAW, THAWED, wait_until
from lab import checkers
from lab.capture import (DISCARD, DISCARDED, ERROR, KEPT, PASS, TAKE, final_packet, header,
                         name_packet)
from lab.loopdisk import BOOT_AT, BOOT_BYTES, MIB, device_number
from lab.loopfs import run
from lab.paths import BUILD
from lab.written import Writers

SECRET = b"the secret of a file that was deleted"


def copy_of(image, partition, folder):
    """The file system's own bytes, as a sparse file."""
    path = Path(folder, f"{partition.kind}.copy")
    run("dd", f"if={image}", f"of={path}", "bs=1M", f"skip={partition.start // MIB}",
        f"count={partition.size // MIB}", "conv=sparse")
    os.truncate(path, partition.size)
    return path


def fill(folder, count=40):
    """Files of all sizes, and their digests."""
    digests = {}
    for i in range(count):
        data = os.urandom(i * 997 % 70000)
        Path(folder, f"file-{i}").write_bytes(data)
        digests[f"file-{i}"] = hashlib.sha256(data).hexdigest()
    return digests


def digests_of(root):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in Path(root).glob("file-*")}


def leave_deleted(mount_point, secret=SECRET):
    """On the disk there is what no file has any more."""
    path = Path(mount_point, "deleted")
    path.write_bytes(secret * 500)
    os.sync()
    path.unlink()
    run("sync", "-f", mount_point)


def found_in(path, needles):
    """Those that a search of the raw bytes finds."""
    done = subprocess.run(["grep", "-aoF", "-f", "-", path], input=b"\n".join(needles),
                          stdout=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode in (0, 1)
    return set(done.stdout.split(b"\n")) - {b""}


def contains(path, needle):
    return bool(found_in(path, [needle]))


def windowed(capturer, client, disk, before_thaw=lambda: None):
    """Freezes with the freezer, catches up, and thaws; the window must have held all the time."""
    client.frozen(disk.mounted, budget_usec=30_000_000)
    caught = capturer.final()
    before_thaw()
    thawed = client.ask(THAW)
    assert (thawed.type, thawed.reason) == (THAWED, "asked"), thawed
    print(f"window {(thawed.thawed_at - thawed.freezing_at) / 1000:.1f} ms, of which the last pass "
          f"{caught.span_usec / 1000:.1f} ms: {caught.read >> 20} MiB read, "
          f"{caught.changed >> 10} KiB kept")
    return caught, thawed


@contextlib.contextmanager
def mounted_copies(image, disk):
    """{partition: its files}, of partitions that were found to be at rest."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="quiesced-copies-"))
        roots = {}
        for partition in disk.mounted:
            path = copy_of(image, partition, folder)
            assert checkers.structure_problems(path, partition.kind) == []
            root = Path(folder, f"root-{partition.kind}")
            root.mkdir()
            roots[partition] = stack.enter_context(checkers.opened(path, partition.kind, root))
        yield roots


def test_a_disk_under_load_is_captured_whole(capturer, client, make_disk, stage, scratch):
    disk = make_disk(None, "ext4", "xfs")
    ext4, xfs = disk.mounted
    wanted = {part: fill(part.mount_point) for part in disk.mounted}
    for part in disk.mounted:
        leave_deleted(part.mount_point)
    assert contains(disk.image, SECRET)
    for part in disk.mounted:
        Path(part.mount_point, "w").mkdir()

    specs = [("files", f"{ext4.mount_point}/w"), ("pairs", f"{xfs.mount_point}/w",
                                                 f"{ext4.mount_point}/w")]
    with Writers(BUILD / "writers", Path(scratch, "records"), specs) as writers:
        writers.wait_for_writes()
        ready = capturer.began(disk, stage)
        assert ready.size == os.stat(disk.image).st_size and ready.used < ready.size / 2
        first = capturer.make_pass()
        writers.wait_for_writes()
        second = capturer.make_pass()
        assert 0 < second.changed < first.changed and second.read >= first.changed / 2
        writers.wait_for_writes()
        caught, thawed = windowed(capturer, client, disk)
        assert 0 < caught.changed < first.changed
        writers.wait_for_writes()
        capturer.keep()
    assert writers.errors() == {}

    image = stage / "job-1.image"
    assert image.stat().st_size == ready.size and image.stat().st_mode & 0o777 == 0o600
    assert image.stat().st_blocks * 512 <= ready.used + 16 * MIB
    assert not contains(image, SECRET)
    run("sfdisk", "--verify", str(image))
    with open(image, "rb") as file:
        file.seek(BOOT_AT)
        assert file.read(BOOT_BYTES) == disk.boot
        file.seek(disk.partitions[0].start)
        assert file.read(14000) == b"raw partition " * 1000
    with mounted_copies(image, disk) as roots:
        for part, root in roots.items():
            assert checkers.read_all(root) == []
            assert digests_of(root) == wanted[part]
        by_folder = {p.mount_point: root for p, root in roots.items()}
        for written in writers.written:
            returned = written.returned_before(thawed.freezing_at)
            places = [by_folder[str(f.parent)] / "w" for f in written.folders]
            assert returned > 0
            assert checkers.content_problems(written, places, returned) == []


def test_what_is_freed_and_used_again_between_passes_is_as_it_is_at_the_end(
        capturer, client, make_disk, stage):
    disk = make_disk("ext4")
    (part,) = disk.mounted
    kept = fill(part.mount_point)
    # Whoever reads the device through its cache keeps it there, as it was.
    cached = open(disk.device, "rb")
    while cached.read(MIB):
        pass
    gone = Path(part.mount_point, "gone")
    gone.write_bytes(SECRET * 20000)
    capturer.began(disk, stage)
    capturer.make_pass()
    gone.unlink()
    run("sync", "-f", part.mount_point)
    again = Path(part.mount_point, "file-again")
    again.write_bytes(b"used again " * 30000)
    kept["file-again"] = hashlib.sha256(again.read_bytes()).hexdigest()
    windowed(capturer, client, disk)
    capturer.keep()
    cached.close()
    image = stage / "job-1.image"
    assert not contains(image, SECRET)
    with mounted_copies(image, disk) as roots:
        assert digests_of(roots[part]) == kept


@pytest.fixture
def swap_on():
    """Swaps to what it is given, until the test is over."""
    with contextlib.ExitStack() as stack:
        def begin(path):
            run("mkswap", "-L", "swapped", path)
            run("swapon", path)
            stack.callback(run, "swapoff", path)
        yield begin


def test_what_was_swapped_out_is_not_in_the_image(capturer, client, make_disk, stage, swap_on):
    disk = make_disk("ext4", "ext4")
    part, swap = disk.mounted
    run("umount", swap.mount_point)
    swap.mount_point = None
    with open(swap.device, "r+b") as device:
        device.seek(MIB)
        device.write(SECRET)
    file = Path(part.mount_point, "swapfile")
    file.write_bytes(b"\0" * MIB + SECRET * 10000)
    file.chmod(0o600)
    wanted = file.stat().st_size
    swap_on(swap.device)
    swap_on(str(file))
    capturer.began(disk, stage)
    capturer.make_pass()
    windowed(capturer, client, disk)
    capturer.keep()
    image = stage / "job-1.image"
    assert contains(disk.image, SECRET) and not contains(image, SECRET)
    with open(image, "rb") as copy:
        copy.seek(swap.start)
        assert copy.read(4096).endswith(b"SWAPSPACE2")
    with mounted_copies(image, disk) as roots:
        copied = Path(roots[part], "swapfile").read_bytes()
        assert len(copied) == wanted and b"SWAPSPACE2" in copied and not any(copied[65536:])


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_a_file_system_without_a_table_is_captured(capturer, client, make_fs, stage, kind):
    fs = make_fs(kind)
    wanted = fill(fs.mount_point)
    answer = capturer.begin(device_number(fs.device), [fs], stage)
    assert answer.size == os.stat(fs.image).st_size
    assert answer.used == answer.size if kind == "btrfs" else answer.used < answer.size
    capturer.make_pass()
    client.frozen([fs], budget_usec=30_000_000)
    capturer.final()
    assert client.ask(THAW).reason == "asked"
    capturer.keep()
    assert checkers.structure_problems(stage / "job-1.image", kind) == []
    client.close()
    fs.cleanup()  # btrfs knows a file system by its id: the copy would be the original
    with tempfile.TemporaryDirectory() as root:
        with checkers.opened(stage / "job-1.image", kind, root) as found:
            assert digests_of(found) == wanted


def test_blocks_smaller_than_those_compared_are_told_apart(capturer, client, make_disk, stage):
    """Free ones of 1 KiB lie beside those in use."""
    disk = make_disk("ext4")
    (part,) = disk.mounted
    run("umount", part.mount_point)
    run("mkfs.ext4", "-q", "-F", "-b", "1024", part.device)
    run("mount", part.device, part.mount_point)
    for i in range(64):
        Path(part.mount_point, f"file-{i}").write_bytes((SECRET if i % 2 else b"plain") * 20)
    run("sync", "-f", part.mount_point)
    for i in range(1, 64, 2):
        Path(part.mount_point, f"file-{i}").unlink()
    run("sync", "-f", part.mount_point)
    wanted = digests_of(part.mount_point)
    capturer.began(disk, stage)
    capturer.make_pass()
    windowed(capturer, client, disk)
    capturer.keep()
    assert not contains(stage / "job-1.image", SECRET)
    with mounted_copies(stage / "job-1.image", disk) as roots:
        assert digests_of(roots[part]) == wanted and len(wanted) == 32


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_the_image_can_be_staged_on_what_it_is_of(capturer, client, make_disk, kind):
    """It does not contain itself, and nothing of it is written while its own disk is frozen."""
    disk = make_disk(kind, size=400 * MIB)
    (part,) = disk.mounted
    wanted = fill(part.mount_point)
    folder = private_folder(part.mount_point)
    ready = capturer.began(disk, folder)
    capturer.make_pass()
    again = capturer.make_pass()
    assert again.used < ready.used + 64 * MIB
    late = os.urandom(3 * MIB)
    Path(part.mount_point, "file-late").write_bytes(late)
    wanted["file-late"] = hashlib.sha256(late).hexdigest()
    windowed(capturer, client, disk)
    capturer.scrub()
    capturer.keep()
    image = folder / "job-1.image"
    assert image.stat().st_blocks * 512 < ready.used + 16 * MIB
    with mounted_copies(image, disk) as roots:
        assert digests_of(roots[part]) == wanted
        assert list(Path(roots[part], "stage").iterdir()) == []


def test_a_kept_image_is_taken_again_and_discarded(capture_server, capturer, client, make_disk,
                                                   stage):
    disk = make_disk("ext4")
    capturer.began(disk, stage)
    capturer.make_pass()
    windowed(capturer, client, disk)
    digest = digest_of_descriptor(capturer.keep())
    capturer.close()
    other = capture_server.client()
    with contextlib.closing(other):
        answer = other.begin(disk.number, disk.mounted, stage)
        assert answer.error == errno.EEXIST and "job-1.image is there already" in answer.text
    other = capture_server.client()
    with contextlib.closing(other):
        other.wanted(name_packet(TAKE, "job-1", stage), KEPT)
        assert digest_of_descriptor(other.fd) == digest
        with pytest.raises(OSError):
            os.write(other.fd, b"x")
    for _ in range(2):
        other = capture_server.client()
        with contextlib.closing(other):
            other.wanted(name_packet(DISCARD, "job-1", stage), DISCARDED)
    assert list(stage.iterdir()) == []
    other = capture_server.client()
    with contextlib.closing(other):
        assert other.ask(name_packet(TAKE, "job-1", stage)).error == errno.ENOENT


def digest_of_descriptor(fd):
    with open(os.dup(fd), "rb") as file:
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()


def private_folder(mount_point):
    folder = Path(mount_point, "stage")
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def refused(capture_server):
    """What a beginning that is refused is told, and that its connection ends."""
    def begin(disk, folder, mounts=None, **options):
        client = capture_server.client()
        with contextlib.closing(client):
            answer = client.begin(disk.number, disk.mounted if mounts is None else mounts, folder,
                                  **options)
            assert answer.type == ERROR and client.receive() is None
        return answer
    return begin


def test_what_cannot_be_captured_is_told_before_anything_is_read(refused, make_disk, make_fs, stage):
    disk, small = make_disk("ext4", "ext4"), make_fs("ext4", name="small", size=8 * MIB)
    first, second = disk.mounted

    answer = refused(disk, stage, [first])
    assert second.mount_point in answer.text and "name it" in answer.text
    answer = refused(disk, stage, [first, second, small])
    assert f"{small.mount_point} is not mounted from {disk.device}" in answer.text
    answer = refused(disk, stage, [first, second, first])
    assert f"{first.mount_point} is named twice" in answer.text

    link = stage.with_name("link")
    link.symlink_to(stage)
    assert "symbolic link" in refused(disk, link).text
    assert refused(disk, stage / "missing").error == errno.ENOENT
    stage.chmod(0o710)
    assert "must be root's" in refused(disk, stage).text

    folder = private_folder(small.mount_point)
    answer = refused(disk, folder)
    assert answer.error == errno.ENOSPC
    assert f"{folder} has" in answer.text and "make room" in answer.text


def test_a_btrfs_cannot_hold_its_own_image(refused, make_disk):
    disk = make_disk("btrfs")
    folder = private_folder(disk.mounted[0].mount_point)
    assert "choose a folder on another" in refused(disk, folder).text


def test_a_stage_that_fills_leaves_nothing(capturer, make_disk, make_fs):
    disk, other = make_disk("ext4"), make_fs("ext4", name="other")
    Path(disk.mounted[0].mount_point, "much").write_bytes(os.urandom(20 * MIB))
    run("sync", "-f", disk.mounted[0].mount_point)
    folder = private_folder(other.mount_point)
    capturer.began(disk, folder)
    room = shutil.disk_usage(other.mount_point).free
    run("fallocate", "-l", str(room - 4 * MIB), f"{other.mount_point}/filler")
    answer = capturer.ask(header(PASS))
    assert answer.error == errno.ENOSPC
    assert answer.text.startswith(f"{folder} is full: make room")
    assert capturer.receive() is None
    assert wait_until(lambda: shutil.disk_usage(other.mount_point).free >= 4 * MIB - MIB)
    assert os.listdir(folder) == []


def test_a_disk_that_cannot_be_read_is_told_with_the_place(capturer, make_disk, stage):
    """A loop device answers with an error what lies behind the end of its file."""
    disk = make_disk("ext4")
    Path(disk.mounted[0].mount_point, "much").write_bytes(os.urandom(20 * MIB))
    run("sync", "-f", disk.mounted[0].mount_point)
    capturer.began(disk, stage)
    size = os.stat(disk.image).st_size
    os.truncate(disk.image, 10 * MIB)
    try:
        answer = capturer.ask(header(PASS))
    finally:
        os.truncate(disk.image, size)
    assert answer.error == errno.EIO
    assert f"{disk.device} cannot be read near byte" in answer.text
    assert capturer.receive() is None and list(stage.iterdir()) == []


def test_more_changes_than_memory_is_given_for_end_the_capture(capturer, client, make_disk, stage):
    disk = make_disk("ext4")
    (part,) = disk.mounted
    capturer.began(disk, stage, delta=MIB)
    capturer.make_pass()
    Path(part.mount_point, "much").write_bytes(os.urandom(4 * MIB))
    client.frozen([part])
    answer = capturer.ask(final_packet(20_000_000))
    assert client.ask(THAW).reason == "asked"
    assert answer.error == errno.E2BIG
    assert answer.text.startswith("more than 1 MiB have changed") and "raise this limit" in answer.text
    assert capturer.receive() is None and list(stage.iterdir()) == []


def test_a_window_that_is_too_short_ends_the_capture(capturer, make_disk, stage):
    disk = make_disk("ext4", size=128 * MIB)
    Path(disk.mounted[0].mount_point, "much").write_bytes(os.urandom(64 * MIB))
    run("sync", "-f", disk.mounted[0].mount_point)
    capturer.began(disk, stage)
    capturer.make_pass()
    answer = capturer.ask(final_packet(1000))
    assert answer.error == errno.ETIMEDOUT and "raise the budget" in answer.text
    assert list(stage.iterdir()) == []
