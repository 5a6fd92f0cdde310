# SPDX-License-Identifier: Apache-2.0
"""The file system that holds the volumes' files, frozen while they are copied.

A write that a loop device passes on to its file is held back by the freeze, so what is copied while
it lasts is one instant of all volumes. A keeper process thaws if the server dies meanwhile.
"""

import contextlib
import fcntl
import os
import signal

FIFREEZE = 0xC0045877
FITHAW = 0xC0045878


class Backend:
    def __init__(self, mount_point):
        self.mount_point = os.path.realpath(mount_point)
        _check_made_for_tests(self.mount_point)
        self._fd = os.open(self.mount_point, os.O_RDONLY | os.O_DIRECTORY)
        self._device = os.fstat(self._fd).st_dev
        self._pipe, self._keeper = _keeper_start(self._fd)

    def holds(self, path):
        return os.stat(path).st_dev == self._device

    @contextlib.contextmanager
    def frozen(self):
        os.write(self._pipe, b"f")
        try:
            fcntl.ioctl(self._fd, FIFREEZE, 0)
            try:
                yield
            finally:
                fcntl.ioctl(self._fd, FITHAW, 0)
        finally:
            os.write(self._pipe, b"t")

    def close(self):
        os.close(self._pipe)
        os.waitpid(self._keeper, 0)
        os.close(self._fd)


def _check_made_for_tests(mount_point):
    """Only a loop mount of its own may be frozen, never a file system that others live on."""
    sources = []
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        for line in mounts:
            left, _, right = line.partition(" - ")
            if left.split(" ")[4].encode().decode("unicode_escape") == mount_point:
                sources.append(right.split(" ")[1])
    if mount_point == "/" or not sources or not sources[-1].startswith("/dev/loop"):
        raise ValueError(f"freeze_backend {mount_point} is not the mount point of a loop device")


def _keeper_start(fd):
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(reader)
        return writer, child
    os.close(writer)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
    state = b"t"
    while data := os.read(reader, 64):
        state = data[-1:]
    if state == b"f":
        with contextlib.suppress(OSError):
            fcntl.ioctl(fd, FITHAW, 0)
    os._exit(0)
