# SPDX-License-Identifier: Apache-2.0
"""Requests are held against the model, lists are filtered and paged, tags have limits."""

import pytest
from botocore.exceptions import ClientError

from cloud.conftest import DATA, INSTANCE, ROOT
from cloud.control import CloudError
from cloud.raw import RawClient


def refused(function, **arguments):
    with pytest.raises(ClientError) as caught:
        function(**arguments)
    return caught.value.response["Error"]["Code"]


WRONG = [
    ("DescribeSnapshots", {"Colour": "red"}, "UnknownParameter", "The parameter Colour is not"),
    ("DescribeSnapshots", {"Filter.1.Nmae": "x"}, "UnknownParameter", "Filter.1.Nmae"),
    ("DescribeSnapshots", {"Filter.one.Name": "x"}, "UnknownParameter", "Filter.one"),
    ("DescribeSnapshots", {"SnapshotId": "snap-1"}, "UnknownParameter", "SnapshotId"),
    ("DescribeSnapshots", {"MaxResults": "many"}, "InvalidParameterValue", "(many) for parameter"),
    ("DescribeSnapshots", {"MaxResults": "4"}, "InvalidParameterValue", "maxResults"),
    ("DescribeSnapshots", {"DryRun": "perhaps"}, "InvalidParameterValue", "DryRun"),
    ("DescribeSnapshots", {"Filter.1.Name": "colour", "Filter.1.Value.1": "x"},
     "InvalidParameterValue", "The filter 'colour' is invalid"),
    ("DescribeSnapshots", {"SnapshotId.1": "snap-x"}, "InvalidParameterValue", "snap-x"),
    ("DescribeSnapshots", {"NextToken": "AAAA"}, "InvalidNextToken", "token"),
    ("DescribeSnapshots", {"SnapshotId.1": "snap-01234567", "MaxResults": "9"},
     "InvalidParameterCombination", "snapshotIds"),
    ("CreateSnapshot", {}, "MissingParameter", "must contain the parameter VolumeId"),
    ("CreateSnapshot", {"VolumeId": "vol-01234567"}, "InvalidVolume.NotFound", "vol-01234567"),
    ("CreateSnapshots", {"InstanceSpecification.InstanceId": "i-01234567"},
     "InvalidInstanceID.NotFound", "i-01234567"),
    ("CreateSnapshots", {"InstanceSpecification.InstanceId": "me"},
     "InvalidInstanceID.Malformed", "me"),
    ("CreateSnapshots", {"CopyTagsFromSource": "image"}, "InvalidParameterValue", "image"),
    ("DescribeImages", {"ImageId.1": "ami-01234567"}, "InvalidAMIID.NotFound", "ami-01234567"),
    ("CreateImage", {"InstanceId": INSTANCE, "Name": "a"}, "InvalidAMIName.Malformed", "AMI names"),
    ("RegisterImage", {"Name": "abc"}, "MissingParameter", "rootDeviceName"),
    ("Reboot", {}, "InvalidAction", "Reboot"),
    ("StopInstances", {"InstanceId.1": INSTANCE}, "UnsupportedOperation", "StopInstances"),
]


@pytest.mark.parametrize("action, params, code, text", WRONG,
                         ids=[f"{w[0]}-{w[2]}-{w[3][:9]}" for w in WRONG])
def test_a_wrong_request_is_named(cloud, action, params, code, text):
    client = RawClient(cloud)
    status, body = client.call(action, **params)
    client.close()
    assert status in (400, 501)
    assert f"<Code>{code}</Code>" in body.decode()
    assert text in body.decode().replace("&apos;", "'")


def test_another_version_and_a_doubled_parameter_are_refused(cloud):
    client = RawClient(cloud)
    answer = client.send(*client.signed({"Action": "DescribeTags", "Version": "2014-10-01"}))
    assert b"NoSuchVersion" in answer[1]
    headers, body = client.signed([("Action", "DescribeSnapshots"), ("Version", "2016-11-15"),
                                   ("MaxResults", "5"), ("MaxResults", "6")])
    assert b"given more than once" in client.send(headers, body)[1]
    client.close()


def test_a_dry_run_does_nothing(cloud, ec2):
    before = len(cloud.snapshots())
    wanted = {"InstanceSpecification": {"InstanceId": INSTANCE}, "DryRun": True}
    assert refused(ec2.create_snapshots, **wanted) == "DryRunOperation"
    cloud.configure(deny=["CreateSnapshots"])
    assert refused(ec2.create_snapshots, **wanted) == "UnauthorizedOperation"
    assert len(cloud.snapshots()) == before


def test_tagging_needs_its_own_permission(cloud, ec2):
    cloud.configure(deny=["CreateTags"])
    specification = [{"ResourceType": "snapshot", "Tags": [{"Key": "a", "Value": "b"}]}]
    assert refused(ec2.create_snapshot, VolumeId=DATA,
                   TagSpecifications=specification) == "UnauthorizedOperation"
    assert ec2.create_snapshot(VolumeId=DATA)["State"] == "pending"


def test_lists_come_in_pages(cloud, ec2):
    cloud.configure(snapshot_seconds=0)
    made = {ec2.create_snapshot(VolumeId=DATA, Description="paged")["SnapshotId"]
            for _ in range(12)}
    chosen = {"Filters": [{"Name": "description", "Values": ["pag?d"]}]}
    pages = list(ec2.get_paginator("describe_snapshots").paginate(
        **chosen, PaginationConfig={"PageSize": 5}))
    assert [len(page["Snapshots"]) for page in pages] == [5, 5, 2]
    assert {one["SnapshotId"] for page in pages for one in page["Snapshots"]} == made
    cloud.configure(page_cap=7)
    assert len(ec2.describe_snapshots(**chosen)["Snapshots"]) == 7


def test_filters_are_anded_and_their_values_ored(cloud, ec2):
    cloud.configure(snapshot_seconds=0)
    ids = {}
    for volume in (ROOT, DATA):
        for job in ("a*b", "axb"):
            made = ec2.create_snapshot(VolumeId=volume, TagSpecifications=[
                {"ResourceType": "snapshot", "Tags": [{"Key": "filtered", "Value": job}]}])
            ids[made["SnapshotId"]] = volume, job

    def found(**filters):
        wanted = [{"Name": name.replace("_", "-").replace("tag-of-", "tag:"), "Values": values}
                  for name, values in filters.items()]
        shown = ec2.describe_snapshots(Filters=wanted)["Snapshots"]
        return sorted(ids[one["SnapshotId"]] for one in shown)

    assert found(tag_of_filtered=["a*b"]) == sorted(ids.values())
    assert found(tag_of_filtered=["a\\*b"]) == [(ROOT, "a*b"), (DATA, "a*b")]
    assert found(tag_of_filtered=["axb"], volume_id=[DATA]) == [(DATA, "axb")]
    assert found(tag_key=["filtered"], volume_id=[ROOT, DATA], status=["pending"]) == []


def test_what_is_new_may_not_be_found_yet(cloud, ec2):
    cloud.configure(visibility_seconds=30, snapshot_seconds=0)
    snapshot = ec2.create_snapshot(VolumeId=DATA)["SnapshotId"]
    assert refused(ec2.describe_snapshots, SnapshotIds=[snapshot]) == "InvalidSnapshot.NotFound"
    assert refused(ec2.create_tags, Resources=[snapshot],
                   Tags=[{"Key": "a", "Value": "b"}]) == "InvalidSnapshot.NotFound"
    cloud.configure(visibility_seconds=0)
    assert ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["State"] == "completed"


def test_a_volume_has_five_pending_snapshots_at_most(cloud, ec2):
    cloud.configure(snapshot_seconds=None)
    for _ in range(5):
        ec2.create_snapshot(VolumeId=ROOT)
    assert refused(ec2.create_snapshot, VolumeId=ROOT) == "ConcurrentSnapshotLimitExceeded"
    cloud.configure(snapshot_seconds=0)
    ec2.create_snapshot(VolumeId=ROOT)


def test_snapshots_of_a_volume_may_not_follow_each_other_too_soon(cloud, ec2):
    cloud.configure(snapshot_seconds=0)
    ec2.create_snapshot(VolumeId=ROOT)
    cloud.configure(volume_rate_seconds=60)
    assert refused(ec2.create_snapshot,
                   VolumeId=ROOT) == "SnapshotCreationPerVolumeRateExceeded"
    cloud.configure(volume_rate_seconds=0)
    ec2.create_snapshot(VolumeId=ROOT)


def test_tags_are_made_changed_listed_and_removed(cloud, ec2):
    cloud.configure(snapshot_seconds=0)
    snapshot = ec2.create_snapshot(VolumeId=DATA)["SnapshotId"]
    ec2.create_tags(Resources=[snapshot, DATA], Tags=[{"Key": "k1", "Value": "v1"},
                                                      {"Key": "k2", "Value": "v2"}])
    ec2.delete_tags(Resources=[snapshot], Tags=[{"Key": "k1", "Value": "other"}, {"Key": "k2"}])
    shown = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [snapshot]}])["Tags"]
    assert shown == [{"Key": "k1", "Value": "v1", "ResourceId": snapshot,
                      "ResourceType": "snapshot"}]
    ec2.delete_tags(Resources=[DATA], Tags=[{"Key": "k1"}, {"Key": "k2"}])


@pytest.mark.parametrize("tags, code", [
    ([("aws:mine", "x")], "InvalidParameterValue"),
    ([("k" * 129, "x")], "InvalidParameterValue"),
    ([("k", "v" * 257)], "InvalidParameterValue"),
    ([("k", "1"), ("k", "2")], "InvalidParameterValue"),
    ([(f"k{n}", "v") for n in range(51)], "TagLimitExceeded"),
])
def test_tags_have_limits(ec2, tags, code):
    specification = [{"ResourceType": "snapshot",
                      "Tags": [{"Key": key, "Value": value} for key, value in tags]}]
    assert refused(ec2.create_snapshot, VolumeId=DATA, TagSpecifications=specification) == code


def test_tags_of_another_kind_of_resource_are_refused(ec2):
    specification = [{"ResourceType": "volume", "Tags": [{"Key": "k", "Value": "v"}]}]
    assert refused(ec2.create_snapshot, VolumeId=DATA,
                   TagSpecifications=specification) == "InvalidParameterValue"


def test_volumes_come_and_go(cloud, ec2):
    volume = cloud.attach_volume(device="/dev/sdg", size_bytes=1 << 20, encrypted=True)
    shown = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]
    assert (shown["State"], shown["Encrypted"]) == ("in-use", True)
    cloud.detach_volume(volume)
    assert ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Attachments"] == []
    cloud.set_instance({"InstanceType": "c7g.large"})
    shown = ec2.describe_instances()["Reservations"][0]["Instances"][0]
    assert shown["InstanceType"] == "c7g.large" and len(shown["BlockDeviceMappings"]) == 2


def test_a_knob_that_does_not_exist_is_an_error_of_the_test(cloud):
    with pytest.raises(CloudError, match="unknown knob: speed"):
        cloud.configure(speed=9)
