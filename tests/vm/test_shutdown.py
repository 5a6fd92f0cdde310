# SPDX-License-Identifier: Apache-2.0
"""A shutdown during the window of a bake: it waits for the window, and the bake is finished later."""

import json
import time
from types import SimpleNamespace

import pytest

from vm.machine import ASKED
from vm.nightly import SERVICE, assert_baked_by_timer, missed_run
from vm.standstill import FIND, LATE_SEC

BUDGET_SEC = 15
# systemd-logind's InhibitDelayMaxSec=: past it, what still delays is the stop of our units.
LOGIND_SEC = 5
WINDOWS = {"within-logind's-patience": 4, "beyond-logind's-patience": 10}
# A call that answers long after its window, and what a machine in an emulator may take to go off.
ANSWER_SEC, SHORT_BUDGET_SEC, OFF_SEC = 120, 7, 100
# Message ids of systemd/sd-messages.h: a unit is being stopped.
UNIT_STOPPING = "de5b426a63be47a7b6ac3eaac82e2f6f"


def test_a_shutdown_is_delayed_while_anything_is_frozen(load, instance):
    locks = "systemd-inhibit --list --no-legend"
    # logind asks polkit, for which quiesced does not wait long.
    instance.run("systemctl start polkit.service")
    with instance.paused_workers("frozen", BUDGET_SEC):
        instance.begin_image("delaying")
        told = instance.run(f"{FIND}{locks}\nkill -CONT $worker").stdout
        (job,) = instance.wait_for_jobs()
        assert job["result"] == "done"
        ours = [line.split() for line in told.splitlines() if line.startswith("quiesced ")]
        assert {word for line in ours for word in line} >= {"shutdown", "sleep"}, told
        assert all(line[-1] == "delay" for line in ours) and len(ours) == 2, told
        assert "quiesced" not in instance.run(locks).stdout


@pytest.mark.parametrize("window_sec", WINDOWS.values(), ids=WINDOWS.keys())
def test_a_shutdown_waits_for_the_window_and_the_next_boot_finishes_the_job(
        load, instance, window_sec):
    cloud = instance.site.cloud
    cloud.fault("CreateSnapshots", delay_before=window_sec)
    load.note()
    ahead_usec = instance.clock_ahead_usec()
    with instance.budget(BUDGET_SEC):
        instance.begin_image("golden")
        instance.wait_frozen()
        instance.machine.shut_down()
        assert instance.boot_again() == "running"
        (job,) = instance.wait_for_jobs()
    assert (job["result"], job["consistency"]) == ("done", "filesystem"), story(instance)
    assert window_sec * 1e6 <= job["frozen-usec"] <= BUDGET_SEC * 1e6
    image = instance.site.image("golden")
    assert image["state"] == "available" and len(image["snapshots"]) == 2
    assert len(cloud.snapshots()) == 2
    assert len([call for call in cloud.calls(action="CreateSnapshots") if not call["dry_run"]]) == 1
    # The window's end was told before the machine went off, and / was unmounted in order.
    said = instance.run("dmesg | grep EXT4-fs").stdout
    assert "mounted filesystem" in said and "recovery" not in said
    times = shutdown_times(instance, job)
    answered_usec = int((instance.cut_time() + window_sec) * 1e6) + ahead_usec
    assert times.asked_usec < answered_usec <= times.taken_usec, (answered_usec, times)
    if window_sec < LOGIND_SEC:
        assert answered_usec <= times.stopping_usec, (answered_usec, times)
    else:
        assert times.stopping_usec < answered_usec, (answered_usec, times)
    load.after_boot()


def shutdown_times(instance, job):
    """When, in the boot before: it was asked for, the cut was on record, and units began to stop."""
    asked = instance.run(f"journalctl -b -1 -k -o cat --grep='{ASKED}'").stdout
    taken = entries(instance, f"JOB_ID={job['id']} --grep='the point in time is taken'")
    asked_usec = int(asked.split()[-1])
    stopping = [usec for usec in entries(instance, f"_PID=1 MESSAGE_ID={UNIT_STOPPING}")
                if usec > asked_usec]
    assert taken and stopping, story(instance)
    return SimpleNamespace(asked_usec=asked_usec, taken_usec=taken[0], stopping_usec=min(stopping))


def entries(instance, matches):
    """When those of the boot before were sent: a frozen journald stamps them later."""
    told = instance.run("journalctl -b -1 -o json "
                        f"--output-fields=_SOURCE_REALTIME_TIMESTAMP {matches}").stdout
    return [int(json.loads(line)["_SOURCE_REALTIME_TIMESTAMP"]) for line in told.splitlines()]


@pytest.fixture(scope="module")
def too_late(running, steady_load):
    """
    The machine goes off long before the answer comes for which the window was opened. It also
    misses a run of its timer, which the same boot makes up for, since a boot takes its time.
    """
    cloud = running.site.cloud
    with running.clean():
        cloud.fault("CreateSnapshots", delay_after=ANSWER_SEC)
        steady_load.resume()
        steady_load.note()
        with running.budget(SHORT_BUDGET_SEC), missed_run(running):
            running.begin_image("golden")
            running.wait_frozen()
            began = time.monotonic()
            running.machine.shut_down()
            off_sec = time.monotonic() - began
            cloud.clear_faults()
            state = running.boot_again()
            running.machine.wait_for(
                f"systemctl show -P ExecMainStartTimestamp {SERVICE} | grep -q .",
                "the timer starts what was missed")
            jobs = {job["profile"]: job for job in running.wait_for_jobs()}
            yield SimpleNamespace(off_sec=off_sec, state=state, jobs=jobs)


def test_a_shutdown_waits_no_longer_than_the_budget(too_late, running, steady_load):
    assert too_late.off_sec < SHORT_BUDGET_SEC + OFF_SEC < ANSWER_SEC
    assert too_late.state == "running", running.run("systemctl --failed").stdout + story(running)
    job = too_late.jobs[""]
    assert (job["result"], job["consistency"]) == ("failed", "crash"), story(running)
    assert job["frozen-usec"] <= (SHORT_BUDGET_SEC + LATE_SEC) * 1e6
    cloud = running.site.cloud
    assert [one for one in cloud.snapshots() if one["tags"]["quiesced:job"] == job["id"]] == []
    assert len([one for one in cloud.calls(action="CreateSnapshots") if not one["dry_run"]]) == 2
    steady_load.after_boot()


def test_a_missed_run_is_made_up_for_after_the_boot(too_late, running):
    assert_baked_by_timer(running, too_late.jobs["nightly"])


def story(instance):
    return instance.run("journalctl -b -1 -u quiesced -u 'quiesced-freezer@*' -u systemd-logind; "
                        "journalctl -b -u quiesced").stdout
