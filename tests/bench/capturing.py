# SPDX-License-Identifier: Apache-2.0
"""The window of a capture: 10 GB read again with 1 % of them changed, beside a plain read of the same blocks.

Both read a loop device that passes its reads on to the disk (direct I/O), so that no cache has a part in it.
"""

import contextlib
import mmap
import os
import random
import re
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import processes
from lab.capture import Client
from lab.loopfs import LoopFs, run
from lab.paths import BUILD
from lab.processes import wait_until

USED_BYTES = 10 * 10**9
FILE_BYTES = 64 << 20
PIECE_BYTES = 256 << 10  # of what is changed: one in a hundred
CHUNK_BYTES = 1 << 20
THREADS = 8  # as many reads under way as capture has
PATIENCE_SEC = 600
BUDGET_USEC = 30_000_000  # the most there is


@contextlib.contextmanager
def capture_socket(folder):
    path = folder / "capture.sock"
    process = subprocess.Popen(
        ["systemd-socket-activate", "--seqpacket", "--accept", "-l", path, BUILD / "quiesced-capture"],
        stdin=subprocess.DEVNULL, stderr=(folder / "capture.log").open("w"))
    try:
        wait_until(lambda: processes.is_listening(path), 10, "the capture's socket")
        yield path
    finally:
        process.terminate()
        process.wait(10)


def fill(fs, used_bytes):
    """Files without holes, whose blocks are none like another; their paths."""
    content = random.Random(1).randbytes(FILE_BYTES)
    paths = [Path(fs.mount_point, f"file-{i}") for i in range(used_bytes // FILE_BYTES)]
    for i, path in enumerate(paths):
        path.write_bytes(content[i * 64:] + content[:i * 64])
        run("sync", path)
    return paths


def change(fs, paths):
    """One piece in a hundred."""
    pieces = [(path, at) for path in paths for at in range(0, FILE_BYTES, PIECE_BYTES)]
    for path, at in random.sample(pieces, len(pieces) // 100):
        with path.open("r+b") as file:
            file.seek(at)
            file.write(os.urandom(PIECE_BYTES))
    run("sync", "-f", fs.mount_point)


def used_chunks(fs):
    """(offset, length), of what ext4 has allocated."""
    about = run("dumpe2fs", fs.device)
    block = int(re.search(r"^Block size: +(\d+)$", about, re.M)[1])
    ends = [0]
    for line in re.findall(r"^  Free blocks: (.+)$", about, re.M):
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", line):
            ends += [int(first), int(last or first) + 1]
    ends.append(int(re.search(r"^Block count: +(\d+)$", about, re.M)[1]))
    for start, end in zip(ends[::2], ends[1::2]):
        for at in range(start * block, end * block, CHUNK_BYTES):
            yield at, min(CHUNK_BYTES, end * block - at)


def read_plainly(fs, chunks):
    """Seconds."""
    fd = os.open(fs.device, os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)

    def read_share(first):
        with mmap.mmap(-1, CHUNK_BYTES) as buffer, memoryview(buffer) as view:
            for at, length in chunks[first::THREADS]:
                with view[:length] as room:
                    assert os.preadv(fd, [room], at) == length

    try:
        began = time.monotonic()
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(read_share, range(THREADS)))
        return time.monotonic() - began
    finally:
        os.close(fd)


def capture_once(socket, folder, fs, paths):
    """The report of the pass in the window, behind one before it."""
    with contextlib.closing(Client(socket)) as client:
        client.socket.settimeout(PATIENCE_SEC)
        client.began(fs, folder)
        client.make_pass()
        change(fs, paths)
        fs.freeze()
        try:
            return client.final(BUDGET_USEC)
        finally:
            fs.thaw()


def measure(runs, progress=lambda: None, used_bytes=USED_BYTES):
    """{what: seconds}, medians; the bytes that were read, and those that had changed."""
    with contextlib.ExitStack() as stack:
        # On the disk: memory has no place for it twice.
        folder = Path(stack.enter_context(
            tempfile.TemporaryDirectory(prefix="capture.", dir=os.environ.get("TMPDIR", "/var/tmp"))))
        fs = stack.enter_context(LoopFs.make("ext4", folder, size=used_bytes * 5 // 4 & -CHUNK_BYTES, name="disk"))
        run("losetup", "--direct-io=on", fs.device)
        socket = stack.enter_context(capture_socket(folder))
        paths = fill(fs, used_bytes)
        chunks = list(used_chunks(fs))
        samples = {"window": [], "plain": []}
        for _ in range(runs):
            report = capture_once(socket, folder, fs, paths)
            samples["window"].append(report.span_usec / 1e6)
            samples["plain"].append(read_plainly(fs, chunks))
            progress()
        assert abs(sum(length for _, length in chunks) / report.read - 1) < 0.02
    return {what: statistics.median(taken) for what, taken in samples.items()}, report.read, report.changed
