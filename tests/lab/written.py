# SPDX-License-Identifier: Apache-2.0
"""What tests/lab/writers has written, and when: the reading side of written.h."""

import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

MAGIC = 0x6E65747469727771
HEADER = struct.Struct("<QQQQ")
ITEM = struct.Struct("<QQ")
FILES_PER_FOLDER = 1000


def boottime_usec():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


@dataclass
class Stall:
    began_usec: int
    usec: int


class Written:
    """One writer: its kind, its folders, and every write(2) of it that has returned."""

    def __init__(self, kind, folders, path, size):
        self.kind = kind
        self.folders = [Path(f) for f in folders]
        self.path = Path(path)
        self.size = size

    def _header(self, data):
        magic, n_items, error, began = HEADER.unpack_from(data)
        if magic != MAGIC:
            raise ValueError(f"{self.path}: not a record of writes")
        return n_items, error, began

    def items(self):
        with self.path.open("rb") as f:
            n_items, _, _ = self._header(f.read(HEADER.size))
            return list(ITEM.iter_unpack(f.read(n_items * ITEM.size)))

    def count(self):
        with self.path.open("rb") as f:
            return self._header(f.read(HEADER.size))[0]

    def error(self):
        """errno of the write that ended this writer, or 0."""
        with self.path.open("rb") as f:
            return self._header(f.read(HEADER.size))[1]

    def returned_before(self, usec):
        """How many writes had returned at that time."""
        return sum(1 for _, ended in self.items() if ended <= usec)

    def stalls(self, since_usec=0, until_usec=1 << 63, longer_than_usec=0):
        """The writes that took long, of those that touch the span."""
        return [
            Stall(began, ended - began)
            for began, ended in self.items()
            if ended >= since_usec and began <= until_usec and ended - began > longer_than_usec
        ]

    def longest_stall_usec(self, since_usec=0, until_usec=1 << 63):
        return max((s.usec for s in self.stalls(since_usec, until_usec)), default=0)

    def content(self, number):
        """What write `number` wrote: fill() of writers.c."""
        head = b"%012d " % number
        body = bytes(ord("a") + (number + i) % 26 for i in range(len(head), self.size - 1))
        return head + body + b"\n"

    def file_name(self, number):
        return f"{self.kind}/{number // FILES_PER_FOLDER:04}/{number:012}"


class Writers:
    """The program, running; `specs` are (kind, folder) or ("pairs", folder, folder)."""

    def __init__(self, program, records, specs, pace_usec=1000, size=64):
        self.records = Path(records)
        self.records.mkdir()
        self.written = [
            Written(spec[0], spec[1:], self.records / f"{i}.written", size)
            for i, spec in enumerate(specs)
        ]
        self.process = subprocess.Popen(
            [
                program,
                f"--records={records}",
                f"--pace-usec={pace_usec}",
                f"--bytes={size}",
                *(f"{spec[0]}={','.join(map(str, spec[1:]))}" for spec in specs),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self.process.stdout.readline() != "ready\n":
            self.process.wait()
            raise RuntimeError("the writers did not start")

    def wait_for_writes(self, count=5, timeout=60):
        """Until each writer has returned from `count` more writes."""
        goals = [w.count() + count for w in self.written]
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if all(w.count() >= goal for w, goal in zip(self.written, goals)):
                return
            time.sleep(0.01)
        raise TimeoutError(f"a writer is stuck: {[w.count() for w in self.written]} of {goals}")

    def stop(self, timeout=60):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(timeout)
        self.process.stdout.close()

    def errors(self):
        return {w.kind: w.error() for w in self.written if w.error()}

    def longest_stall_usec(self, since_usec=0, until_usec=1 << 63):
        return max(w.longest_stall_usec(since_usec, until_usec) for w in self.written)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.process.kill()
