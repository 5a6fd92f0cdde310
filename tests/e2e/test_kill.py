# SPDX-License-Identifier: Apache-2.0
"""
SIGKILL for each process at each step of a bake: within the budget and a second every file system
accepts a write, and in the end the job is finished or cleanly failed, nothing made twice, nothing
left over in the cloud.
"""

import signal
import time

import pytest

from lab import processes
from lab.processes import wait_until

STEPS = [
    "before-identity", "planned", "prepared", "synced", "frozen",
    "sent", "thawed", "cut", "completing", "registered", "made",
]
FROZEN_STEPS = {"frozen", "sent"}
# The class is on record: whoever goes on has no reason to take anything back.
CUT_STEPS = {"cut", "completing", "registered"}
BUDGET_SEC = 4.0
BUDGET = f"{BUDGET_SEC:.0f}s"
# What is thawed later than that was thawed by something else.
SLACK_SEC = 5
VICTIMS = {
    "worker": ("worker",),
    "daemon": ("daemon",),
    "freezer": ("freezer",),
    "freezer-and-worker": ("freezer", "worker"),
}


def pause_at(lab, step, name, *arguments):
    """A bake that stands still at `step`; the worker's id."""
    lab.pause_worker(step)
    lab.bake_in_background("image", name, *arguments)

    def stopped():
        return next((w for w in lab.workers() if processes.is_stopped(w)), None)

    worker = wait_until(stopped, 10, f"the worker stops at {step}")
    # Whoever finishes this job later does not pause.
    lab.pause_worker(None)
    return worker


def kill(lab, victims, worker):
    """All in one go, found before the first dies; then a worker that survives goes on."""
    found = {"worker": [worker], "daemon": [lab.daemon.pid], "freezer": lab.freezers()}
    doomed = [pid for victim in victims for pid in found[victim]]
    for pid in doomed:
        processes.send(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(processes.is_alive, doomed)), 5, "they are dead")
    processes.send(worker, signal.SIGCONT)


def assert_frozen(lab):
    for volume in lab.volumes:
        assert not volume.fs.accepts_write(0.1), f"{volume.mount_point} is not frozen"


def assert_writable(lab, since):
    for volume in lab.volumes:
        left = since + BUDGET_SEC + SLACK_SEC - time.monotonic()
        assert volume.fs.accepts_write(left), f"{volume.mount_point} is still frozen"


def assert_settled(lab, name, step):
    """The cloud holds what the job says, and not a thing more; the jobs are returned."""
    jobs = lab.wait_for_new_jobs()
    if step in CUT_STEPS:
        assert [(job["result"], job["consistency"]) for job in jobs] == [("done", "filesystem")]
    images, snapshots = lab.images_in_cloud(), lab.cloud.snapshots()
    assert len(jobs) <= 1
    if jobs and jobs[0]["result"] == "done":
        assert [i["name"] for i in images] == [name]
        assert len(snapshots) == len(lab.volumes)
        assert sorted(images[0]["snapshots"]) == sorted(s["id"] for s in snapshots)
        assert {s["tags"]["quiesced:job"] for s in snapshots} == {jobs[0]["id"]}
    else:
        # A daemon that is killed before the record exists forgets a job that has done nothing.
        assert all(job["error"] for job in jobs), "a failed job names its error"
        assert images == []
        assert snapshots == []
    return jobs


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("victims", VICTIMS.values(), ids=VICTIMS.keys())
def test_sigkill(lab, victims, step):
    name = f"killed-{'-'.join(victims)}-{step}"
    worker = pause_at(lab, step, name)
    since = time.monotonic()
    if step in FROZEN_STEPS:
        assert_frozen(lab)
    kill(lab, victims, worker)
    assert_writable(lab, since)
    if "daemon" in victims:
        lab.restart_daemon()
    assert_settled(lab, name, step)


@pytest.mark.parametrize("step", ["frozen", "sent", "thawed", "cut", "completing"])
@pytest.mark.parametrize("victims", [("worker",), ("daemon",)], ids=["worker", "daemon"])
def test_sigkill_with_create_image(lab, victims, step):
    """EC2 makes the image itself, and a job that comes to nothing has more to take back."""
    name = f"made-by-ec2-{step}"
    worker = pause_at(lab, step, name, "--method=create-image")
    since = time.monotonic()
    kill(lab, victims, worker)
    assert_writable(lab, since)
    if "daemon" in victims:
        lab.restart_daemon()
    assert_settled(lab, name, step)


@pytest.mark.parametrize("victims", [("worker",), ("daemon",)], ids=["worker", "daemon"])
def test_sigkill_while_a_failed_job_is_taken_back(lab, victims):
    lab.cloud.configure(fail_snapshots=1)
    worker = pause_at(lab, "undoing", "undone")
    assert len(lab.cloud.snapshots()) == len(lab.volumes)
    kill(lab, victims, worker)
    if "daemon" in victims:
        lab.restart_daemon()
    (job,) = lab.wait_for_new_jobs()
    assert job["error"] == "org.quiesced1.Error.SnapshotFailed", "the cause is still known"
    assert lab.cloud.snapshots() == []


@pytest.mark.parametrize("step", ["frozen", "sent"])
def test_a_worker_that_stands_still_is_thawed_at_the_deadline(lab, step):
    worker = pause_at(lab, step, f"still-{step}")
    since = time.monotonic()
    assert_frozen(lab)
    assert_writable(lab, since)
    processes.send(worker, signal.SIGCONT)
    jobs = assert_settled(lab, f"still-{step}", step)
    if step == "frozen":
        assert jobs[0]["error"] == "org.quiesced1.Error.FreezeTimeout"


def test_a_worker_that_hangs_after_the_thaw_is_replaced_and_one_that_waits_is_not(lab):
    lab.cloud.configure(snapshot_seconds=10)
    with lab.settings(Daemon=["WorkerSilenceSec=4s"]):
        lab.restart_daemon()
        pause_at(lab, "completing", "hung")
        (job,) = lab.wait_for_new_jobs(40)
        assert (job["result"], job["consistency"]) == ("done", "filesystem")
        assert "said nothing for 4.00s" in lab.log()
        # The second worker has its request and the cancel in one go.
        pause_at(lab, "thawed", "hung-and-cancelled", "--on-degrade=label")
        assert lab.ctl("cancel", lab.new_jobs()[-1]["id"]).returncode == 0
        assert lab.wait_for_new_jobs()[-1]["result"] == "cancelled"
    lab.restart_daemon()
    assert [image["name"] for image in lab.images_in_cloud()] == ["hung"]
    assert len(lab.cloud.snapshots()) == len(lab.volumes)
