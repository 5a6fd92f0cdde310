# SPDX-License-Identifier: Apache-2.0
"""SIGKILL for what holds the freeze of / : the next net thaws, and the machine stays usable."""

import pytest

from vm.standstill import CGROUPS, STRIKE, assert_stalled_at

BUDGET_SEC = 5
# The worker goes on where it outlives the blow; the deadline is waited for where there is none. By
# its control group the freezer dies together with its deadman.
FREEZER_GROUP = 'echo 1 >"$cgroup/cgroup.kill"'
DAEMON_GROUP = f"echo 1 >{CGROUPS}/quiesced.service/cgroup.kill"
BLOWS = {
    "daemon": 'kill -KILL "$daemon"',
    "worker": 'kill -KILL "$worker"',
    "freezer-cgroup": f'{FREEZER_GROUP}; kill -CONT "$worker"',
    "both-cgroups": f"{FREEZER_GROUP}; {DAEMON_GROUP}",
    "nobody": f'sleep {BUDGET_SEC + 1}; kill -CONT "$worker"',
}
BLOWS_FOR_THE_DEADMAN = {
    "freezer": 'kill -KILL "$main"; kill -CONT "$worker"',
    "daemon-and-freezer": 'kill -KILL "$daemon" "$main"',
}
DROP_IN = "/run/systemd/system/quiesced-freezer@.service.d/no-last-net.conf"


@pytest.fixture(scope="module")
def writers(running):
    """Under a daemon whose workers pause when all is frozen."""
    with running.paused_workers("frozen", BUDGET_SEC), running.writers() as writers:
        yield writers


@pytest.fixture(scope="module")
def no_last_net(running):
    """What systemd would start when the freezer has died."""
    running.machine.write(DROP_IN, "[Service]\nExecStopPost=\n")
    running.run("systemctl daemon-reload")
    yield
    running.run(f"rm {DROP_IN} && systemctl daemon-reload")


def last_net(instance):
    """The commands of the freezer's unit that remain."""
    return instance.run("systemctl show -P ExecStopPost quiesced-freezer@0").stdout.strip()


def assert_thawed(instance, writers, blow):
    instance.begin_image("killed")
    struck = instance.run(STRIKE + blow).stdout
    writers.wait_for_writes(5)
    writers.fetch()
    assert writers.errors() == {}
    assert_stalled_at(writers, int(float(struck) * 1e6), BUDGET_SEC)
    # A daemon that was killed starts anew, and ends the job that it finds.
    instance.machine.wait_for("quiescectl status >/dev/null", "quiesced answers again")
    (job,) = instance.wait_for_jobs()
    assert job["result"] == "failed" and job["error"]
    assert instance.site.cloud.snapshots() == []
    assert instance.run("systemctl is-system-running --wait; "
                        "ls -A -I lock /run/quiesced/freezer").stdout == "running\n"


@pytest.mark.parametrize("blow", BLOWS.values(), ids=BLOWS.keys())
def test_a_frozen_root_is_thawed(writers, instance, blow):
    assert last_net(instance) != ""
    assert_thawed(instance, writers, blow)


@pytest.mark.parametrize("blow", BLOWS_FOR_THE_DEADMAN.values(), ids=BLOWS_FOR_THE_DEADMAN.keys())
def test_the_deadman_needs_no_further_net(writers, no_last_net, instance, blow):
    assert last_net(instance) == ""
    assert_thawed(instance, writers, blow)
