# SPDX-License-Identifier: Apache-2.0
"""SIGKILL for what holds the freeze of / : the next net thaws, and the machine stays usable."""

import pytest

from vm.standstill import FIND

BUDGET_SEC = 5
# Prints CLOCK_BOOTTIME of the blow, in seconds.
STRIKE = f"{FIND}\ncut -d' ' -f1 /proc/uptime\n"
# The worker goes on where it outlives the blow; the deadline is waited for where there is none.
BLOWS = {
    "daemon": 'kill -KILL "$daemon"',
    "worker": 'kill -KILL "$worker"',
    "daemon-and-freezer": 'kill -KILL "$daemon" "$main"',
    "freezer": 'kill -KILL "$main"; kill -CONT "$worker"',
    "freezer-cgroup": 'echo 1 >"$cgroup/cgroup.kill"; kill -CONT "$worker"',
    "nobody": f'sleep {BUDGET_SEC + 1}; kill -CONT "$worker"',
}


def assert_stalled_at(writers, struck_usec):
    """All of them stood still at that time, and not for longer than the budget and a second."""
    for one in writers.written:
        stalls = one.stalls(struck_usec, struck_usec)
        assert stalls, f"{one.folders[0]}/{one.kind} was not frozen"
        assert max(stall.usec for stall in stalls) <= (BUDGET_SEC + 1) * 1e6


@pytest.mark.parametrize("blow", BLOWS.values(), ids=BLOWS.keys())
def test_a_frozen_root_is_thawed(instance, blow, request):
    name = request.node.callspec.id
    with instance.paused_workers("frozen", BUDGET_SEC), instance.writers() as writers:
        instance.begin_image(f"killed-{name}")
        struck = instance.run(STRIKE + blow).stdout
        writers.wait_for_writes(5)
        writers.stop()
        assert writers.errors() == {}
        assert_stalled_at(writers, int(float(struck) * 1e6))
        # A daemon that was killed starts anew, and ends the job that it finds.
        instance.run("until quiescectl status >/dev/null; do sleep 0.5; done")
        (job,) = instance.wait_for_jobs()
    assert job["result"] == "failed" and job["error"]
    assert instance.site.cloud.snapshots() == []
    assert instance.run("systemctl is-system-running --wait").stdout == "running\n"
    assert instance.run("ls -A -I lock /run/quiesced/freezer").stdout == ""
