# SPDX-License-Identifier: Apache-2.0
"""All of it together: what a bake made is listed, found to be an orphan, and deleted."""

import signal
import time

from lab import processes
from lab.processes import wait_until

DAY = 86400


def test_an_image_is_baked_listed_and_deregistered(lab):
    job = lab.bake("image", "to go")
    (image,) = job["images"]
    listed = lab.json("images")["images"]
    assert [(one["id"], one["name"], one["job"]) for one in listed] == [(image, "to go", job["id"])]
    assert sorted(listed[0]["snapshots"]) == sorted(job["snapshots"])
    assert {one["image"] for one in lab.json("snapshots")["snapshots"]} == {image}
    gone = lab.json("deregister", image, "--no-progress")
    assert gone["details"]["removed"][0]["id"] == image
    assert sorted(gone["details"]["removed"][0]["snapshots"]) == sorted(job["snapshots"])
    assert lab.images_in_cloud() == [] and lab.cloud.snapshots() == []
    assert lab.json("images")["images"] == []


def begin_to_deregister(lab, image):
    """As far as its snapshots, which are there still: the worker that stands there."""
    lab.pause_worker("deregistered")
    lab.bake_in_background("deregister", image)
    worker = wait_until(lambda: next((w for w in lab.workers() if processes.is_stopped(w)), None),
                        10, "the image is deregistered")
    lab.pause_worker(None)
    return worker


def test_a_bake_goes_on_beside_what_is_being_deleted(lab):
    (image,) = lab.bake("image", "to go")["images"]
    worker = begin_to_deregister(lab, image)
    job = lab.bake("image", "comes")
    assert job["result"] == "done"
    processes.send(worker, signal.SIGCONT)
    assert [one["result"] for one in lab.wait_for_new_jobs()] == ["done"] * 3
    assert [one["id"] for one in lab.images_in_cloud()] == job["images"]
    assert {one["id"] for one in lab.cloud.snapshots()} == set(job["snapshots"])


def test_a_daemon_and_a_worker_that_die_leave_nothing(lab):
    (image,) = lab.bake("image", "to go")["images"]
    worker = begin_to_deregister(lab, image)
    for pid in (lab.daemon.pid, worker):
        processes.send(pid, signal.SIGKILL)
    lab.restart_daemon()
    jobs = lab.wait_for_new_jobs()
    assert jobs[-1]["kind"] == "deregister" and jobs[-1]["result"] == "done"
    assert lab.images_in_cloud() == [] and lab.cloud.snapshots() == []


def test_orphans_are_found_and_deleted(lab):
    job = lab.bake("image", "deregistered by hand")
    lab.ec2.deregister_image(ImageId=job["images"][0])
    assert lab.json("orphans")["orphans"] == [], "they are young"
    for snapshot in job["snapshots"]:
        lab.cloud.set_snapshot(snapshot, start_time=time.time() - 2 * DAY)
    found = lab.json("orphans")
    assert {one["id"] for one in found["orphans"]} == set(job["snapshots"])
    assert found["total-monthly-cost"] > 0
    assert "0.050000000" not in lab.ctl("orphans", "--json").stdout
    lab.json("orphans", "--delete", "--yes", "--no-progress")
    assert lab.cloud.snapshots() == []
