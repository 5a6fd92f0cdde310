# SPDX-License-Identifier: Apache-2.0
"""What publishing an image takes: regions, copies, permissions, protection, locks, the archive."""

import datetime
import pathlib
import time

import pytest
from botocore.exceptions import ClientError

from cloud.account import ec2_client
from cloud.conftest import DATA, INSTANCE, ROOT
from cloud.control import Cloud, CloudError

HOME, AWAY, FAR = "eu-central-1", "us-east-1", "ap-south-1"
OTHER = "210987654321"
ORGANIZATION = "arn:aws:organizations::123456789012:organization/o-abcdefghij"
KEY = f"arn:aws:kms:{AWAY}:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
NAMES = (f"image {number}" for number in range(1000))


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("volumes")
    volumes = [("/dev/xvda", ROOT, False), ("/dev/sdf", DATA, True)]
    for number, (_, volume, _) in enumerate(volumes):
        (folder / volume).write_bytes(bytes([number + 1]) * (1 << 20))
    with Cloud(regions=[AWAY, FAR], volumes=[
            {"id": volume, "device": device, "path": str(folder / volume), "encrypted": encrypted,
             "kms_key_id": KEY.replace(AWAY, HOME) if encrypted else None}
            for device, volume, encrypted in volumes]) as cloud:
        yield cloud


@pytest.fixture
def cloud(running):
    with running.lent() as cloud:
        cloud.configure(snapshot_seconds=0, image_seconds=0)
        yield cloud


@pytest.fixture
def away(cloud):
    return ec2_client(cloud, region=AWAY)


@pytest.fixture
def image(ec2):
    tags = [{"Key": "team", "Value": "web"}]
    return ec2.create_image(InstanceId=INSTANCE, Name=next(NAMES), NoReboot=True, TagSpecifications=[
        {"ResourceType": "image", "Tags": tags}, {"ResourceType": "snapshot", "Tags": tags}])["ImageId"]


def refused(function, **arguments):
    with pytest.raises(ClientError) as caught:
        function(**arguments)
    return caught.value.response["Error"]["Code"]


def copy(away, image, **more):
    arguments = {"Name": "copy", "SourceImageId": image, "SourceRegion": HOME, **more}
    return away.copy_image(**arguments)["ImageId"]


def wait_state(ec2, image, state="available"):
    end = time.monotonic() + 60
    while True:
        shown = ec2.describe_images(ImageIds=[image])["Images"][0]
        if shown["State"] == state:
            return shown
        assert time.monotonic() < end, f"{image} is {shown['State']}"
        time.sleep(0.02)


def snapshots_of(image):
    return [one["Ebs"]["SnapshotId"] for one in image["BlockDeviceMappings"]]


def test_what_is_made_in_a_region_is_seen_there_alone(cloud, away, image):
    assert refused(away.describe_images, ImageIds=[image]) == "InvalidAMIID.NotFound"
    assert away.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []
    assert away.describe_instances()["Reservations"] == []
    assert refused(ec2_client(cloud, region="sa-east-1").describe_images) == "SignatureDoesNotMatch"
    assert [call["region"] for call in cloud.calls("DescribeImages")][:1] == [AWAY]
    assert len(cloud.images()) == 1 and cloud.images(region=AWAY) == []


def test_a_copy_is_an_image_with_snapshots_of_its_own(cloud, ec2, away, image):
    made = wait_state(away, copy(away, image, Description="elsewhere", CopyImageTags=True))
    source = ec2.describe_images(ImageIds=[image])["Images"][0]
    assert made["Description"] == "elsewhere"
    assert made["Tags"] == [{"Key": "team", "Value": "web"}]
    assert made["Architecture"] == source["Architecture"]
    assert "SourceInstanceId" not in made
    originals = {one["id"]: one for one in cloud.snapshots()}
    for old, new in zip(snapshots_of(source), snapshots_of(made)):
        (found,) = [one for one in cloud.snapshots(region=AWAY) if one["id"] == new]
        assert found["description"].startswith(
            f"Copied for DestinationAmi {made['ImageId']} from SourceAmi {image} for "
            f"SourceSnapshot {old}.")
        assert found["volume"] == "vol-ffffffff"
        assert found["path"] != originals[old]["path"]
        original = pathlib.Path(originals[old]["path"]).read_bytes()
        assert pathlib.Path(found["path"]).read_bytes() == original
    ec2.deregister_image(ImageId=image)
    assert wait_state(away, made["ImageId"])


def test_a_copy_is_pending_as_long_as_its_snapshots_are(cloud, away, image):
    cloud.configure(snapshot_seconds=None)
    made = copy(away, image)
    wait_state(away, made, "pending")
    cloud.configure(snapshot_seconds=0)
    wait_state(away, made)


def test_the_tags_of_a_copy_can_be_given(newer_ec2, image):
    tags = [{"ResourceType": kind, "Tags": [{"Key": "kind", "Value": kind}]}
            for kind in ("image", "snapshot")]
    made = newer_ec2.copy_image(Name="tagged", SourceImageId=image, SourceRegion=HOME,
                                TagSpecifications=tags)["ImageId"]
    shown = wait_state(newer_ec2, made)
    assert shown["Tags"] == tags[0]["Tags"]
    for snapshot in snapshots_of(shown):
        assert newer_ec2.describe_snapshots(
            SnapshotIds=[snapshot])["Snapshots"][0]["Tags"] == tags[1]["Tags"]


def test_a_client_token_makes_one_copy(cloud, away, image):
    assert copy(away, image, ClientToken="once") == copy(away, image, ClientToken="once")
    assert refused(copy, away=away, image=image, ClientToken="once", Description="other") == (
        "IdempotentParameterMismatch")
    assert copy(ec2_client(cloud, region=FAR), image, ClientToken="once")
    assert len(cloud.images(region=AWAY)) == 1


def test_a_copy_can_be_encrypted(cloud, away, image):
    assert refused(copy, away=away, image=image, KmsKeyId=KEY) == "InvalidParameterDependency"
    made = wait_state(away, copy(away, image, Encrypted=True, KmsKeyId=KEY))
    keys = {one["KmsKeyId"] for one in away.describe_snapshots(
        SnapshotIds=snapshots_of(made))["Snapshots"]}
    assert keys == {KEY}
    cloud.configure(kms_keys=[])
    shown = wait_state(away, copy(away, image, Encrypted=True, KmsKeyId="alias/none"), "failed")
    assert shown["StateReason"]


def test_what_a_default_key_encrypts_is_shared_with_nobody(away, image):
    permission = {"Add": [{"UserId": OTHER}]}
    made = wait_state(away, copy(away, image))       # the second volume's key is of another region
    assert refused(away.modify_image_attribute, ImageId=made["ImageId"],
                   LaunchPermission=permission) == "InvalidParameter"
    assert refused(away.modify_snapshot_attribute, SnapshotId=snapshots_of(made)[1],
                   CreateVolumePermission=permission) == "OperationNotPermitted"


def test_a_copy_that_fails_says_so(cloud, away, image):
    cloud.configure(fail_copies=1)
    assert wait_state(away, copy(away, image), "failed")["StateReason"]["Code"]
    wait_state(away, copy(away, image))


def test_so_many_copies_are_made_at_once(cloud, away, image):
    cloud.configure(snapshot_seconds=None, copies_at_once=1)
    made = copy(away, image)
    assert refused(copy, away=away, image=image) == "ResourceLimitExceeded"
    cloud.configure(snapshot_seconds=0)
    wait_state(away, made)
    copy(away, image)


def test_the_real_aws_shares_an_image(cloud, image):
    change = f"Add=[{{UserId={OTHER}}},{{OrganizationArn={ORGANIZATION}}}]"
    for _ in range(2):
        cloud.awscli("modify-image-attribute", "--image-id", image, "--launch-permission", change)
    found = cloud.awscli("describe-image-attribute", "--image-id", image, "--attribute",
                         "launchPermission")["LaunchPermissions"]
    assert found == [{"UserId": OTHER}, {"OrganizationArn": ORGANIZATION}]
    with pytest.raises(CloudError, match="InvalidAMIAttributeItemValue"):
        cloud.awscli("modify-image-attribute", "--image-id", image, "--launch-permission",
                     "Add=[{UserId=1234}]")
    cloud.configure(unknown_accounts=[OTHER])
    with pytest.raises(CloudError, match=OTHER):
        cloud.awscli("modify-image-attribute", "--image-id", image, "--launch-permission", change)


def test_snapshots_are_shared_one_by_one(ec2):
    made = ec2.create_snapshots(InstanceSpecification={"InstanceId": INSTANCE})["Snapshots"]
    snapshot = made[0]["SnapshotId"]
    ec2.modify_snapshot_attribute(SnapshotId=snapshot,
                                  CreateVolumePermission={"Add": [{"UserId": OTHER}]})
    assert ec2.describe_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")[
        "CreateVolumePermissions"] == [{"UserId": OTHER}]


def test_an_image_is_deprecated_at_a_full_minute(ec2, image):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=90)
    at = at.replace(hour=12)        # its minute is rounded
    ec2.enable_image_deprecation(ImageId=image, DeprecateAt=at)
    shown = ec2.describe_images(ImageIds=[image])["Images"][0]["DeprecationTime"]
    assert shown[:10] == at.isoformat()[:10] and shown.endswith(":00.000Z")
    for days in (-91, 3660):
        assert refused(ec2.enable_image_deprecation, ImageId=image,
                       DeprecateAt=at + datetime.timedelta(days=days)) == "InvalidParameterValue"


def test_a_protected_image_is_not_deregistered(cloud, newer_ec2, image):
    newer_ec2.enable_image_deregistration_protection(ImageId=image, WithCooldown=True)
    shown = newer_ec2.describe_images(ImageIds=[image])["Images"][0]
    assert shown["DeregistrationProtection"] == "enabled-with-cooldown"
    assert refused(newer_ec2.deregister_image, ImageId=image) == "OperationNotPermitted"
    cloud.configure(cooldown_seconds=2)
    newer_ec2.disable_image_deregistration_protection(ImageId=image)
    assert refused(newer_ec2.deregister_image, ImageId=image) == "OperationNotPermitted"
    time.sleep(2)
    newer_ec2.deregister_image(ImageId=image)


def test_a_locked_snapshot_is_not_deleted(newer_ec2):
    made = newer_ec2.create_snapshots(InstanceSpecification={"InstanceId": INSTANCE})["Snapshots"]
    loose, fast = [one["SnapshotId"] for one in made]
    newer_ec2.lock_snapshot(SnapshotId=loose, LockMode="governance", LockDuration=7)
    newer_ec2.lock_snapshot(SnapshotId=loose, LockMode="governance", LockDuration=1)
    newer_ec2.lock_snapshot(SnapshotId=fast, LockMode="compliance", LockDuration=7)
    shown = newer_ec2.describe_locked_snapshots()["Snapshots"]
    assert {one["SnapshotId"]: (one["LockState"], one["LockDuration"]) for one in shown} == {
        loose: ("governance", 1), fast: ("compliance", 7)}
    assert refused(newer_ec2.delete_snapshot, SnapshotId=loose) == "OperationNotPermitted"
    assert refused(newer_ec2.unlock_snapshot, SnapshotId=fast) == "OperationNotPermitted"
    assert refused(newer_ec2.lock_snapshot, SnapshotId=fast, LockMode="compliance",
                   LockDuration=1) == "OperationNotPermitted"
    newer_ec2.lock_snapshot(SnapshotId=fast, LockMode="compliance", LockDuration=7)
    newer_ec2.unlock_snapshot(SnapshotId=loose)
    newer_ec2.delete_snapshot(SnapshotId=loose)


def test_fast_restore_is_told_zone_by_zone(ec2, cloud):
    made = ec2.create_snapshots(InstanceSpecification={"InstanceId": INSTANCE})["Snapshots"]
    snapshot = made[0]["SnapshotId"]
    answer = ec2.enable_fast_snapshot_restores(AvailabilityZones=[HOME + "a", AWAY + "a"],
                                               SourceSnapshotIds=[snapshot])
    assert [one["AvailabilityZone"] for one in answer["Successful"]] == [HOME + "a"]
    (bad,) = answer["Unsuccessful"]
    assert bad["FastSnapshotRestoreStateErrors"][0]["AvailabilityZone"] == AWAY + "a"
    found = cloud.awscli("describe-fast-snapshot-restores")["FastSnapshotRestores"]
    assert [(one["SnapshotId"], one["State"]) for one in found] == [(snapshot, "enabled")]


def test_what_an_image_uses_is_not_archived(ec2, image):
    used = snapshots_of(ec2.describe_images(ImageIds=[image])["Images"][0])[0]
    assert refused(ec2.modify_snapshot_tier, SnapshotId=used) == "OperationNotPermitted"
    made = ec2.create_snapshots(InstanceSpecification={"InstanceId": INSTANCE})["Snapshots"]
    ec2.modify_snapshot_tier(SnapshotId=made[0]["SnapshotId"], StorageTier="archive")
    shown = ec2.describe_snapshots(SnapshotIds=[made[0]["SnapshotId"]])["Snapshots"][0]
    assert shown["StorageTier"] == "archive"
