# SPDX-License-Identifier: Apache-2.0
"""Instances between their launch and their end: states, checks, console; awscli reads them."""

import time

import pytest
from botocore.exceptions import ClientError

from cloud.conftest import INSTANCE
from cloud.control import CloudError

SUBNET, GROUP = "subnet-0fedcba9876543210", "sg-0fedcba9876543210"


@pytest.fixture
def image(cloud, ec2):
    cloud.configure(snapshot_seconds=0, image_seconds=0)
    image_id = ec2.create_image(InstanceId=INSTANCE, Name=f"lived {time.time()}",
                                NoReboot=True)["ImageId"]
    yield image_id
    ec2.deregister_image(ImageId=image_id)


@pytest.fixture
def launch(ec2, image):
    made = []

    def run(**more):
        arguments = {"ImageId": image, "MinCount": 1, "MaxCount": 1, **more}
        (instance,) = ec2.run_instances(**arguments)["Instances"]
        made.append(instance["InstanceId"])
        return instance["InstanceId"]

    yield run
    for one in made:
        ec2.terminate_instances(InstanceIds=[one])


def status(cloud, instance, *more):
    (found,) = cloud.awscli("describe-instance-status", "--instance-ids", instance,
                            "--include-all-instances", *more)["InstanceStatuses"]
    return (found["InstanceState"]["Name"], found["SystemStatus"]["Status"],
            found["InstanceStatus"]["Status"])


def code(function, **arguments):
    with pytest.raises(ClientError) as caught:
        function(**arguments)
    return caught.value.response["Error"]["Code"]


def test_an_instance_goes_through_its_states_and_its_checks(cloud, ec2, launch):
    cloud.configure(launch_seconds=30, check_seconds=None)
    instance = launch()
    assert status(cloud, instance) == ("pending", "not-applicable", "not-applicable")
    listed = ec2.describe_instance_status()["InstanceStatuses"]
    assert [one["InstanceId"] for one in listed] == [INSTANCE], "only what runs, unless asked"
    cloud.configure(launch_seconds=0)
    assert status(cloud, instance) == ("running", "initializing", "initializing")
    cloud.configure(check_seconds=0)
    assert status(cloud, instance) == ("running", "ok", "ok")
    cloud.configure(impaired=["instance"], terminate_seconds=30)
    assert status(cloud, instance) == ("running", "ok", "impaired")
    (change,) = ec2.terminate_instances(InstanceIds=[instance])["TerminatingInstances"]
    assert change["CurrentState"]["Name"] == "shutting-down"
    cloud.configure(terminate_seconds=0)
    assert status(cloud, instance)[0] == "terminated"
    cloud.configure(terminated_seconds=0)
    assert code(ec2.terminate_instances, InstanceIds=[instance]) == "InvalidInstanceID.NotFound"
    cloud.configure(terminated_seconds=3600)


def test_a_launch_may_come_to_nothing_and_says_why(cloud, ec2, launch):
    cloud.configure(launches_fail="Client.InternalError: Client error on launch")
    instance = launch()
    assert status(cloud, instance)[0] in ("shutting-down", "terminated")
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert found["StateReason"]["Message"] == "Client.InternalError: Client error on launch"
    assert not any(one["instance"] == instance for one in cloud.volumes())


@pytest.mark.parametrize("behavior, end", [("terminate", "terminated"), ("stop", "stopped")])
def test_a_shutdown_from_inside_ends_what_shall_end(cloud, launch, behavior, end):
    instance = launch(InstanceInitiatedShutdownBehavior=behavior)
    cloud.power_off(instance)
    status(cloud, instance)
    status(cloud, instance)
    assert status(cloud, instance)[0] == end


def test_the_console_is_told_and_of_old_types_not_at_once(cloud, launch):
    cloud.configure(console="{instance} runs {image}\r\n")
    instance, old = launch(), launch(InstanceType="t2.micro")
    found = cloud.awscli("get-console-output", "--instance-id", instance, "--latest")
    assert f"{instance} runs ami-" in found["Output"]
    cloud.set_console(instance, "x" * 70000 + "end")
    assert len(cloud.awscli("get-console-output", "--instance-id", instance)["Output"]) == 65536
    with pytest.raises(CloudError, match="UnsupportedOperation"):
        cloud.awscli("get-console-output", "--instance-id", old, "--latest")
    assert old in cloud.awscli("get-console-output", "--instance-id", old)["Output"]


def test_what_surrounds_an_instance_is_as_the_request_says(cloud, ec2, launch):
    instance = launch(
        SubnetId=SUBNET, SecurityGroupIds=[GROUP], IamInstanceProfile={"Name": "web"},
        MetadataOptions={"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
        BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"DeleteOnTermination": True}}],
        TagSpecifications=[{"ResourceType": kind, "Tags": [{"Key": "quiesced:job", "Value": "j"}]}
                           for kind in ("instance", "volume")])
    found = cloud.awscli("describe-instances", "--filters", "Name=tag:quiesced:job,Values=j")
    (found,) = found["Reservations"][0]["Instances"]
    assert (found["InstanceId"], found["SubnetId"]) == (instance, SUBNET)
    assert [one["GroupId"] for one in found["SecurityGroups"]] == [GROUP]
    assert found["IamInstanceProfile"]["Arn"].endswith("instance-profile/web")
    assert all(one["Ebs"]["DeleteOnTermination"] for one in found["BlockDeviceMappings"])
    own = {one["id"]: one["tags"] for one in cloud.volumes() if one["instance"] == instance}
    assert list(own.values()) == [{"quiesced:job": "j"}] * 2
    ec2.terminate_instances(InstanceIds=[instance])
    assert own.keys().isdisjoint(one["id"] for one in cloud.volumes())


@pytest.mark.parametrize("changes, expected", [
    ({"SubnetId": "subnet-01234567"}, "InvalidSubnetID.NotFound"),
    ({"SecurityGroupIds": ["sg-01234567"]}, "InvalidGroup.NotFound"),
    ({"IamInstanceProfile": {"Name": "other"}}, "InvalidParameterValue"),
    ({"InstanceType": "m6g.large"}, "InvalidParameterValue"),
    ({"BlockDeviceMappings": [{"DeviceName": "/dev/sdz"}]}, "InvalidBlockDeviceMapping"),
    ({"MetadataOptions": {"InstanceMetadataTags": "enabled"}, "TagSpecifications": [
        {"ResourceType": "instance", "Tags": [{"Key": "a/b", "Value": ""}]}]},
     "InvalidParameterValue"),
])
def test_surroundings_that_do_not_exist_are_refused(ec2, image, changes, expected):
    arguments = {"ImageId": image, "MinCount": 1, "MaxCount": 1, **changes}
    assert code(ec2.run_instances, **arguments) == expected


def test_a_token_belongs_to_one_request_and_one_instance(cloud, ec2, image, launch):
    again = {"ImageId": image, "MinCount": 1, "MaxCount": 1, "ClientToken": f"t-{image}"}
    instance = launch(ClientToken=again["ClientToken"])
    assert launch(ClientToken=again["ClientToken"]) == instance
    assert code(ec2.run_instances, **again, InstanceType="c6i.large") == \
        "IdempotentParameterMismatch"
    ec2.terminate_instances(InstanceIds=[instance])
    assert status(cloud, instance)[0] == "terminated"
    assert code(ec2.run_instances, **again) == "IdempotentInstanceTerminated"


def test_a_new_instance_is_not_seen_everywhere_at_once(cloud, ec2, launch):
    instance = launch()
    cloud.configure(visibility_seconds=30)
    assert code(ec2.terminate_instances, InstanceIds=[instance]) == "InvalidInstanceID.NotFound"
    assert ec2.describe_instances(Filters=[{"Name": "instance-id", "Values": [instance]}])[
        "Reservations"] == []
    cloud.configure(visibility_seconds=0)
    assert status(cloud, instance)[0] == "running"


def test_a_role_may_have_to_be_passed_on(cloud, ec2, image):
    cloud.configure(deny=["PassRole"])
    arguments = {"ImageId": image, "MinCount": 1, "MaxCount": 1,
                 "IamInstanceProfile": {"Name": "web"}}
    with pytest.raises(ClientError, match="iam:PassRole"):
        ec2.run_instances(**arguments)
