# SPDX-License-Identifier: Apache-2.0
"""What an instance that was launched from an image made of the file systems it was launched with."""

import contextlib
import io
import struct
import tarfile
import tempfile
from pathlib import Path

from lab import checkers

# struct mdp_superblock_1 in the kernel's include/uapi/linux/raid/md_p.h; version 1.2 lies at 4096.
MD_SUPERBLOCK = 4096
MD_MAGIC = 0xA92B4EFC
MD_DATA_OFFSET_AT = 128
SECTOR_BYTES = 512

# What the kernel says when a file system was not at rest.
RECOVERIES = "EXT4-fs.*recovery|BTRFS.*log replay"
# Of file systems that are not mounted.
CHECKS = {"ext4": "e2fsck -fn {device}", "xfs": "xfs_repair -n {device}",
          "btrfs": "btrfs check --readonly {device}"}


def mirror_problems(paths):
    """Of copies of all members of one RAID 1: do they hold the same?"""
    data = []
    for path in paths:
        magic = struct.unpack("<I", checkers.read_at(path, MD_SUPERBLOCK, 4))[0]
        if magic != MD_MAGIC:
            return [f"{path}: no member of an array"]
        (sectors,) = struct.unpack(
            "<Q", checkers.read_at(path, MD_SUPERBLOCK + MD_DATA_OFFSET_AT, 8))
        data.append(Path(path).read_bytes()[sectors * SECTOR_BYTES:])
    return [] if all(one == data[0] for one in data) else ["the halves of the mirror differ"]


def recoveries(instance):
    """What the kernel had to repair when it mounted, since the boot."""
    return instance.run(f"dmesg | grep -E '{RECOVERIES}' || true").stdout


def structure_problems(instance, mount_points):
    """Unmounts them, the inner ones first, and has each one's own checker look."""
    problems = []
    for mount_point in mount_points:
        kind, device = _mounted(instance, mount_point)
        instance.run(f"umount --all-targets {mount_point}")
        done = instance.run(CHECKS[kind].format(device=device), check=False)
        if done.returncode:
            problems.append(f"{mount_point}: {done.stdout}{done.stderr}")
    return problems


def _mounted(instance, mount_point):
    """(type, device, or the file behind it: a loop device ends with its mount)"""
    kind, device = instance.run(
        f"findmnt -fno FSTYPE,SOURCE --nofsroot {mount_point}").stdout.split()
    if device.startswith("/dev/loop"):
        device = instance.run(f"losetup -nO BACK-FILE {device}").stdout.strip()
    return kind, device


@contextlib.contextmanager
def brought(instance, folders):
    """Copies of the instance's folders below one on this host."""
    packed = instance.machine.run_raw(f"tar -C / -cz {' '.join(str(one)[1:] for one in folders)}")
    with tempfile.TemporaryDirectory(prefix="quiesced-brought-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            tar.extractall(folder)
        yield Path(folder)


def content_problems(instance, writers, cut_usec):
    """(what of the writers' work before that time is missing or torn, how much was looked for)"""
    problems, returned = [], []
    with brought(instance, writers.folders) as root:
        for one in writers.written:
            count = one.returned_before(cut_usec)
            returned.append(count)
            inside = [root / folder.relative_to("/") for folder in one.folders]
            problems += [f"{inside[0].relative_to(root)}: {problem}"
                         for problem in checkers.content_problems(one, inside, count)]
    return problems, returned
