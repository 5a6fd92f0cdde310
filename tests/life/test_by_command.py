# SPDX-License-Identifier: Apache-2.0
"""quiescectl, the daemon and its worker together: an image is deregistered, also through their ends."""

import json
import signal
import time

import pytest

from lab import processes
from lab.processes import wait_until

DAY_SEC = 86400
POINTS = ["removing", "deregistered", "snapshot-deleted"]


@pytest.fixture
def image(lab):
    """The id of an image, and its snapshots."""
    lab.known_jobs |= {job["id"] for job in lab.new_jobs()}
    job = lab.bake("image", "gone")
    lab.known_jobs.add(job["id"])
    return job["images"][0], job["snapshots"]


@pytest.fixture
def plain(lab):
    """A cloud that does not know how to delete snapshots with their image."""
    lab.cloud.fault("DeregisterImage", error="UnknownParameter", times=-1,
                    where={"DeleteAssociatedSnapshots": "true"})
    return lab


def begin_paused(lab, point, *arguments):
    """quiescectl has begun a job, whose worker stands still there."""
    lab.pause_worker(point)
    lab.ctl(*arguments, "--wait=queued")
    worker = wait_until(lambda: next((w for w in lab.workers() if processes.is_stopped(w)), None), 10,
                        f"the worker stops at {point}")
    lab.pause_worker(None)
    return worker


def assert_gone(lab, image, snapshots):
    """And the one job there was says so."""
    (job,) = lab.wait_for_new_jobs()
    assert (job["kind"], job["result"], job["name"]) == ("deregister", "done", image)
    assert lab.images_in_cloud() == [] and lab.cloud.snapshots() == []
    (removed,) = json.loads(details(lab, job))["removed"]
    assert removed["id"] == image and sorted(removed["snapshots"]) == sorted(snapshots)


def details(lab, job):
    path = "/org/quiesced1/job/" + "".join(c if c.isalnum() else f"_{ord(c):02x}" for c in job["id"])
    shown = lab.bus.busctl("--json=short", "get-property", "org.quiesced1", path, "org.quiesced1.Job", "Details")
    return json.loads(shown.stdout)["data"]


def test_an_image_goes_with_its_snapshots_and_the_last_bake_stays(lab, image):
    last = lab.json("status")["last-bake"]
    result = lab.ctl("deregister", image[0])
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.split()[:4] == ["DELETED", "NAME", "SNAPSHOTS", image[0]]
    assert all(snapshot in result.stdout for snapshot in image[1])
    assert_gone(lab, *image)
    assert lab.json("status")["last-bake"] == last
    lab.restart_daemon()
    assert_gone(lab, *image)


def test_what_another_image_uses_stays_and_is_named(lab, image):
    shared = image[1][0]
    other = lab.ec2.register_image(
        Name="other", RootDeviceName="/dev/xvda", Architecture="x86_64", VirtualizationType="hvm",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": shared}}])["ImageId"]
    result = lab.ctl("deregister", image[0])
    assert result.returncode == 0
    assert f"Snapshots that stay:\n  {shared}: image {other} uses it\n" in result.stdout
    assert [one["id"] for one in lab.images_in_cloud()] == [other]


def test_an_image_that_is_not_there_is_named(lab):
    result = lab.ctl("deregister", "ami-1a2b3c4d")
    assert (result.returncode, result.stdout) == (1, "")
    assert "ami-1a2b3c4d" in result.stderr and "(NoSuchImage)" in result.stderr


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_worker_is_followed_by_another(plain, image, point):
    worker = begin_paused(plain, point, "deregister", image[0])
    processes.send(worker, signal.SIGKILL)
    assert_gone(plain, *image)


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_daemon_is_followed_by_one_that_finishes(plain, image, point):
    worker = begin_paused(plain, point, "deregister", image[0])
    for victim in (plain.daemon.pid, worker):
        processes.send(victim, signal.SIGKILL)
    plain.daemon.wait()
    plain.restart_daemon()
    assert_gone(plain, *image)


@pytest.mark.parametrize("point", POINTS)
def test_a_stopped_daemon_leaves_it_to_the_next(plain, image, point):
    begin_paused(plain, point, "deregister", image[0])
    plain.restart_daemon()
    assert_gone(plain, *image)


@pytest.fixture
def orphans(lab, image):
    """Snapshots whose image somebody has deregistered by other means, two days ago."""
    lab.ec2.deregister_image(ImageId=image[0])
    for snapshot in image[1]:
        lab.cloud.set_snapshot(snapshot, start_time=time.time() - 2 * DAY_SEC)
    return sorted(image[1])


def test_orphans_are_listed_with_their_cost_and_deleted(lab, orphans):
    answer = lab.json("orphans")
    assert sorted(one["id"] for one in answer["orphans"]) == orphans
    assert answer["total-monthly-cost"] > 0
    shown = lab.ctl("orphans")
    assert shown.returncode == 0 and "2 orphans, " in shown.stdout
    refused = lab.ctl("orphans", "--delete")
    assert refused.returncode == 2 and "give --yes" in refused.stderr
    assert len(lab.cloud.snapshots()) == 2
    deleted = lab.ctl("orphans", "--delete", "--yes")
    assert (deleted.returncode, deleted.stderr) == (0, "")
    assert deleted.stdout.endswith("\n2 deleted.\n")
    assert lab.cloud.snapshots() == []
    assert lab.ctl("orphans").stdout == "No orphans.\n"


def test_an_image_is_verified(lab, image):
    result = lab.ctl("verify", image[0])
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Image {image[0]} works: its status checks passed (i-")
    (shown,) = lab.images_in_cloud()
    assert shown["tags"]["quiesced:verified"].startswith("20")
    (job,) = lab.wait_for_new_jobs()
    assert (job["kind"], job["name"], job["result"]) == ("verify", image[0], "done")


def test_what_was_made_is_listed(lab, image):
    (shown,) = lab.json("images")["images"]
    assert (shown["id"], shown["name"], shown["state"]) == (image[0], "gone", "available")
    assert sorted(shown["snapshots"]) == sorted(image[1])
    assert (shown["consistency"], shown["instance"]) == ("filesystem", lab.instance_id)
    snapshots = lab.json("snapshots")["snapshots"]
    assert sorted(one["id"] for one in snapshots) == sorted(image[1])
    assert {one["image"] for one in snapshots} == {image[0]}
    assert {one["job"] for one in snapshots} == {shown["job"]}
    table = lab.ctl("images").stdout.splitlines()
    assert table[0].split()[:2] == ["IMAGE", "NAME"] and table[1].split()[0] == image[0]
    assert len(lab.ctl("snapshots").stdout.splitlines()) == 3


def test_a_list_of_thousands_comes_whole(lab):
    """Longer than a line between worker and daemon may be, and than a socket holds."""
    lab.cloud.fill(images=[{"created": time.time() - DAY_SEC, "snapshots": 2}] * 1500)
    images = lab.json("images", "--all")["images"]
    assert len({one["id"] for one in images}) == 1500
    assert len(lab.ctl("images", "--all").stdout.splitlines()) == 1501
    assert len(lab.json("snapshots", "--all")["snapshots"]) == 3000
    assert lab.json("images") == {"images": []}, "none of them is our own"
    lab.cloud.empty()


@pytest.fixture
def nightly(lab):
    """Three images of earlier nights, the oldest first, of a profile that keeps the last two."""
    folder = lab.config.parent / "profiles"
    folder.mkdir(exist_ok=True)
    (folder / "nightly.conf").write_text("[Bake]\nType=image\nName=web-%d-%t\n[Retain]\nKeepLast=2\n")
    return lab.cloud.fill(images=[
        {"name": f"old-{day}", "created": time.time() - day * DAY_SEC, "snapshots": 2, "tags": {
            "quiesced:job": f"j-{day}", "quiesced:kind": "image", "quiesced:profile": "nightly",
            "quiesced:instance": lab.instance_id, "quiesced:consistency": "filesystem"}}
        for day in (3, 2, 1)])[0]


def test_a_prune_does_what_its_dry_run_has_shown(lab, nightly):
    shown = lab.ctl("prune", "--dry-run", "nightly")
    assert (shown.returncode, shown.stderr) == (0, "")
    rows = {line.split()[0]: line for line in shown.stdout.splitlines()[1:4]}
    assert set(rows) == set(nightly)
    assert " 3 d " in rows[nightly[0]] and " delete " in rows[nightly[0]]
    assert all(" keep " in rows[one] for one in nightly[1:])
    assert "\n1 would be deleted, 2 kept; its days begin at midnight in UTC.\n" in shown.stdout
    assert len(lab.images_in_cloud()) == 3

    pruned = lab.ctl("prune", "nightly")
    assert (pruned.returncode, pruned.stderr) == (0, "")
    assert pruned.stdout.splitlines()[1].split() == [nightly[0], "old-3", "2"]
    assert pruned.stdout.endswith("\n2 kept.\n")
    assert {one["id"] for one in lab.images_in_cloud()} == set(nightly[1:])
    assert len(lab.cloud.snapshots()) == 4
    assert lab.ctl("prune", "nightly").stdout == "Nothing was deleted.\n\n2 kept.\n"


def test_a_bake_tells_what_its_retention_has_deleted(lab, nightly):
    baked = lab.ctl("bake", "nightly", "--no-progress")
    assert baked.returncode == 0
    (line,) = [line for line in baked.stdout.splitlines() if line.startswith("Deleted")]
    assert set(line.split()[1:]) == set(nightly[:2])
