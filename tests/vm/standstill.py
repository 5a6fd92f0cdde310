# SPDX-License-Identifier: Apache-2.0
"""Looks into a guest whose root is frozen: shell lines in one go, since the window does not wait."""

from dataclasses import dataclass

CGROUPS = "/sys/fs/cgroup/system.slice"
# Until a worker that pauses stands still; then $worker, $daemon, $freezer (the unit), $main (its
# process) and $cgroup (of all its processes) are set.
FIND = f"""
stopped() {{
    for pid in $(cat {CGROUPS}/quiesced.service/cgroup.procs); do
        read -r _ _ state _ <"/proc/$pid/stat" && [ "$state" = T ] && worker=$pid && return
    done
    return 1
}}
until stopped; do sleep 0.05; done
for cgroup in {CGROUPS}/*/quiesced-freezer@*; do freezer=${{cgroup##*/}}; done
set -- $(systemctl show -P MainPID quiesced.service "$freezer")
daemon=$1 main=$2
"""
# Prints CLOCK_BOOTTIME, in seconds, before whatever is done to it then.
STRIKE = f"{FIND}\ncut -d' ' -f1 /proc/uptime\n"
MEMORY = FIND + """
for pid in "$daemon" "$worker" $(cat "$cgroup/cgroup.procs"); do
    sed -n '/^Name:/p; /^VmSize:/p; /^VmLck:/p' "/proc/$pid/status"
    sed -n '/^Pss:/p' "/proc/$pid/smaps_rollup"
done
kill -CONT "$worker"
"""
LINES = 4
# A net acts within a second of the deadline, if an emulated processor of a busy machine has one.
LATE_SEC = 5


@dataclass
class Memory:
    """Of one process, in kB."""

    name: str
    size: int
    locked: int
    pss: int


def assert_stalled_at(writers, struck_usec, budget_sec):
    """All of them stood still at that time, and not for longer than the budget and LATE_SEC."""
    for one in writers.written:
        stalls = one.stalls(struck_usec, struck_usec)
        assert stalls, f"{one.folders[0]}/{one.kind} was not frozen"
        assert max(stall.usec for stall in stalls) <= (budget_sec + LATE_SEC) * 1e6


def daemon_pss_kb(instance):
    """While it does nothing, once the first call has started it."""
    instance.ctl_json("status")
    line = instance.run("sed -n '/^Pss:/p' "
                        "/proc/$(systemctl show -P MainPID quiesced.service)/smaps_rollup").stdout
    return int(line.split()[1])


def memory_while_frozen(instance, name, budget_sec=10):
    """[Memory] of the daemon, the worker and each process of the freezer."""
    with instance.paused_workers("frozen", budget_sec):
        instance.begin_image(name)
        values = [line.split()[1] for line in instance.run(MEMORY).stdout.splitlines()]
    return [Memory(name, *map(int, rest))
            for name, *rest in zip(*(values[place::LINES] for place in range(LINES)))]
