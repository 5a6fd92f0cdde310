# SPDX-License-Identifier: Apache-2.0
"""What quiesced costs while it does nothing, and how long it takes to begin."""

import re
import statistics
import subprocess
import time

from lab import processes
from lab.lab import Lab
from lab.paths import TESTS
from lab.processes import wait_until

IDLE_SEC = 60
FREEZER_CLIENT = {"client.c", "client.h"}


def code_lines(path):
    """Without blank ones and comments."""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), path.read_text(), flags=re.S)
    return sum(1 for line in text.splitlines() if line.strip())


def freezer_lines():
    """Of all that runs with privilege."""
    files = (TESTS.parent / "freeze").glob("*.[ch]")
    return sum(code_lines(f) for f in files if f.name not in FREEZER_CLIENT)


def freezer_pss_kb(lab):
    """All of its processes, while it holds a freeze."""
    command = subprocess.Popen(
        [lab.program("quiescectl"), "freeze", "--", "sleep", "0.6"], env=lab.environment()
    )
    main = wait_until(lab.freezers, 5, "the freezer runs")[0]
    wait_until(lambda: not lab.volumes[0].fs.accepts_write(0.2), 5, "the freeze")
    pids = [main, *processes.descendants(main)]
    total = sum(processes.pss_kb(pid) for pid in pids)
    command.wait()
    return total, len(pids)


def daemon_idle(lab):
    """(PSS in kB, context switches in a minute)."""
    before = processes.context_switches(lab.daemon.pid)
    time.sleep(IDLE_SEC)
    after = processes.context_switches(lab.daemon.pid)
    return processes.pss_kb(lab.daemon.pid), after - before


def start_ms(lab):
    """From the start of `quiescectl image` to the first FIFREEZE, without the cloud's own time."""
    lab.cloud.clear_calls()
    began = time.time()
    job = lab.bake("image", f"bench-{time.time_ns()}")
    calls = lab.cloud.calls()
    (cut,) = [c for c in calls if c["action"] == "CreateSnapshots" and not c["dry_run"]]
    served = sum(c["duration"] for c in calls if c["number"] < cut["number"])
    phases = job["phases"]
    freezing = cut["time"] - (phases["warm-up-usec"] + phases["freeze-usec"]) / 1e6
    return (freezing - began - served) * 1000


def measure(runs):
    with Lab(budget="10s") as lab:
        starts = [start_ms(lab) for _ in range(runs)]
        pss, n_processes = freezer_pss_kb(lab)
        daemon_pss, switches = daemon_idle(lab)
    return {
        "start_ms": statistics.median(starts),
        "freezer_pss_kb": pss,
        "freezer_processes": n_processes,
        "freezer_lines": freezer_lines(),
        "daemon_pss_kb": daemon_pss,
        "daemon_switches": switches,
    }
