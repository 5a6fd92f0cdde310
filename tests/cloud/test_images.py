# SPDX-License-Identifier: Apache-2.0
"""Images: when they cut, when they are available, what they refuse, how they end."""

import time

import pytest
from botocore.exceptions import ClientError

from cloud.conftest import DATA, INSTANCE, ROOT, client
from cloud.control import Cloud

PREFIX = iter(range(1000))


def name():
    return f"image {next(PREFIX)}"


def refused(function, **arguments):
    with pytest.raises(ClientError) as caught:
        function(**arguments)
    return caught.value.response["Error"]["Code"]


def shown(ec2, image):
    return ec2.describe_images(ImageIds=[image])["Images"][0]


def cut_volumes(ec2, image):
    """The devices whose mapping shows a snapshot."""
    return [one["DeviceName"] for one in shown(ec2, image)["BlockDeviceMappings"]
            if one["Ebs"].get("SnapshotId")]


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def test_create_image_may_cut_after_its_reply(cloud, ec2):
    cloud.configure(cut_seconds=1.5, cut_stagger_seconds=1.5)
    began = time.time()
    image = ec2.create_image(InstanceId=INSTANCE, Name=name(), NoReboot=True)["ImageId"]
    assert cut_volumes(ec2, image) == []
    wait_for(lambda: cut_volumes(ec2, image) == ["/dev/xvda"])
    wait_for(lambda: cut_volumes(ec2, image) == ["/dev/xvda", "/dev/sdf"])
    starts = [one["start_time"] - began for one in cloud.snapshots()[-2:]]
    assert 1.5 <= starts[0] <= starts[1] - 1


def test_an_image_is_available_when_its_snapshots_are_complete(cloud, ec2):
    cloud.configure(snapshot_seconds=None)
    image = ec2.create_image(InstanceId=INSTANCE, Name=name(), NoReboot=True)["ImageId"]
    assert shown(ec2, image)["State"] == "pending"
    cloud.configure(snapshot_seconds=0, image_seconds=0)
    assert shown(ec2, image)["State"] == "available"


def test_create_image_reboots_unless_told_not_to(cloud, ec2):
    ec2.create_image(InstanceId=INSTANCE, Name=name(), NoReboot=True)
    assert cloud.reboots() == {INSTANCE: []}
    ec2.create_image(InstanceId=INSTANCE, Name=name())
    assert len(cloud.reboots()[INSTANCE]) == 1


def test_a_machine_that_reboots_is_cut_when_it_is_off(cloud, ec2):
    cloud.configure(machines_reboot=True, snapshot_seconds=0, image_seconds=0)
    image = ec2.create_image(InstanceId=INSTANCE, Name=name())["ImageId"]
    assert shown(ec2, image)["State"] == "pending"
    assert "SnapshotId" not in shown(ec2, image)["BlockDeviceMappings"][0]["Ebs"]
    assert cloud.to_be_stopped() == [INSTANCE]
    cloud.instance_stopped(INSTANCE)
    assert shown(ec2, image)["State"] == "available" and cloud.to_be_stopped() == []


def test_create_image_leaves_out_what_is_not_wanted(cloud, ec2):
    cloud.configure(snapshot_seconds=0)
    image = ec2.create_image(InstanceId=INSTANCE, Name=name(), NoReboot=True, BlockDeviceMappings=[
        {"DeviceName": "/dev/sdf", "NoDevice": ""}])["ImageId"]
    assert [one["DeviceName"] for one in shown(ec2, image)["BlockDeviceMappings"]] == ["/dev/xvda"]


def test_snapshots_and_images_can_fail(cloud, ec2):
    cloud.configure(snapshot_seconds=0, image_seconds=0, fail_snapshots=1)
    image = ec2.create_image(InstanceId=INSTANCE, Name=name(), NoReboot=True)["ImageId"]
    assert shown(ec2, image)["State"] == "failed"
    assert [one["state"] for one in cloud.snapshots()[-2:]] == ["error", "completed"]
    cloud.configure(fail_images=1)
    image = ec2.create_image(InstanceId=INSTANCE, Name=name(), NoReboot=True)["ImageId"]
    assert shown(ec2, image)["State"] == "failed" and shown(ec2, image)["StateReason"]["Code"]
    image = ec2.create_image(InstanceId=INSTANCE, Name=name(), NoReboot=True)["ImageId"]
    assert shown(ec2, image)["State"] == "available"


def test_a_name_is_unique_until_its_image_is_gone(cloud, ec2):
    cloud.configure(snapshot_seconds=0)
    wanted = {"InstanceId": INSTANCE, "Name": name(), "NoReboot": True}
    image = ec2.create_image(**wanted)["ImageId"]
    assert refused(ec2.create_image, **wanted) == "InvalidAMIName.Duplicate"
    ec2.deregister_image(ImageId=image)
    assert refused(ec2.deregister_image, ImageId=image) == "InvalidAMIID.Unavailable"
    assert ec2.create_image(**wanted)["ImageId"] != image


def test_register_image_needs_complete_snapshots_and_a_root(cloud, ec2):
    cloud.configure(snapshot_seconds=None)
    snapshot = ec2.create_snapshot(VolumeId=ROOT)["SnapshotId"]
    wanted = {"Name": name(), "RootDeviceName": "/dev/xvda", "BlockDeviceMappings": [
        {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}]}
    assert refused(ec2.register_image, **wanted) == "InvalidSnapshot"
    cloud.configure(snapshot_seconds=0)
    elsewhere = {**wanted, "RootDeviceName": "/dev/sda1"}
    assert refused(ec2.register_image, **elsewhere) == "InvalidBlockDeviceMapping"
    image = shown(ec2, ec2.register_image(**wanted)["ImageId"])
    assert (image["VirtualizationType"], image["Architecture"]) == ("paravirtual", "i386")
    assert "BootMode" not in image


@pytest.mark.parametrize("ebs, code", [
    ({"VolumeSize": 4}, "InvalidBlockDeviceMapping"),
    ({"Encrypted": False}, "InvalidParameterCombination"),
    ({"VolumeType": "io2"}, "MissingParameter"),
    ({"VolumeType": "gp2", "Iops": 300}, "InvalidParameterCombination"),
    ({"VolumeType": "io1", "Iops": 300, "Throughput": 125}, "InvalidParameterCombination"),
])
def test_register_image_refuses_mappings_that_ec2_refuses(cloud, ec2, ebs, code):
    cloud.configure(snapshot_seconds=0)
    snapshot = ec2.create_snapshot(VolumeId=ROOT)["SnapshotId"]
    mapping = {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot, **ebs}}
    assert refused(ec2.register_image, Name=name(), RootDeviceName="/dev/xvda",
                   BlockDeviceMappings=[mapping]) == code


def test_snapshots_may_go_with_their_image(cloud, ec2, newer_ec2):
    cloud.configure(snapshot_seconds=0)
    image = ec2.create_image(InstanceId=INSTANCE, Name=name(), NoReboot=True)["ImageId"]
    kept, gone = [one["Ebs"]["SnapshotId"] for one in shown(ec2, image)["BlockDeviceMappings"]]
    other = newer_ec2.register_image(
        Name=name(), RootDeviceName="/dev/xvda",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": kept}}],
        TagSpecifications=[{"ResourceType": "image", "Tags": [{"Key": "a", "Value": "b"}]}])
    assert shown(ec2, other["ImageId"])["Tags"] == [{"Key": "a", "Value": "b"}]
    results = newer_ec2.deregister_image(ImageId=image, DeleteAssociatedSnapshots=True)
    assert results["DeleteSnapshotResults"] == [
        {"SnapshotId": kept, "ReturnCode": "skipped"},
        {"SnapshotId": gone, "ReturnCode": "success"}]
    assert refused(ec2.describe_snapshots, SnapshotIds=[gone]) == "InvalidSnapshot.NotFound"


def test_lists_of_images_come_in_pages_and_by_owner(cloud, ec2, newer_ec2):
    cloud.configure(snapshot_seconds=0)
    for _ in range(3):
        ec2.create_image(InstanceId=INSTANCE, Name=name(), NoReboot=True)
    ours = len(ec2.describe_images(Owners=["self"])["Images"])
    first = newer_ec2.describe_images(Owners=["self"], MaxResults=2)
    assert len(first["Images"]) == 2
    rest = newer_ec2.describe_images(Owners=["self"], NextToken=first["NextToken"])
    assert len(rest["Images"]) == ours - 2 and "NextToken" not in rest
    assert [one["ImageOwnerAlias"] for one in ec2.describe_images(Owners=["amazon"])["Images"]] == [
        "amazon"]


def test_attributes_of_an_image_can_be_asked_for(cloud, ec2):
    image = ec2.create_image(InstanceId=INSTANCE, Name=name(), NoReboot=True,
                             Description="what it is")["ImageId"]
    answer = ec2.describe_image_attribute(ImageId=image, Attribute="description")
    assert answer["Description"]["Value"] == "what it is"
    answer = ec2.describe_image_attribute(ImageId=image, Attribute="bootMode")
    assert answer["BootMode"]["Value"] == "uefi-preferred"


def test_an_instance_with_product_codes_hands_them_on_to_created_images():
    with Cloud(instances=[{"marketplace_codes": ["abc123"]}], knobs={"snapshot_seconds": 0},
               volumes=[{"id": DATA, "device": "/dev/xvda"}]) as cloud:
        ec2 = client(cloud)
        image = ec2.create_image(InstanceId=INSTANCE, Name=name(), NoReboot=True)["ImageId"]
        assert shown(ec2, image)["ProductCodes"] == [
            {"ProductCodeId": "abc123", "ProductCodeType": "marketplace"}]


def test_a_disabled_image_is_listed_for_those_who_ask(cloud, ec2, newer_ec2):
    cloud.configure(snapshot_seconds=0, image_seconds=0)
    image = ec2.create_image(InstanceId=INSTANCE, Name=name(), NoReboot=True)["ImageId"]
    assert shown(ec2, image)["State"] == "available"
    newer_ec2.disable_image(ImageId=image)
    assert ec2.describe_images(ImageIds=[image])["Images"] == []
    listed = newer_ec2.describe_images(Owners=["self"], IncludeDisabled=True)["Images"]
    assert [one["State"] for one in listed if one["ImageId"] == image] == ["disabled"]
    assert refused(ec2.run_instances, ImageId=image, MinCount=1, MaxCount=1) == (
        "InvalidAMIID.Unavailable")
    newer_ec2.enable_image(ImageId=image)
    assert shown(ec2, image)["State"] == "available"


def test_images_are_found_by_the_snapshots_that_they_use(cloud, ec2):
    cloud.configure(snapshot_seconds=0, image_seconds=0)
    image = ec2.create_image(InstanceId=INSTANCE, Name=name(), NoReboot=True)["ImageId"]
    snapshots = [one["Ebs"]["SnapshotId"] for one in shown(ec2, image)["BlockDeviceMappings"]]
    listed = cloud.awscli("describe-images", "--owners", "self", "--filters",
                          f"Name=block-device-mapping.snapshot-id,Values={','.join(snapshots)}")
    assert [one["ImageId"] for one in listed["Images"]] == [image]
    listed = cloud.awscli("describe-images", "--filters", f"Name=image-id,Values={image}")
    assert len(listed["Images"]) == 1


def test_instances_are_found_by_image_and_tag(cloud, ec2):
    cloud.configure(snapshot_seconds=0, image_seconds=0)
    image = ec2.create_image(InstanceId=INSTANCE, Name=name(), NoReboot=True)["ImageId"]
    assert shown(ec2, image)["State"] == "available"
    launched = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=[
        {"ResourceType": "instance", "Tags": [{"Key": "quiesced:verify", "Value": image}]}])
    instance = launched["Instances"][0]["InstanceId"]
    for one in (f"Name=image-id,Values={image}", "Name=tag-key,Values=quiesced:verify"):
        found = cloud.awscli("describe-instances", "--filters", one)["Reservations"]
        assert [group["Instances"][0]["InstanceId"] for group in found] == [instance]
    ec2.terminate_instances(InstanceIds=[instance])
