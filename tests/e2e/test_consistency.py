# SPDX-License-Identifier: Apache-2.0
"""The main job, through the whole path, under writers that never stop."""

from datetime import datetime

import pytest

from lab.kernel import requires_file_systems
from lab.lab import Lab


@pytest.fixture(scope="module")
def busy_lab():
    requires_file_systems("ext4", "xfs", "btrfs")
    with Lab({"root": "ext4", "data": "xfs", "more": "btrfs"}) as lab:
        yield lab


def bake(lab, *arguments):
    """Runs quiescectl under writers; the judged copies and the finished job."""
    with lab.writers() as writers:
        writers.wait_for_writes(50)
        job = lab.bake(*arguments)
        writers.wait_for_writes(5)
    assert writers.errors() == {}
    return job, lab.judge(job, writers)


def test_an_image_holds_every_write_that_had_returned(busy_lab):
    job, verdict = bake(busy_lab, "image", "consistent")
    assert verdict.problems == []
    assert verdict.returned > 500
    image = busy_lab.cloud_image("consistent")
    assert image["state"] == "available"
    assert sorted(image["snapshots"]) == sorted(job["snapshots"])
    assert image["tags"]["quiesced:consistency"] == "filesystem"
    began = max(busy_lab.cloud_snapshot(one)["start_time"] for one in job["snapshots"])
    cut = datetime.fromisoformat(image["tags"]["quiesced:cut"].replace("Z", "+00:00")).timestamp()
    assert -2 < cut - began < 30, "a freeze lasts no longer"
    assert {busy_lab.cloud_snapshot(one)["tags"]["quiesced:cut"] for one in job["snapshots"]} == {
        image["tags"]["quiesced:cut"]}


def test_so_do_plain_snapshots(busy_lab):
    job, verdict = bake(busy_lab, "snapshot")
    assert verdict.problems == []
    assert len(job["snapshots"]) == len(busy_lab.volumes)


def test_without_a_freeze_the_same_checks_fail(busy_lab):
    job, verdict = bake(busy_lab, "snapshot", "--no-freeze", "--consistency=crash")
    assert verdict.problems != []
    tags = [busy_lab.cloud_snapshot(s)["tags"] for s in job["snapshots"]]
    assert {t["quiesced:consistency"] for t in tags} == {"crash"}


def test_every_snapshot_says_what_it_holds(busy_lab):
    job, _ = bake(busy_lab, "snapshot", "--tag=Team=storage")
    mounts = {v.id: v.mount_point for v in busy_lab.volumes}
    for snapshot in map(busy_lab.cloud_snapshot, job["snapshots"]):
        tags = snapshot["tags"]
        assert tags["quiesced:job"] == job["id"]
        assert mounts[snapshot["volume"]] in tags["quiesced:mounts"]
        assert int(tags["quiesced:frozen-usec"]) > 0
        assert tags["quiesced:instance"] == busy_lab.instance_id
        assert tags["Team"] == "storage"


def test_the_real_awscli_lists_what_was_made(busy_lab):
    job, _ = bake(busy_lab, "image", "listed")
    images = busy_lab.cloud.awscli("describe-images", "--owners", "self", "--filters",
                                   "Name=name,Values=listed")["Images"]
    assert [i["State"] for i in images] == ["available"]
    snapshots = busy_lab.cloud.awscli(
        "describe-snapshots", "--filters", f"Name=tag:quiesced:job,Values={job['id']}"
    )["Snapshots"]
    assert sorted(s["SnapshotId"] for s in snapshots) == sorted(job["snapshots"])
    assert {s["State"] for s in snapshots} == {"completed"}


def test_the_image_carries_the_instance_over(busy_lab):
    bake(busy_lab, "image", "carried")
    (image,) = busy_lab.cloud.awscli("describe-images", "--owners", "self", "--filters",
                                     "Name=name,Values=carried")["Images"]
    assert image["Architecture"] == "x86_64"
    assert image["RootDeviceName"] == "/dev/xvda"
    assert image["EnaSupport"] is True
    assert image["VirtualizationType"] == "hvm"
    devices = {m["DeviceName"] for m in image["BlockDeviceMappings"]}
    assert devices == {v.device_name for v in busy_lab.volumes}
