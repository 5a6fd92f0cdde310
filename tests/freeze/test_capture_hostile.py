# SPDX-License-Identifier: Apache-2.0
"""What a file system or a client may do so that a secret stays, or that it gets what is not its."""

import errno
import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from freezer import THAW
from lab.capture import (DISCARD, ERROR, EXCLUDE, NO_DEFAULTS, SCRUBBED, TAKE, final_packet, name_packet,
                         scrub_packet)
from lab.loopdisk import MIB, device_number
from lab.loopfs import run
from test_capture import contains, digests_of, fill, leave_deleted, mounted_copies, windowed
from test_capture_scrub import captured

# It fits into an inode.
SECRET = b"-----BEGIN PRIVATE KEY-----\nSHORT-SECRET\n"


def made_anew(part, *mkfs, options="defaults"):
    run("umount", part.mount_point)
    run(*mkfs, part.device)
    run("mount", "-t", part.kind, "-o", options, part.device, part.mount_point)


@pytest.mark.parametrize("mkfs, options", [
    (("mkfs.ext4", "-Fq"), "data=journal"),
    (("mkfs.ext4", "-Fq", "-O", "inline_data", "-I", "256"), "defaults"),
], ids=["journal", "inline"])
def test_no_copy_of_a_secret_is_left_in_metadata(capturer, client, make_disk, stage, mkfs, options):
    """The journal has whole blocks of files, or of inodes, and an inode may have a file in it."""
    disk = make_disk("ext4")
    (part,) = disk.mounted
    made_anew(part, *mkfs, options=options)
    for name in ("a.pem", "b.pem"):
        Path(part.mount_point, name).write_bytes(SECRET)
    os.link(f"{part.mount_point}/b.pem", f"{part.mount_point}/c.pem")
    run("sync", "-f", part.mount_point)
    assert contains(disk.image, b"SHORT-SECRET")
    captured(capturer, client, disk, stage)
    assert set(capturer.scrub().paths) == {"/a.pem", "/b.pem", "/c.pem"}
    capturer.keep()
    assert not contains(stage / "job-1.image", b"SHORT-SECRET")


@pytest.mark.parametrize("flags", [0, NO_DEFAULTS])
def test_an_ext4_that_gives_out_clusters_is_captured_but_not_scrubbed(
        capturer, client, make_disk, stage, flags):
    """Beside a short file there is a part of one that was deleted, in the same cluster."""
    disk = make_disk("ext4")
    (part,) = disk.mounted
    made_anew(part, "mkfs.ext4", "-Fq", "-O", "bigalloc", "-C", "65536")
    wanted = fill(part.mount_point)
    leave_deleted(part.mount_point)
    capturer.began(disk, stage)
    assert capturer.make_pass().used < part.size / 2
    Path(part.mount_point, "file-late").write_bytes(b"late")
    windowed(capturer, client, disk)
    answer = capturer.ask(scrub_packet(flags))
    if not flags:
        assert answer.error == errno.EOPNOTSUPP and "(bigalloc)" in answer.text
        assert "do without a scrub" in answer.text and list(stage.iterdir()) == []
        return
    assert answer.type == SCRUBBED
    capturer.keep()
    with mounted_copies(stage / "job-1.image", disk) as roots:
        found = digests_of(roots[part])
        assert found.pop("file-late") == hashlib.sha256(b"late").hexdigest() and found == wanted


def test_no_copy_of_a_secret_is_left_in_a_tree_of_btrfs(capturer, client, make_disk, stage):
    """It has short files in its leaves, and writes these anew elsewhere."""
    disk = make_disk("btrfs")
    (part,) = disk.mounted
    for i in range(30):
        Path(part.mount_point, f"{i}.pem").write_bytes(SECRET)
    run("sync", "-f", part.mount_point)
    assert contains(disk.image, b"SHORT-SECRET")
    captured(capturer, client, disk, stage)
    assert capturer.scrub().count == 30
    capturer.keep()
    assert not contains(stage / "job-1.image", b"SHORT-SECRET")


@pytest.mark.parametrize("flag", ["i", "a"])
def test_what_nobody_may_change_goes_too(capturer, client, make_disk, stage, flag):
    """As administrators do with a history, so that nobody removes it."""
    disk = make_disk("ext4")
    (part,) = disk.mounted
    folder = Path(part.mount_point, "root")
    folder.mkdir()
    history = folder / ".bash_history"
    history.write_bytes(SECRET)
    for path in (history, folder):
        run("chattr", f"+{flag}", str(path))
    try:
        captured(capturer, client, disk, stage)
        assert capturer.scrub().paths == ["/root/.bash_history"]
        capturer.keep()
    finally:
        run("chattr", "-R", f"-{flag}", str(folder))
    assert not contains(stage / "job-1.image", b"SHORT-SECRET")


def test_only_its_own_images_are_handed_over_or_removed(capture_server, stage):
    """Root's folder for root's eyes: so is /root, and a file there may have such a name."""
    theirs = stage / "theirs.image"
    theirs.write_text("not yours")
    theirs.chmod(0o600)
    client = capture_server.client()
    refusal = client.ask(name_packet(TAKE, "theirs", stage))
    assert (refusal.type, refusal.error) == (ERROR, errno.EPERM) and "theirs.image" in refusal.text
    client.close()
    client = capture_server.client()
    refusal = client.ask(name_packet(DISCARD, "theirs", stage))
    assert (refusal.type, refusal.error) == (ERROR, errno.EPERM)
    client.close()
    assert theirs.read_text() == "not yours"


def test_what_is_mounted_later_and_was_not_frozen_is_noticed(capturer, client, make_disk, stage):
    """As an EFI system partition is, when somebody looks at it."""
    disk = make_disk("ext4", "ext4")
    first, second = disk.mounted
    run("umount", second.mount_point)
    assert capturer.begin(device_number(disk.device), [first], stage).type != ERROR
    capturer.make_pass()
    run("mount", second.device, second.mount_point)
    client.frozen([first], budget_usec=30_000_000)
    refusal = capturer.ask(final_packet(20_000_000))
    client.ask(THAW)
    assert (refusal.type, refusal.error) == (ERROR, errno.EINVAL)
    assert second.mount_point in refusal.text


def test_a_mount_that_only_a_container_has_is_noticed(capturer, make_disk, stage):
    disk = make_disk("ext4", "ext4")
    first, second = disk.mounted
    container = subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-c",
                                  "echo ready; read line"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert container.stdout.readline() == b"ready\n"
        run("umount", second.mount_point)
        refusal = capturer.begin(device_number(disk.device), [first], stage)
    finally:
        container.communicate()
    second.mount_point = None
    assert (refusal.type, refusal.error) == (ERROR, errno.EBUSY) and second.device in refusal.text


def test_what_was_swapped_out_once_is_not_in_the_image(capturer, client, make_disk, stage):
    disk = make_disk("ext4", "ext4")
    _, swap = disk.mounted
    run("umount", swap.mount_point)
    swap.mount_point = None
    run("mkswap", swap.device)
    with open(swap.device, "r+b") as device:
        device.seek(MIB)
        device.write(SECRET)
    captured(capturer, client, disk, stage)
    capturer.keep()
    image = stage / "job-1.image"
    assert contains(disk.image, b"SHORT-SECRET") and not contains(image, b"SHORT-SECRET")
    with open(image, "rb") as copy:
        copy.seek(swap.start)
        assert copy.read(4096).endswith(b"SWAPSPACE2")


def test_a_history_that_is_no_file_stays_unless_a_rule_says_so(capturer, client, make_disk, stage):
    disk = make_disk("ext4")
    (part,) = disk.mounted
    for name in (".bash_history", ".zsh_history"):
        Path(part.mount_point, name).symlink_to("/dev/null")
    Path(part.mount_point, ".sh_history").symlink_to("/root/elsewhere")
    captured(capturer, client, disk, stage)
    removals = capturer.scrub(rules=[(EXCLUDE, "/.zsh_history")])
    assert set(removals.paths) == {"/.zsh_history", "/.sh_history"}
