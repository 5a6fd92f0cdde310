# SPDX-License-Identifier: Apache-2.0
"""An account with a past, as the real clients see it."""

import datetime

import pytest

IMAGE = {"name": "web", "tags": {"team": "web"}, "created": 1e9, "snapshots": 2, "locked": True,
         "protection": "enabled-without-cooldown"}


@pytest.fixture
def filled(cloud):
    yield cloud.fill(images=[IMAGE], sets=[{"tags": {"team": "db"}, "created": 2e9, "snapshots": 3}])
    cloud.empty()


def test_the_real_aws_lists_the_past(cloud, filled):
    (image,), (snapshots,) = filled
    (shown,) = cloud.awscli("describe-images", "--owners", "self")["Images"]
    assert (shown["ImageId"], shown["Name"], shown["State"]) == (image, "web", "available")
    assert shown["CreationDate"].startswith("2001-09-09T01:46:40")
    own = {one["Ebs"]["SnapshotId"] for one in shown["BlockDeviceMappings"]}
    listed = cloud.awscli("describe-snapshots", "--owner-ids", "self")["Snapshots"]
    assert {one["SnapshotId"] for one in listed} == own | set(snapshots)
    tagged = cloud.awscli("describe-snapshots", "--filters", "Name=tag:team,Values=d*")["Snapshots"]
    assert {one["SnapshotId"] for one in tagged} == set(snapshots)


def test_it_is_old_protected_and_locked_as_it_was_said(newer_ec2, filled):
    (image,), (snapshots,) = filled
    (shown,) = newer_ec2.describe_images(ImageIds=[image])["Images"]
    assert shown["DeregistrationProtection"] == "enabled-without-cooldown"
    (lock,) = newer_ec2.describe_locked_snapshots()["Snapshots"]
    assert lock["SnapshotId"] == shown["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    (started,) = {one["StartTime"] for one in newer_ec2.describe_snapshots(
        SnapshotIds=snapshots)["Snapshots"]}
    assert started == datetime.datetime.fromtimestamp(2e9, datetime.timezone.utc)


def test_what_comes_first_moves_the_pages_of_a_listing(cloud, ec2):
    cloud.configure(newest_first=True)
    cloud.fill(sets=[{"created": number, "snapshots": 1} for number in range(10)])
    first = ec2.describe_snapshots(OwnerIds=["self"], MaxResults=5)
    cloud.fill(sets=[{"created": 10, "snapshots": 1}])
    second = ec2.describe_snapshots(OwnerIds=["self"], MaxResults=5, NextToken=first["NextToken"])
    assert first["Snapshots"][-1]["SnapshotId"] == second["Snapshots"][0]["SnapshotId"]
    cloud.empty()
