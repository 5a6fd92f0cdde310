# SPDX-License-Identifier: Apache-2.0
"""What EC2 and the host did is held against the plan, and nothing that was made is lost."""

import signal
import subprocess
import time

import pytest

from lab import processes
from lab.processes import wait_until

# A late answer is later than that.
BUDGET = "3s"
METHODS = ["register", "create-image"]


def error(job):
    return job["error"].rpartition(".")[2]


def pause(lab, step, *arguments):
    lab.pause_worker(step)
    client = lab.bake_in_background(*arguments)
    worker = wait_until(
        lambda: next((w for w in lab.workers() if processes.is_stopped(w)), None), 10, "it pauses"
    )
    lab.pause_worker(None)
    return client, worker


def go_on(lab, client, worker):
    processes.send(worker, signal.SIGCONT)
    _, message = client.communicate(timeout=60)
    (job,) = lab.wait_for_new_jobs()
    return job, message


def assert_nothing_is_left(lab):
    assert lab.images_in_cloud() == []
    assert lab.cloud.snapshots() == []


@pytest.mark.parametrize("method", METHODS)
def test_a_volume_that_is_attached_after_the_plan_was_not_frozen(lab, method):
    client, worker = pause(lab, "prepared", "image", f"more-{method}", f"--method={method}")
    extra = lab.cloud.attach_volume(
        id="vol-0000000000000beef", path=lab.volumes[1].fs.image, device="/dev/sdq"
    )
    try:
        job, message = go_on(lab, client, worker)
    finally:
        lab.cloud.detach_volume(extra)
    assert error(job) == "ConsistencyNotReached"
    assert "a volume was attached" in message
    assert_nothing_is_left(lab)


@pytest.mark.parametrize(
    "arguments",
    [
        ("snapshot",),
        ("image", "less", "--method=register"),
        ("image", "less", "--method=create-image", "--on-degrade=label"),
    ],
    ids=["snapshots", "register", "create-image"],
)
def test_a_volume_that_is_detached_after_the_plan_is_missed_by_name(lab, arguments):
    data = lab.volumes[1]
    client, worker = pause(lab, "prepared", *arguments)
    lab.cloud.detach_volume(data.id)
    try:
        job, message = go_on(lab, client, worker)
    finally:
        lab.cloud.attach_volume(id=data.id, path=data.fs.image, device=data.device_name)
    assert error(job) == "SnapshotFailed"
    assert data.id in message
    assert_nothing_is_left(lab)


def test_what_is_mounted_after_the_plan_was_not_frozen(lab):
    data = lab.volumes[1]
    mount_point = data.mount_point
    subprocess.run(["mount", "-o", "remount,ro", mount_point], check=True)
    try:
        client, worker = pause(lab, "planned", "snapshot")
    finally:
        subprocess.run(["mount", "-o", "remount,rw", mount_point], check=True)
    job, message = go_on(lab, client, worker)
    assert error(job) == "ConsistencyNotReached"
    assert "was mounted, or made writable" in message
    assert mount_point in lab.log()
    assert_nothing_is_left(lab)


def test_what_others_made_is_left_alone_even_by_a_cloud_that_ignores_filters(lab):
    others = [
        one["SnapshotId"] for one in lab.ec2.create_snapshots(
            InstanceSpecification={"InstanceId": lab.instance_id}
        )["Snapshots"]
    ]
    lab.cloud.configure(ignore_filters=True, fail_snapshots=1)
    job, _ = lab.failed_bake("image", "ours")
    assert error(job) == "SnapshotFailed"
    assert sorted(s["id"] for s in lab.cloud.snapshots()) == sorted(others)


def test_a_cancel_while_the_answer_is_late_loses_nothing(lab):
    with lab.settings(Aws=["SettleSec=9s"]):
        lab.cloud.fault("CreateSnapshots", delay_before=6)
        client = lab.bake_in_background("snapshot")
        wait_until(lambda: [c for c in lab.cloud.calls("DescribeSnapshots")], 15, "it looks")
        (job,) = lab.new_jobs()
        assert lab.ctl("cancel", job["id"]).returncode == 0
        client.wait(60)
        (job,) = lab.wait_for_new_jobs()
    time.sleep(4)
    assert job["result"] == "cancelled"
    assert_nothing_is_left(lab)


@pytest.mark.parametrize("method", METHODS)
def test_what_ec2_does_not_show_yet_is_taken_back_as_well(lab, method):
    with lab.settings(Aws=["SettleSec=6s"]):
        lab.cloud.configure(visibility_seconds=3, snapshot_seconds=30)
        client, worker = pause(lab, "sent", "image", f"unseen-{method}", f"--method={method}")
        (job,) = lab.new_jobs()
        assert lab.ctl("cancel", job["id"]).returncode == 0
        job, _ = go_on(lab, client, worker)
    assert job["result"] in ("cancelled", "failed"), "it may be too late for a class first"
    assert_nothing_is_left(lab)


def test_an_ec2_that_is_busy_for_long_costs_no_snapshot(lab):
    lab.cloud.fault("DescribeSnapshots", error="InternalError", status=500, times=9)
    lab.bake("image", "patient")
    assert lab.cloud_image("patient")["state"] == "available"


def test_a_name_that_is_taken_by_what_nobody_sees_ends_the_job(lab):
    lab.cloud.fault("RegisterImage", error="InvalidAMIName.Duplicate", times=-1)
    job, _ = lab.failed_bake("image", "hidden")
    assert error(job) == "NameTaken"
    assert_nothing_is_left(lab)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("step", ["sent", "cut"])
def test_a_worker_killed_before_ec2_shows_what_it_made(lab, method, step):
    with lab.settings(Aws=["SettleSec=6s"]):
        lab.cloud.configure(visibility_seconds=3)
        name = f"dark-{method}-{step}"
        client, worker = pause(lab, step, "image", name, f"--method={method}", "--on-degrade=label")
        processes.send(worker, signal.SIGKILL)
        client.wait(60)
        (job,) = lab.wait_for_new_jobs(60)
    assert job["result"] == "done"
    assert len(lab.images_in_cloud()) == 1
    assert len(lab.cloud.snapshots()) == len(lab.volumes)


@pytest.mark.parametrize(
    ("step", "why"),
    [("sent", "interrupted in its window"), ("cut", "no application took part")],
    ids=["in-the-window", "after-it"],
)
def test_a_job_that_is_resumed_says_what_stood_in_its_way(lab, step, why):
    client, worker = pause(lab, step, "snapshot", "--consistency=application")
    processes.send(worker, signal.SIGKILL)
    _, message = client.communicate(timeout=60)
    (job,) = lab.wait_for_new_jobs()
    assert error(job) == "ConsistencyNotReached"
    assert why in message
    assert_nothing_is_left(lab)


def test_a_sync_that_takes_long_does_not_make_an_answer_that_is_lost_old(lab):
    """EC2 may hide what it makes for as long after the call as ever."""
    with lab.settings(Aws=["SettleSec=7s"]):
        lab.cloud.configure(visibility_seconds=4)
        lab.cloud.fault("CreateSnapshots", answer="lost")
        client, worker = pause(lab, "synced", "snapshot")
        time.sleep(7)
        job, _ = go_on(lab, client, worker)
    assert error(job) == "ApiUnreachable"
    assert_nothing_is_left(lab)


def test_a_cancel_right_after_the_registration_takes_the_image_back(lab):
    """EC2 may hide the image for as long after its registration, however old the snapshots are."""
    with lab.settings(Aws=["SettleSec=4s"]):
        lab.cloud.configure(visibility_seconds=2, snapshot_seconds=4)
        client, worker = pause(lab, "registered", "image", "barely-there")
        (job,) = lab.new_jobs()
        assert lab.ctl("cancel", job["id"]).returncode == 0
        job, _ = go_on(lab, client, worker)
    assert job["result"] == "cancelled"
    assert_nothing_is_left(lab)


def test_nobody_is_frozen_for_a_connection_that_was_closed_meanwhile(lab):
    client, worker = pause(lab, "synced", "snapshot")
    lab.cloud.drop_connections()
    job, message = go_on(lab, client, worker)
    assert job["result"] == "done", message
    assert len([c for c in lab.cloud.calls("CreateSnapshots") if not c["dry_run"]]) == 1


def test_a_connection_that_is_closed_while_frozen_costs_a_second_freeze_and_no_more(lab):
    client, worker = pause(lab, "frozen", "snapshot")
    lab.cloud.drop_connections()
    processes.send(worker, signal.SIGCONT)
    # It is not stopped any more once it was sent this.
    wait_until(lambda: processes.is_stopped(worker), 20, "the second freeze, where it pauses too")
    job, message = go_on(lab, client, worker)
    assert job["result"] == "done", message
    assert len([c for c in lab.cloud.calls("CreateSnapshots") if not c["dry_run"]]) == 1
    assert "is tried again" in lab.log()


def test_what_could_not_be_taken_back_is_taken_back_later(lab):
    """EC2 denied the deletion for a while: no restart is needed."""
    with lab.settings(Daemon=["ResumeDelaySec=1s"], Aws=["SettleSec=1s"]):
        lab.restart_daemon()
        lab.cloud.configure(deny=["DeleteSnapshot"], fail_snapshots=1)
        job, message = lab.failed_bake("snapshot")
        assert len(lab.cloud.snapshots()) == len(lab.volumes)
        assert job["id"] in message and "tries again later" in message
        lab.cloud.configure(deny=[])
        wait_until(lambda: lab.cloud.snapshots() == [], 20, "the snapshots are deleted")
        (job,) = lab.wait_for_new_jobs()
    lab.restart_daemon()
    assert error(job) == "SnapshotFailed", "the cause is still known"


def test_a_job_that_cannot_be_resumed_yet_is_resumed_later(lab):
    """The metadata service may not answer early in a boot."""
    client, worker = pause(lab, "cut", "snapshot")
    with lab.settings(Daemon=["ResumeDelaySec=1s"], Aws=["SettleSec=1s"]):
        lab.cloud.configure(imds_enabled=False)
        for pid in (lab.daemon.pid, worker):
            processes.send(pid, signal.SIGKILL)
        lab.restart_daemon()
        (job,) = wait_until(
            lambda: [j for j in lab.new_jobs() if j["error"]], 20, "the resume fails"
        )
        assert error(job) == "NotOnEC2" and "later" in job["message"]
        lab.cloud.configure(imds_enabled=True)
        wait_until(lambda: lab.new_jobs()[0]["result"] == "done", 30, "the job is finished")
    lab.restart_daemon()
    assert len(lab.cloud.snapshots()) == len(lab.volumes)
