# SPDX-License-Identifier: Apache-2.0
"""A bake ends with its retention, and is done whatever comes of that."""

import signal
import time

import pytest

from lab import processes
from lab.lab import INSTANCE_ID
from lab.processes import wait_until

DAY = 86400


def write_profile(lab, *lines):
    folder = lab.config.parent / "profiles"
    folder.mkdir(exist_ok=True)
    (folder / "nightly.conf").write_text("\n".join(
        ["[Bake]", "Type=image", "Name=web-%d-%t", "[Retain]", *lines, ""]))


def fill(lab, *days):
    """Images of earlier nights."""
    return lab.cloud.fill(images=[
        {"name": f"old-{day}", "created": time.time() - day * DAY, "snapshots": 2, "tags": {
            "quiesced:job": f"j-{day}", "quiesced:kind": "image", "quiesced:profile": "nightly",
            "quiesced:instance": INSTANCE_ID, "quiesced:consistency": "filesystem"}}
        for day in days])[0]


def ids(lab):
    return {image["id"] for image in lab.images_in_cloud()}


def test_the_oldest_goes_when_a_new_one_is_made(lab):
    write_profile(lab, "KeepLast=2")
    old = fill(lab, 3, 2, 1)
    job = lab.bake("bake", "nightly")
    assert job["result"] == "done" and job["error"] in (None, "")
    assert ids(lab) == {old[2], *job["images"]}
    assert len(lab.cloud.snapshots()) == 2 + len(lab.volumes)
    details = lab.records()[job["id"]]["details"]
    assert details["kept"] == 2
    assert [one["id"] for one in details["removed"]] == [old[0], old[1]]
    assert lab.records()[job["id"]]["state"] == "done"


def test_a_bake_does_not_end_by_deleting_what_it_has_made(lab):
    write_profile(lab, "KeepVerified=1", "KeepAtLeast=0")
    old = fill(lab, 3)
    job = lab.bake("bake", "nightly")
    assert ids(lab) == set(job["images"])
    assert lab.records()[job["id"]]["details"]["removed"][0]["id"] == old[0]


@pytest.mark.parametrize("lines", [
    (), ("KeepLast=1", "AfterBake=no"), ("KeepLast=1", "Select=quiesced:profile=nightly")])
def test_a_profile_that_does_not_want_it_deletes_nothing(lab, lines):
    write_profile(lab, *lines)
    old = fill(lab, 3, 2)
    job = lab.bake("bake", "nightly")
    assert ids(lab) == {*old, *job["images"]}
    assert not [call for call in lab.cloud.calls() if call["action"] == "DeregisterImage"]


def test_a_role_that_may_not_delete_bakes_all_the_same(lab):
    write_profile(lab, "KeepLast=1")
    old = fill(lab, 3, 2)
    lab.cloud.configure(deny=["DeregisterImage", "DeleteSnapshot"])
    job = lab.bake("bake", "nightly")
    assert (job["result"], job["consistency"]) == ("done", "filesystem")
    assert ids(lab) == {*old, *job["images"]}
    record = lab.records()[job["id"]]
    assert record["state"] == "done" and "error" not in record
    assert [one["id"] for one in record["details"]["left"]] == old
    assert "ec2:DeregisterImage" in record["details"]["left"][0]["reason"]
    assert "retention failed" in lab.log()


def test_so_does_one_that_may_not_even_look(lab):
    write_profile(lab, "KeepLast=1")
    old = fill(lab, 3, 2)
    lab.cloud.configure(deny=["DescribeLaunchTemplateVersions", "DescribeAutoScalingGroups"])
    job = lab.bake("bake", "nightly")
    assert job["result"] == "done"
    assert ids(lab) == {*old, *job["images"]}


def test_a_bake_without_a_profile_deletes_nothing(lab):
    write_profile(lab, "KeepLast=1")
    old = fill(lab, 3, 2)
    job = lab.bake("image", "by-hand")
    assert ids(lab) == {*old, *job["images"]}


@pytest.mark.parametrize("step", ["made", "chosen", "removing", "deregistered"])
@pytest.mark.parametrize("victim", ["worker", "daemon"])
def test_killed_in_its_retention_it_is_done_in_the_end(lab, step, victim):
    write_profile(lab, "KeepLast=1")
    fill(lab, 3, 2)
    lab.pause_worker(step)
    lab.bake_in_background("bake", "nightly")
    worker = wait_until(lambda: next((w for w in lab.workers() if processes.is_stopped(w)), None),
                        10, f"the worker stops at {step}")
    lab.pause_worker(None)
    processes.send(lab.daemon.pid if victim == "daemon" else worker, signal.SIGKILL)
    processes.send(worker, signal.SIGCONT)
    if victim == "daemon":
        lab.restart_daemon()
    (job,) = lab.wait_for_new_jobs()
    assert job["result"] == "done"
    assert ids(lab) == set(job["images"])
    assert len(lab.cloud.snapshots()) == len(lab.volumes)


def test_quiescectl_shows_what_would_go_and_removes_it(lab):
    write_profile(lab, "KeepLast=1", "AfterBake=no")
    old = fill(lab, 3, 2, 1)
    shown = lab.ctl("prune", "nightly", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    lines = {line.split()[0]: line for line in shown.stdout.splitlines() if line.startswith("ami-")}
    assert "delete" in lines[old[0]] and "no Keep rule keeps it" in lines[old[0]]
    assert "keep" in lines[old[2]] and "one of the newest (KeepLast=1)" in lines[old[2]]
    assert ids(lab) == set(old)
    pruned = lab.ctl("prune", "nightly", "--wait=completed")
    assert pruned.returncode == 0, pruned.stderr
    assert ids(lab) == {old[2]}
    assert lab.new_jobs()[-1]["result"] == "done"


@pytest.mark.parametrize("restarted", [False, True])
def test_what_is_half_gone_when_the_bake_is_done_goes_later(lab, restarted):
    """Its image is gone: no later retention would find these snapshots again."""
    lab.cloud.fault("DeregisterImage", error="UnknownParameter", times=-1,
                    where={"DeleteAssociatedSnapshots": "true"})
    write_profile(lab, "KeepLast=1")
    fill(lab, 3)
    lab.cloud.configure(deny=["DeleteSnapshot"])
    with lab.settings(Daemon=["ResumeDelaySec=60s" if restarted else "ResumeDelaySec=1s"]):
        lab.restart_daemon()
        job = lab.bake("bake", "nightly")
        assert job["result"] == "done" and ids(lab) == set(job["images"])
        assert len(lab.cloud.snapshots()) == 2 + len(lab.volumes)
        lab.cloud.configure(deny=[])
        if restarted:
            lab.restart_daemon()
        wait_until(lambda: len(lab.cloud.snapshots()) == len(lab.volumes), 10, "they go")
        wait_until(lambda: lab.records()[job["id"]]["state"] == "done", 10, "and the record ends")
