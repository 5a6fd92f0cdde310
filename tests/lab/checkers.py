# SPDX-License-Identifier: Apache-2.0
"""
Is the copy of a volume as good as a cleanly stopped host's? Every check looks at the bytes as they
are, recovers nothing, and returns what it found wrong as a list of sentences.
"""

import contextlib
import os
import struct
import subprocess
from pathlib import Path

from lab.database import database_problems

EXT4_SUPERBLOCK = 1024
EXT4_INCOMPAT = EXT4_SUPERBLOCK + 0x60
EXT4_INCOMPAT_RECOVER = 0x4  # fs/ext4/ext4.h: EXT4_FEATURE_INCOMPAT_RECOVER
EXT4_LAST_ORPHAN = EXT4_SUPERBLOCK + 0xE8

BTRFS_SUPERBLOCK = 65536
BTRFS_MAGIC = b"_BHRfS_M"
BTRFS_MAGIC_AT = 64
BTRFS_LOG_ROOT_AT = 96  # struct btrfs_super_block, include/uapi/linux/btrfs_tree.h

COMMAND_SEC = 120


def run(*command):
    return subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, timeout=COMMAND_SEC
    )


def read_at(path, offset, size):
    with open(path, "rb") as f:
        f.seek(offset)
        return f.read(size)


def ext4_needs_recovery(path):
    (flags,) = struct.unpack("<I", read_at(path, EXT4_INCOMPAT, 4))
    return bool(flags & EXT4_INCOMPAT_RECOVER)


def btrfs_log_root(path):
    block = read_at(path, BTRFS_SUPERBLOCK, 4096)
    if block[BTRFS_MAGIC_AT : BTRFS_MAGIC_AT + 8] != BTRFS_MAGIC:
        raise ValueError(f"{path}: no btrfs superblock")
    return struct.unpack_from("<Q", block, BTRFS_LOG_ROOT_AT)[0]


def last_line(result):
    lines = (result.stdout.strip() or result.stderr.strip()).splitlines()
    return lines[-1] if lines else f"exit status {result.returncode}"


def ext4_has_orphans(path):
    """Files that had been deleted while they were open: any mount releases them."""
    return any(read_at(path, EXT4_LAST_ORPHAN, 4))


def ext4_checked(path):
    return run("e2fsck", "-fn", path)


def ext4_checked_without_orphans(path):
    """For a copy whose orphans are released: by -p, which of a clean one checks nothing else."""
    copy = f"{path}.released"
    try:
        for command in (("cp", "--sparse=always", path, copy), ("e2fsck", "-p", copy)):
            run(*command)
        return ext4_checked(copy)
    finally:
        os.unlink(copy)


def ext4_problems(path):
    problems = []
    if ext4_needs_recovery(path):
        problems.append("ext4: the journal wants recovery (RECOVER is set)")
    check = ext4_checked_without_orphans if ext4_has_orphans(path) else ext4_checked
    result = check(path)
    if result.returncode:
        problems.append(f"e2fsck -fn finds errors (exit status {result.returncode})")
    return problems


def btrfs_problems(path):
    problems = []
    if btrfs_log_root(path):
        problems.append("btrfs: a log tree wants replay (log_root is set)")
    result = run("btrfs", "check", "--readonly", path)
    if result.returncode:
        problems.append(f"btrfs check: {last_line(result)}")
    return problems


@contextlib.contextmanager
def read_only_mount(path, folder, fstype, options):
    """The copy mounted on a loop device that cannot be written."""
    result = run("losetup", "--find", "--show", "--read-only", path)
    if result.returncode:
        raise OSError(last_line(result))
    device = result.stdout.strip()
    try:
        result = run("mount", "-t", fstype, "-o", options, device, folder)
        if result.returncode:
            raise OSError(f"mount -o {options}: {last_line(result)}")
        try:
            yield Path(folder)
        finally:
            run("umount", folder)
    finally:
        run("losetup", "--detach", device)


@contextlib.contextmanager
def btrfs_restored(path, folder, _fstype, _options):
    """btrfs refuses two mounted file systems of one id: its files are copied out instead."""
    result = run("btrfs", "restore", path, folder)
    if result.returncode:
        raise OSError(f"btrfs restore: {last_line(result)}")
    yield Path(folder)


# type: (what a healthy copy must be, how its files are seen without any recovery)
FILE_SYSTEMS = {
    "ext4": (ext4_problems, read_only_mount, "ro,noload"),
    "btrfs": (btrfs_problems, btrfs_restored, None),
    # The log of a frozen xfs always reads dirty, so that xfs_repair -n has nothing to say: the
    # files, read without the log, are the check.
    "xfs": (lambda path: [], read_only_mount, "ro,norecovery,nouuid"),
}


def structure_problems(path, fstype):
    """Needs no recovery, and its own checker is content."""
    return FILE_SYSTEMS[fstype][0](path)


def opened(path, fstype, folder):
    """Context: the copy's files below `folder`, an empty one."""
    _, opener, options = FILE_SYSTEMS[fstype]
    return opener(path, folder, fstype, options)


def read_all(root):
    """Reads every byte of every file: what cannot be read is a problem."""
    errors = []
    for folder, _, names in os.walk(root, onerror=errors.append):
        for name in names:
            try:
                Path(folder, name).read_bytes()
            except OSError as error:
                errors.append(error)
    return [f"{os.path.relpath(e.filename, root)}: {e.strerror}" for e in errors]


def content(path):
    """The bytes of a file, or None if it is not there or cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def log_problems(written, root, returned):
    data = content(root / f"{written.kind}.log")
    if data is None:
        return [f"{written.kind}: the file is missing"] if returned else []

    found = len(data) // written.size
    good = 0
    while good < found and data[good * written.size : (good + 1) * written.size] == (
        written.content(good)
    ):
        good += 1
    if good < returned:
        return [f"{written.kind}: {returned - good} of {returned} returned writes are missing"]
    if good * written.size != len(data):
        return [f"{written.kind}: write {good} is torn"]
    return []


def files_problems(written, root, returned):
    missing = sum(
        1
        for number in range(returned)
        if content(root / written.file_name(number)) != written.content(number)
    )
    if missing:
        return [f"{written.kind}: {missing} of {returned} returned writes are missing"]
    return []


def pair_problems(written, first_root, second_root, returned):
    """B was begun only when A was on disk: a B whose A is not whole is a torn cut."""
    problems = []
    for root, name in ((first_root, "first"), (second_root, "second")):
        problems += [f"{p} ({name} half)" for p in files_problems(written, root, returned)]

    torn = 0
    for _, _, names in os.walk(second_root / written.kind):
        for number in map(int, names):
            if content(first_root / written.file_name(number)) != written.content(number):
                torn += 1
    if torn:
        problems.append(f"{written.kind}: {torn} torn: the second half is there, the first is not")
    return problems


def content_problems(written, roots, returned):
    """`roots`: for each folder of the writer, the same folder in the copy."""
    if written.kind == "pairs":
        return pair_problems(written, *roots, returned)
    if written.kind == "files":
        return files_problems(written, *roots, returned)
    if written.kind == "database":
        (root,) = roots
        return database_problems(*(content(root / f"database.{name}") for name in ("log", "pages")),
                                 returned)
    return log_problems(written, *roots, returned)
