# SPDX-License-Identifier: Apache-2.0
"""Instances launched from an image: bytes, identity, and their end."""

import json
import os
import time

import botocore.exceptions
import pytest

from cloud.conftest import DATA, INSTANCE
from cloud.raw import ImdsClient


@pytest.fixture
def image(cloud, ec2):
    """An available image of both volumes, whose data volume begins with `written`."""
    path = next(one["path"] for one in cloud.volumes() if one["id"] == DATA)
    with open(path, "r+b") as file:
        file.write(b"written")
    cloud.configure(snapshot_seconds=0, image_seconds=0)
    image_id = ec2.create_image(InstanceId=INSTANCE, Name=f"launched {time.time()}",
                                NoReboot=True)["ImageId"]
    yield image_id
    ec2.deregister_image(ImageId=image_id)


def launch(ec2, image_id, count=1, **more):
    return ec2.run_instances(ImageId=image_id, MinCount=count, MaxCount=count,
                             **more)["Instances"]


def volumes_of(cloud, instance):
    return {one["device"]: one for one in cloud.volumes()
            if one["instance"] == instance["InstanceId"]}


def test_each_instance_has_volumes_of_its_own_with_the_images_bytes(cloud, ec2, image):
    first, second = launch(ec2, image, count=2)
    seen = [volumes_of(cloud, one) for one in (first, second)]
    assert [sorted(one) for one in seen] == [["/dev/sdf", "/dev/xvda"]] * 2
    paths = [one["/dev/sdf"]["path"] for one in seen]
    assert paths[0] != paths[1]
    for path in paths:
        with open(path, "rb") as file:
            assert file.read(7) == b"written"
    ec2.terminate_instances(InstanceIds=[first["InstanceId"], second["InstanceId"]])


def test_the_metadata_service_knows_who_asks(cloud, ec2, image):
    (instance,) = launch(ec2, image, InstanceType="c6i.large")
    imds = ImdsClient(cloud, host="%s:%d" % cloud.metadata_of(instance["InstanceId"]))
    document = json.loads(imds.get("dynamic/instance-identity/document")[1])
    assert document["instanceId"] == instance["InstanceId"] != INSTANCE
    assert (document["imageId"], document["instanceType"]) == (image, "c6i.large")
    assert imds.get("meta-data/instance-id") == (200, instance["InstanceId"])
    assert ImdsClient(cloud).get("meta-data/instance-id") == (200, INSTANCE)
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])


def test_a_repeated_request_launches_nothing_more(ec2, image):
    first = launch(ec2, image, ClientToken="once")
    again = launch(ec2, image, ClientToken="once")
    assert [one["InstanceId"] for one in first] == [one["InstanceId"] for one in again]
    ec2.terminate_instances(InstanceIds=[first[0]["InstanceId"]])


def test_a_terminated_instance_takes_along_what_is_deleted_on_termination(cloud, ec2, image):
    (instance,) = launch(ec2, image)
    before = volumes_of(cloud, instance)
    for expected in ("shutting-down", "terminated"):
        (change,) = ec2.terminate_instances(
            InstanceIds=[instance["InstanceId"]])["TerminatingInstances"]
        assert change["CurrentState"]["Name"] == expected
    assert not os.path.exists(before["/dev/xvda"]["path"])
    after = {one["id"]: one for one in cloud.volumes()}
    assert before["/dev/xvda"]["id"] not in after
    assert after[before["/dev/sdf"]["id"]]["instance"] is None


@pytest.mark.parametrize("changes, code", [
    ({"ImageId": "ami-00000000000000000"}, "InvalidAMIID.NotFound"),
    ({"MinCount": 3, "MaxCount": 2}, "InvalidParameterValue"),
    ({"KeyName": "mine"}, "UnsupportedOperation"),
])
def test_what_makes_no_sense_is_refused(ec2, image, changes, code):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        ec2.run_instances(**{"ImageId": image, "MinCount": 1, "MaxCount": 1, **changes})
    assert caught.value.response["Error"]["Code"] == code


def test_a_pending_image_launches_nothing(cloud, ec2):
    cloud.configure(snapshot_seconds=30)
    image_id = ec2.create_image(InstanceId=INSTANCE, Name="pending", NoReboot=True)["ImageId"]
    with pytest.raises(botocore.exceptions.ClientError, match="InvalidAMIID.Unavailable"):
        launch(ec2, image_id)
    ec2.deregister_image(ImageId=image_id)
