# SPDX-License-Identifier: Apache-2.0
"""Copies of volume files, all taken at one instant, holes left out."""

import concurrent.futures
import contextlib
import os
import threading

PIECE_BYTES = 1 << 20    # two such buffers stay in a core's cache; larger ones copy slower


class Copier:
    def __init__(self, backend, directory):
        self._backend = backend
        self._lock = threading.Lock()
        if backend is not None and backend.holds(directory):
            raise ValueError(f"{directory} lies on the file system that is frozen for the copy")

    def copy(self, pairs, instant):
        """Copies each (source, target); calls `instant()` when the point in time is fixed."""
        with self._lock, self._stillness():
            instant()
            with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
                for done in [pool.submit(file_copy, *pair) for pair in pairs]:
                    done.result()

    def _stillness(self):
        return self._backend.frozen() if self._backend else contextlib.nullcontext()


def file_copy(source, target, skip=0):
    """A new file, without the first `skip` bytes of the source."""
    with contextlib.ExitStack() as stack:
        from_fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, from_fd)
        to_fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        stack.callback(os.close, to_fd)
        os.ftruncate(to_fd, os.fstat(from_fd).st_size - skip)
        buffer = memoryview(bytearray(PIECE_BYTES))
        for start, end in _data_ranges(from_fd, skip):
            os.lseek(to_fd, start - skip, os.SEEK_SET)
            _range_copy(from_fd, to_fd, start, end, buffer)


def _data_ranges(fd, offset):
    size = os.fstat(fd).st_size
    while offset < size:
        try:
            start = os.lseek(fd, offset, os.SEEK_DATA)
        except OSError:          # ENXIO: only a hole is left
            return
        offset = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, offset


def _range_copy(from_fd, to_fd, start, end, buffer):
    while start < end:
        got = os.preadv(from_fd, [buffer[:min(len(buffer), end - start)]], start)
        if got == 0:
            return
        start += os.write(to_fd, buffer[:got])
