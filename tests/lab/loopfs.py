# SPDX-License-Identifier: Apache-2.0
"""Real file systems on loop devices, which are thawed and unmounted whatever happens."""

import contextlib
import os
import re
import select
import signal
import subprocess
import time

# The least that each mkfs accepts, with room for a test's data; the files are sparse.
SIZES = {"ext4": 64 << 20, "ext2": 64 << 20, "xfs": 320 << 20, "btrfs": 160 << 20}
MKFS = {
    "ext4": ["mkfs.ext4", "-q", "-F"],
    "ext2": ["mkfs.ext2", "-q", "-F"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
    "btrfs": ["mkfs.btrfs", "-q", "-f"],
}
# With the log or journal on a device of its own, which is LOG_BYTES long; XFS has it given at each
# mount as well.
LOG_BYTES = 96 << 20
# What is not frozen takes a write long before, even on a machine that is busy with other things.
WRITE_SEC = 20
MKFS_LOG = {
    "ext4": lambda log: ["-b", "4096", "-J", f"device={log}"],
    "xfs": lambda log: ["-l", f"logdev={log}"],
}


def run(*command, timeout=120):
    return subprocess.run(
        command, check=True, timeout=timeout, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.strip()


def _report_call(function, reading, writing):
    os.close(reading)
    os.write(writing, b"%d\n" % os.getpid())
    status = 1
    with contextlib.suppress(BaseException):
        status = int(function() or 0)
    os.write(writing, b"=%d\n" % status)


def in_child(function, timeout):
    """Calls function() in an orphan process. Its exit status, or None when it takes longer.

    A process that waits for a thaw cannot be killed before it, nor may anybody wait for it.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        if os.fork():
            os._exit(0)
        # Whatever happens, it is no second copy of the tests: nobody may be there to read any more.
        try:
            _report_call(function, reading, writing)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    text, end = b"", time.monotonic() + timeout
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while b"=" not in text or not text.endswith(b"\n"):
            left = max(end - time.monotonic(), 0)
            if not select.select([pipe], [], [], left)[0]:
                with contextlib.suppress(ProcessLookupError, ValueError):
                    os.kill(int(text), signal.SIGKILL)
                return None
            piece = pipe.read(64)
            if not piece:
                return 1
            text += piece
    return int(text.split(b"=")[1])


def accepts_write(path, timeout=WRITE_SEC):
    """Whether a new file below the folder `path` can be written and synced within `timeout`."""
    name = os.path.join(path, f".probe-{os.getpid()}-{time.monotonic_ns()}")

    def write():
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.write(fd, b"probe")
        os.fsync(fd)
        os.close(fd)
        os.unlink(name)

    return in_child(write, timeout) == 0


def thaw(path, timeout=WRITE_SEC):
    """Thaws if frozen; never hangs."""
    return in_child(
        lambda: subprocess.run(["fsfreeze", "-u", path], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               check=False).returncode, timeout) == 0


@contextlib.contextmanager
def loop_device(image, size):
    """The device of a fresh image file, which stays for the folder's owner."""
    with open(image, "wb") as file:
        file.truncate(size)
    device = run("losetup", "-f", "--show", image)
    try:
        yield device
    finally:
        run("losetup", "-d", device)


def superblock_number(mount_point):
    """(major, minor) of what is mounted there last, as mountinfo has it."""
    found = None
    with open("/proc/self/mountinfo", "rb") as mounts:
        for line in mounts:
            fields = line.split(b" ")
            point = re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), fields[4])
            if os.fsdecode(point) == mount_point:
                found = tuple(int(n) for n in fields[2].split(b":"))
    return found


class LoopFs:
    """One file system: an image file, its loop device, and where it is mounted."""

    def __init__(self, kind, image, device, log=None):
        self.kind = kind
        self.image = image
        self.device = device
        self.log = log
        self.mount_point = None

    @classmethod
    def make(cls, kind, folder, size=None, name=None, mount_point=None, log=None):
        """Makes NAME.img in `folder` and mounts it on NAME beside it, or where told.

        `log` is a device for its log or journal.
        """
        name = name or kind
        image = os.path.join(folder, name + ".img")
        with open(image, "wb") as file:
            file.truncate(size or SIZES[kind])
        if log and kind == "ext4":
            run("mke2fs", "-q", "-b", "4096", "-O", "journal_dev", log)
        run(*MKFS[kind], *(MKFS_LOG[kind](log) if log else []), image)
        self = cls(kind, image, run("losetup", "-f", "--show", image), log)
        try:
            self.mount(mount_point or os.path.join(folder, name))
        except BaseException:
            self.cleanup()
            raise
        return self

    def mount(self, mount_point, options="rw"):
        os.makedirs(mount_point, exist_ok=True)
        if self.log and self.kind == "xfs":
            options += f",logdev={self.log}"
        run("mount", "-t", self.kind, "-o", options, self.device, mount_point)
        self.mount_point = mount_point

    def umount(self, patience=30.0):
        """Unmounts; an ending process may hold it for a moment."""
        end = time.monotonic() + patience
        while True:
            try:
                run("umount", self.mount_point)
                break
            except subprocess.CalledProcessError as error:
                if time.monotonic() > end:
                    raise RuntimeError(error.stdout) from error
                time.sleep(0.05)
        self.mount_point = None

    @property
    def number(self):
        """(major, minor) of the superblock, which for btrfs only mountinfo tells."""
        return superblock_number(self.mount_point)

    def accepts_write(self, timeout=WRITE_SEC):
        return accepts_write(self.mount_point, timeout)

    def freeze(self):
        run("fsfreeze", "-f", self.mount_point)

    def thaw(self):
        run("fsfreeze", "-u", self.mount_point)

    def cleanup(self):
        """Thaws, unmounts, detaches; repeatable, and the file stays for the folder's owner."""
        if self.mount_point:
            thaw(self.mount_point)
            try:
                self.umount()
            except (RuntimeError, subprocess.TimeoutExpired):
                subprocess.run(["umount", "-l", self.mount_point], check=False, timeout=30)
                self.mount_point = None
        if self.device:
            subprocess.run(["losetup", "-d", self.device], check=False, timeout=30)
            self.device = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cleanup()
