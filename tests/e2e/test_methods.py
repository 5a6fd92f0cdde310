# SPDX-License-Identifier: Apache-2.0
"""Which call cuts the image, and what happens to a job whose makers died."""

import signal

import pytest

from lab import processes
from lab.lab import Lab
from lab.processes import wait_until


@pytest.fixture(scope="module")
def billed():
    """An instance that is billed by what its image says, which RegisterImage would lose."""
    with Lab(instance={"billing_products": ["bp-6ba54002"]}) as lab:
        yield lab


@pytest.fixture
def billed_lab(billed):
    billed.recover()
    yield billed
    billed.recover()


def creations(lab):
    return [c["action"] for c in lab.cloud.calls()
            if c["action"] in ("CreateSnapshots", "CreateImage", "RegisterImage")
            and not c["dry_run"]]


def test_an_image_is_registered_from_its_snapshots(lab):
    lab.bake("image", "plain")
    assert creations(lab) == ["CreateSnapshots", "RegisterImage"]


def test_billing_codes_choose_create_image(billed_lab):
    with billed_lab.writers() as writers:
        writers.wait_for_writes(20)
        job = billed_lab.bake("image", "billed")
        verdict = billed_lab.judge(job, writers)
    assert creations(billed_lab) == ["CreateImage"]
    assert verdict.problems == []
    image = billed_lab.cloud_image("billed")
    assert image["tags"]["quiesced:consistency"] == "filesystem"
    assert len(image["snapshots"]) == len(billed_lab.volumes)


def test_create_image_holds_the_freeze_until_every_snapshot_is_cut(billed_lab):
    billed_lab.cloud.configure(cut_seconds=0.6)
    with billed_lab.writers() as writers:
        writers.wait_for_writes(20)
        job = billed_lab.bake("image", "cut-later")
        verdict = billed_lab.judge(job, writers)
        longest = writers.longest_stall_usec()
    assert verdict.problems == []
    assert longest >= 600_000


def test_create_image_that_cuts_after_the_budget_is_not_called_consistent(billed_lab):
    billed_lab.cloud.configure(cut_seconds=6.0)
    with billed_lab.settings(Freeze=["BudgetSec=2s"]):
        job, _ = billed_lab.failed_bake("image", "too-late")
    assert job["error"]
    assert int(job["frozen-usec"]) < 6_000_000
    wait_until(lambda: billed_lab.images_in_cloud() == [], 10, "the image is gone")
    wait_until(lambda: billed_lab.cloud.snapshots() == [], 10, "its snapshots are gone")


@pytest.mark.parametrize("answer", ["lost", "rubbish", "reset"])
def test_an_image_whose_answer_is_lost_is_found_by_its_tag(billed_lab, answer):
    billed_lab.cloud.fault("CreateImage", answer=answer)
    with billed_lab.writers() as writers:
        writers.wait_for_writes(5)
        job = billed_lab.bake("image", f"found-{answer}")
        verdict = billed_lab.judge(job, writers)
    assert creations(billed_lab) == ["CreateImage"]
    assert job["consistency"] == "filesystem"
    assert verdict.problems == []


def test_an_image_that_fails_is_taken_back(billed_lab):
    billed_lab.cloud.configure(fail_images=1)
    job, message = billed_lab.failed_bake("image", "failing")
    assert job["error"] == "org.quiesced1.Error.ImageFailed"
    assert "ami-" in message
    assert billed_lab.images_in_cloud() == []
    assert billed_lab.cloud.snapshots() == []


def test_the_option_chooses_the_method(lab):
    lab.bake("image", "chosen", "--method=create-image")
    assert creations(lab) == ["CreateImage"]


def test_a_reboot_of_the_host_leaves_a_job_that_is_finished_afterwards(lab):
    """All of our processes die at once, when the snapshots exist and the image does not."""
    lab.pause_worker("completing")
    lab.bake_in_background("image", "after-the-reboot")
    worker = wait_until(
        lambda: next((w for w in lab.workers() if processes.is_stopped(w)), None), 10, "it pauses"
    )
    for pid in (lab.daemon.pid, worker, *lab.freezers()):
        processes.send(pid, signal.SIGKILL)
    lab.daemon.wait()
    lab.restart_daemon()
    (job,) = lab.wait_for_new_jobs()
    assert job["result"] == "done"
    assert job["consistency"] == "filesystem"
    assert lab.cloud_image("after-the-reboot")["state"] == "available"
    assert creations(lab) == ["CreateSnapshots", "RegisterImage"]


def test_a_cancelled_job_takes_back_what_it_made(lab):
    lab.cloud.configure(snapshot_seconds=30)
    client = lab.bake_in_background("image", "cancelled")
    wait_until(lambda: lab.cloud.snapshots(), 10, "the snapshots exist")
    (job,) = lab.new_jobs()
    assert lab.ctl("cancel", job["id"]).returncode == 0
    (job,) = lab.wait_for_new_jobs()
    assert job["result"] == "cancelled"
    assert client.wait(60) == 1
    assert lab.cloud.snapshots() == []


def test_progress_only_goes_forward(lab):
    lab.cloud.configure(snapshot_seconds=8, image_seconds=0.5)
    client = lab.bake_in_background("image", "in-progress")
    seen = []

    def look():
        seen.extend(job["progress"] for job in lab.new_jobs())
        return len(set(seen)) > 2

    wait_until(look, 30, "it makes progress")
    lab.cloud.configure(snapshot_seconds=1.5)
    while client.poll() is None:
        look()
    assert seen == sorted(seen) and seen[-1] <= 100
    (job,) = lab.wait_for_new_jobs()
    assert job["progress"] == 100


def test_a_second_bake_is_told_of_the_first(lab):
    lab.pause_worker("planned")
    lab.bake_in_background("snapshot")
    worker = wait_until(
        lambda: next((w for w in lab.workers() if processes.is_stopped(w)), None), 10, "it pauses"
    )
    lab.pause_worker(None)
    (first,) = lab.new_jobs()
    result = lab.ctl("snapshot", "--no-progress")
    assert result.returncode == 1
    assert first["id"] in result.stderr
    queued = lab.ctl("snapshot", "--queue", "--wait=queued")
    assert queued.returncode == 0, queued.stderr
    processes.send(worker, signal.SIGCONT)
    assert [job["result"] for job in lab.wait_for_new_jobs()] == ["done", "done"]
