# SPDX-License-Identifier: Apache-2.0
"""tests/lab's writers, in a guest: their records lie in its /run, which nobody freezes."""

import itertools
import tempfile
from pathlib import Path

from lab.processes import wait_until
from lab.written import HEADER, ITEM, Written
from vm.guest import WRITERS

WRITE_BYTES = 64
# Emulated, each write takes a millisecond of a processor.
PACE_USEC = 50000
# Much for a write, little for a host that emulates its guest beside other work.
WRITES_SEC = 120


class GuestWriters:
    """
    One of each kind in a folder of its own on each mount point, until stop(); and one that writes
    to both of each pair of mount points.
    """

    _numbers = itertools.count(1)

    def __init__(self, machine, kinds, mount_points, pairs=(), pace_usec=PACE_USEC):
        name = f"writers-{next(self._numbers)}"
        self._machine = machine
        self._unit = f"{name}.service"
        self._records = f"/run/{name}"
        self._copies = tempfile.TemporaryDirectory(prefix="quiesced-written-")
        self.folders = [f"{mount_point}/{name}" for mount_point in mount_points]
        specs = [(kind, folder) for folder in self.folders for kind in kinds]
        specs += [("pairs", *(f"{one}/{name}" for one in pair)) for pair in pairs]
        self.written = [Written(kind, folders, Path(self._copies.name, f"{number}.written"),
                                WRITE_BYTES)
                        for number, (kind, *folders) in enumerate(specs)]
        self._start(" ".join(f"{kind}={','.join(folders)}" for kind, *folders in specs), pace_usec)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self._machine.run(f"rm -r {self._records} {' '.join(self.folders)}")
        self._copies.cleanup()

    def _start(self, specs, pace_usec):
        """
        They write until their input ends, also at a shutdown: the kernel cuts a write of several
        pages short, and the database's page is torn, when its process is killed in it.
        """
        self._machine.run(f"mkdir {self._records} {' '.join(self.folders)}")
        command = (f'sleep infinity | (trap "" TERM; exec /{WRITERS} --records={self._records} '
                   f"--bytes={WRITE_BYTES} --pace-usec={pace_usec} {specs})")
        self._machine.run(f"systemd-run --quiet --unit={self._unit} /bin/bash -c '{command}'")
        last = f"{self._records}/{self.written[-1].path.name}"
        self._machine.wait_for(f"[ -s {last} ]", "the writers have begun")
        self.wait_for_writes(20)

    def counts(self):
        return [HEADER.unpack(header)[1] for header in self._headers()]

    def _headers(self):
        names = " ".join(f"{self._records}/{written.path.name}" for written in self.written)
        # By one process for all of them: a slow guest notices each.
        told = self._machine.run_raw(f"head -qc {HEADER.size} {names}")
        return [told[at:at + HEADER.size] for at in range(0, len(told), HEADER.size)]

    def fetch(self):
        """Brings the records up to date: what is new of each, without the hole that it ends in."""
        headers = self._headers()
        spans = [(self._records_bytes(written),
                  HEADER.size + HEADER.unpack(header)[1] * ITEM.size)
                 for written, header in zip(self.written, headers)]
        told = self._machine.run_raw("; ".join(
            f"tail -c +{have + 1} {self._records}/{written.path.name} | head -c {size - have}"
            for written, (have, size) in zip(self.written, spans)))
        for written, header, (have, size) in zip(self.written, headers, spans):
            with written.path.open("r+b" if written.path.exists() else "w+b") as record:
                record.write(header)
                record.seek(have)
                record.write(told[:size - have])
            told = told[size - have:]

    @staticmethod
    def _records_bytes(written):
        """How much of its record is here; before the first time, no more than its place."""
        return written.path.stat().st_size if written.path.exists() else HEADER.size

    def wait_for_writes(self, count, timeout=WRITES_SEC):
        """Until each has returned from so many writes, beyond those before."""
        goals = []

        def reached():
            counts = self.counts()
            if not goals:
                goals.extend(before + count for before in counts)
            return all(now >= goal for now, goal in zip(counts, goals))

        wait_until(reached, timeout, "every writer writes", pause=0.1)

    def stop(self):
        """May be called again."""
        self._machine.run(f"systemctl stop {self._unit}; systemctl reset-failed {self._unit}",
                          check=False)
        self.fetch()

    def of(self, mount_point):
        """Those that write there; "/srv" is on the root."""
        on_data = [one for one in self.written if one.folders[0].is_relative_to("/data")]
        return on_data if mount_point == "/data" else [
            one for one in self.written if one not in on_data]

    def errors(self):
        return {written.kind: written.error() for written in self.written if written.error()}
