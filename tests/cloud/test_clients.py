# SPDX-License-Identifier: Apache-2.0
"""Clients that were not written for this cloud understand it: botocore and the real aws."""

import pytest
from botocore.exceptions import ClientError

from cloud.conftest import DATA, INSTANCE, ROOT
from cloud.control import CloudError


def tags(kind, **pairs):
    return [{"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in pairs.items()]}]


def code_of(caught):
    return caught.value.response["Error"]["Code"]


def test_botocore_reads_the_instance_and_its_volumes(ec2):
    instance = ec2.describe_instances(InstanceIds=[INSTANCE])["Reservations"][0]["Instances"][0]
    assert instance["Architecture"] == "x86_64"
    mappings = instance["BlockDeviceMappings"]
    attached = {one["DeviceName"]: one["Ebs"]["VolumeId"] for one in mappings}
    assert attached == {"/dev/xvda": ROOT, "/dev/sdf": DATA}
    volumes = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id",
                                             "Values": [INSTANCE]}])["Volumes"]
    assert {one["VolumeId"]: one["Size"] for one in volumes} == {ROOT: 8, DATA: 1}


def test_snapshots_of_all_volumes_go_through_pending_to_completed(cloud, ec2):
    cloud.configure(snapshot_seconds=None)
    made = ec2.create_snapshots(InstanceSpecification={"InstanceId": INSTANCE},
                                TagSpecifications=tags("snapshot", job="7"),
                                CopyTagsFromSource="volume")["Snapshots"]
    assert [one["VolumeId"] for one in made] == [ROOT, DATA]
    assert {one["State"] for one in made} == {"pending"}
    assert made[0]["StartTime"] == made[1]["StartTime"]
    assert {"Key": "role", "Value": "data"} in made[1]["Tags"]
    cloud.configure(snapshot_seconds=0)
    found = ec2.describe_snapshots(Filters=[{"Name": "tag:job", "Values": ["7"]}])["Snapshots"]
    assert {(one["State"], one["Progress"]) for one in found} == {("completed", "100%")}
    assert {one["SnapshotId"] for one in found} == {one["SnapshotId"] for one in made}


def test_an_image_registered_from_snapshots_keeps_what_it_was_given(cloud, ec2):
    cloud.configure(snapshot_seconds=0, image_seconds=0)
    made = ec2.create_snapshots(InstanceSpecification={"InstanceId": INSTANCE})["Snapshots"]
    image = ec2.register_image(
        Name="golden 1", Architecture="arm64", RootDeviceName="/dev/xvda", BootMode="uefi",
        EnaSupport=True, SriovNetSupport="simple", TpmSupport="v2.0", ImdsSupport="v2.0",
        VirtualizationType="hvm", BlockDeviceMappings=[
            {"DeviceName": "/dev/xvda", "Ebs": {
                "SnapshotId": made[0]["SnapshotId"], "VolumeType": "gp3", "Iops": 4000,
                "Throughput": 200}},
            {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": made[1]["SnapshotId"]}}])["ImageId"]
    shown = ec2.describe_images(ImageIds=[image])["Images"][0]
    assert shown["State"] == "available"
    assert (shown["Architecture"], shown["BootMode"]) == ("arm64", "uefi")
    assert (shown["TpmSupport"], shown["ImdsSupport"]) == ("v2.0", "v2.0")
    root = shown["BlockDeviceMappings"][0]["Ebs"]
    assert (root["Iops"], root["Throughput"], root["VolumeSize"]) == (4000, 200, 8)
    with pytest.raises(ClientError) as caught:
        ec2.delete_snapshot(SnapshotId=made[0]["SnapshotId"])
    assert code_of(caught) == "InvalidSnapshot.InUse"
    ec2.deregister_image(ImageId=image)
    ec2.delete_snapshot(SnapshotId=made[0]["SnapshotId"])
    with pytest.raises(ClientError) as caught:
        ec2.delete_snapshot(SnapshotId=made[0]["SnapshotId"])
    assert code_of(caught) == "InvalidSnapshot.NotFound"


def test_the_real_aws_lists_what_was_made(cloud, ec2):
    cloud.configure(snapshot_seconds=0, image_seconds=0)
    image = ec2.create_image(InstanceId=INSTANCE, Name="nightly", NoReboot=True,
                             TagSpecifications=tags("image", job="9") + tags("snapshot", job="9"))
    images = cloud.awscli("describe-images", "--owners", "self", "--filters",
                          "Name=tag:job,Values=9")["Images"]
    assert [(one["ImageId"], one["Name"]) for one in images] == [(image["ImageId"], "nightly")]
    snapshots = cloud.awscli("describe-snapshots", "--owner-ids", "self", "--filters",
                             "Name=tag:job,Values=9")["Snapshots"]
    assert {one["VolumeId"] for one in snapshots} == {ROOT, DATA}
    assert cloud.reboots()[INSTANCE] == []


def test_the_real_aws_makes_snapshots(cloud):
    made = cloud.awscli("create-snapshots", "--instance-specification", f"InstanceId={INSTANCE}",
                        "--tag-specifications", "ResourceType=snapshot,Tags=[{Key=by,Value=aws}]")
    assert {one["VolumeId"] for one in made["Snapshots"]} == {ROOT, DATA}
    assert sum(one["tags"] == {"by": "aws"} for one in cloud.snapshots()) == 2


def test_the_real_aws_is_told_what_is_wrong(cloud):
    with pytest.raises(CloudError, match=r"InvalidSnapshot.NotFound.*snap-0123456789abcdef0"):
        cloud.awscli("delete-snapshot", "--snapshot-id", "snap-0123456789abcdef0")
