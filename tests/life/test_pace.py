# SPDX-License-Identifier: Apache-2.0
"""Nobody is frozen for a snapshot that EC2 would refuse: its turn is waited for before."""

import time

import pytest
from lab.lab import Lab
from lab.processes import wait_until

SPACING_SEC = 4


def creations(lab):
    return [call for call in lab.cloud.calls("CreateSnapshots") if not call["dry_run"]]


def pend(lab, count, volume=0):
    """So many snapshots of a volume by somebody else, which do not come to an end."""
    lab.cloud.configure(snapshot_seconds=None)
    for _ in range(count):
        lab.ec2.create_snapshot(VolumeId=lab.volumes[volume].id)
    lab.cloud.clear_calls()


def is_waiting(lab, start):
    return "waiting for them" in lab.log()[start:]


def await_waiting(lab, start):
    wait_until(lambda: is_waiting(lab, start), 20, "the bake waits")


def test_two_snapshots_in_a_row_keep_their_distance(lab):
    with lab.settings(Aws=["SettleSec=1s", f"VolumeSpacingSec={SPACING_SEC}s"]):
        lab.cloud.configure(volume_rate_seconds=SPACING_SEC)
        lab.bake("snapshot")
        began = time.monotonic()
        lab.bake("snapshot")
        assert time.monotonic() - began >= SPACING_SEC - 2
    assert [call["code"] for call in creations(lab)] == [None, None]
    first, second = (call["time"] for call in creations(lab))
    assert second - first >= SPACING_SEC


def test_an_account_that_is_busy_for_long_is_waited_for_and_nobody_is_frozen_meanwhile(lab):
    """More refusals than any other call would bear, of the dry run that comes before the freeze."""
    lab.cloud.fault("CreateSnapshots", times=11, dry_run=True, error="RequestLimitExceeded",
                    status=503)
    start = time.monotonic()
    client = lab.bake_in_background("snapshot")
    wait_until(lambda: len(lab.cloud.calls("CreateSnapshots")) >= 3, 30, "it goes on")
    assert creations(lab) == []
    assert lab.ctl("cancel", lab.new_jobs()[-1]["id"]).returncode == 0
    assert client.wait(60) != 0
    assert time.monotonic() - start < 60
    assert lab.new_jobs()[-1]["result"] == "cancelled" and lab.cloud.snapshots() == []


def test_a_snapshot_of_another_volume_need_not_wait():
    with Lab() as lab, lab.settings(Aws=["SettleSec=1s", "VolumeSpacingSec=5min"]):
        root, data = lab.volumes
        lab.bake("snapshot", f"--volume={root.mount_point}")
        job = lab.bake("snapshot", f"--volume={data.mount_point}")
    assert job["result"] == "done"


def test_a_full_volume_is_waited_for(lab):
    pend(lab, 5)
    start = len(lab.log())
    client = lab.bake_in_background("snapshot")
    await_waiting(lab, start)
    assert creations(lab) == []
    lab.cloud.configure(snapshot_seconds=0)
    assert client.wait(60) == 0
    assert [call["code"] for call in creations(lab)] == [None]


def test_four_pending_ones_are_no_reason_to_wait(lab):
    pend(lab, 4, volume=1)
    start = len(lab.log())
    client = lab.bake_in_background("snapshot")
    wait_until(lambda: creations(lab), 20, "the create call is sent")
    lab.cloud.configure(snapshot_seconds=0)
    assert client.wait(60) == 0
    assert not is_waiting(lab, start)


def test_a_hard_disk_takes_one_at_a_time(lab):
    lab.cloud.set_volume(lab.volumes[1].id, type="st1")
    pend(lab, 1, volume=1)
    start = len(lab.log())
    client = lab.bake_in_background("snapshot")
    await_waiting(lab, start)
    lab.cloud.configure(snapshot_seconds=0)
    assert client.wait(60) == 0
    lab.cloud.set_volume(lab.volumes[1].id, type="gp3")


def test_who_waits_too_long_fails_by_name(lab):
    pend(lab, 5)
    with lab.settings(Aws=["SettleSec=1s", "PendingWaitSec=2s"]):
        job, message = lab.failed_bake("snapshot")
    assert job["error"] == "org.quiesced1.Error.Busy"
    assert f"no further snapshot of {lab.volumes[0].id}" in message
    assert "PendingWaitSec=" in message
    assert creations(lab) == [] and job["frozen-usec"] == 0
    assert len(lab.cloud.snapshots()) == 5


def test_waiting_is_cancelled_at_once(lab):
    pend(lab, 5)
    start = len(lab.log())
    client = lab.bake_in_background("snapshot")
    await_waiting(lab, start)
    began = time.monotonic()
    assert lab.ctl("cancel", lab.new_jobs()[-1]["id"]).returncode == 0
    assert client.wait(60) != 0
    assert time.monotonic() - began < 30, "it is not waited for"
    assert lab.new_jobs()[-1]["result"] == "cancelled"
    assert len(lab.cloud.snapshots()) == 5


@pytest.mark.parametrize("fault", [
    {"error": "UnauthorizedOperation", "status": 403}, {"error": "InvalidParameterValue"}],
    ids=lambda fault: fault["error"])
def test_a_cloud_that_does_not_tell_is_asked_all_the_same(lab, fault):
    lab.cloud.fault("DescribeSnapshots", where={"Filter.1.Value.1": "pending"}, **fault)
    assert lab.bake("snapshot")["result"] == "done"
