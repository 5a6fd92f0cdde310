# SPDX-License-Identifier: Apache-2.0
"""Looking at processes, waiting for them, and ending those that a test has started."""

import os
import signal
import time
from pathlib import Path


# For what has to come: it does so long before, unless the machine is busy with other things.
PATIENCE_SEC = 60


class TimedOut(AssertionError):
    pass


def wait_until(condition, timeout, what, pause=0.005):
    """Polls until condition() is true, and returns what it returned; for PATIENCE_SEC at least."""
    timeout = max(timeout, PATIENCE_SEC)
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimedOut(f"after {timeout} s: {what}")
        time.sleep(pause)


def is_listening(path):
    """
    Whether somebody accepts connections on a Unix socket. Its file alone says no more than that it
    is bound: between bind(2) and listen(2) a connection is refused.
    """
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        # Num RefCount Protocol Flags Type St Inode Path; 0x10000 is the kernel's __SO_ACCEPTCON.
        fields = line.split(maxsplit=7)
        if fields[-1] == str(path) and int(fields[3], 16) & 0x10000:
            return True
    return False


def stat_fields(pid):
    """(name, state, parent) of a process, or None."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    name = text[text.index("(") + 1 : text.rindex(")")]
    state, parent = text[text.rindex(")") + 2 :].split()[:2]
    return name, state, int(parent)


def began_at(pid):
    """In ticks since the boot, see proc_pid_stat(5); 0 if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(text[text.rindex(")") + 2 :].split()[19])


def children(parent, name=None):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        fields = stat_fields(pid)
        if fields and fields[2] == parent and fields[1] not in "ZX":
            # The kernel keeps 15 bytes of a name.
            if name is None or fields[0] == name[:15]:
                found.append(int(pid))
    return sorted(found)


def descendants(parent):
    found = []
    for pid in children(parent):
        found += [pid, *descendants(pid)]
    return found


def is_stopped(pid):
    fields = stat_fields(pid)
    return fields is not None and fields[1] == "T"


def is_alive(pid):
    fields = stat_fields(pid)
    return fields is not None and fields[1] not in "ZX"


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def end(process, timeout=10):
    """Ends a Popen politely, then not."""
    if process.poll() is None:
        process.terminate()
        send(process.pid, signal.SIGCONT)
        try:
            process.wait(timeout)
        except Exception:
            process.kill()
            process.wait(timeout)


def pss_kb(pid):
    """Proportional set size: shared pages count by their share."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def context_switches(pid):
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.endswith("ctxt_switches") or "ctxt_switches:" in line:
                total += int(line.split()[1])
    return total
