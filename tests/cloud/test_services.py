# SPDX-License-Identifier: Apache-2.0
"""Launch templates, Auto Scaling and Parameter Store, as botocore and the real aws see them."""

import json

import pytest
from botocore.exceptions import ClientError

from cloud.account import service_client
from cloud.conftest import INSTANCE
from cloud.control import CloudError

SIZE = {"MinSize": 0, "MaxSize": 2}
ABSENT = "ami-0ffffffffffffffff"


@pytest.fixture
def ssm(cloud):
    client = service_client(cloud, "ssm")
    yield client
    for one in cloud.parameters():
        client.delete_parameter(Name=one["name"])


@pytest.fixture
def autoscaling(cloud):
    client = service_client(cloud, "autoscaling")
    yield client
    for one in client.describe_auto_scaling_groups()["AutoScalingGroups"]:
        client.delete_auto_scaling_group(AutoScalingGroupName=one["AutoScalingGroupName"])
    for one in client.describe_launch_configurations()["LaunchConfigurations"]:
        client.delete_launch_configuration(
            LaunchConfigurationName=one["LaunchConfigurationName"])


@pytest.fixture
def image(cloud, ec2):
    cloud.configure(snapshot_seconds=0, image_seconds=0)
    image = ec2.create_image(InstanceId=INSTANCE, Name="served", NoReboot=True)["ImageId"]
    yield image
    ec2.deregister_image(ImageId=image)


@pytest.fixture
def template(ec2):
    made = ec2.create_launch_template(LaunchTemplateName="web",
                                      LaunchTemplateData={"ImageId": "ami-00000001"})
    template = made["LaunchTemplate"]["LaunchTemplateId"]
    yield template
    ec2.delete_launch_template(LaunchTemplateId=template)


def refused(function, **arguments):
    with pytest.raises(ClientError) as caught:
        function(**arguments)
    return caught.value.response["Error"]


def versions(ec2, **chosen):
    found = ec2.describe_launch_template_versions(**chosen)["LaunchTemplateVersions"]
    return [(one["VersionNumber"], one["LaunchTemplateData"]["ImageId"], one["DefaultVersion"])
            for one in found]


def put(ssm, name, value, **more):
    return ssm.put_parameter(Name=name, Value=value, Type="String", **more)["Version"]


def test_a_template_has_versions_of_which_one_is_the_default(ec2, template):
    ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1",
        LaunchTemplateData={"ImageId": "resolve:ssm:/golden/web"})
    first, second = (1, "ami-00000001", True), (2, "resolve:ssm:/golden/web", False)
    assert versions(ec2, Versions=["$Latest", "$Default"]) == [second, first]
    assert versions(ec2, LaunchTemplateId=template) == [second, first]
    assert versions(ec2, LaunchTemplateName="web", Versions=["1"]) == [first]
    ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion="2")
    assert versions(ec2, Versions=["$Default"]) == [(*second[:2], True)]


@pytest.mark.parametrize("chosen, code", [
    ({"Versions": ["1"]}, "MissingParameter"), ({}, "MissingParameter"),
    ({"LaunchTemplateId": "lt-0123456789abcdef0"}, "InvalidLaunchTemplateId.NotFound"),
    ({"LaunchTemplateId": "web"}, "InvalidLaunchTemplateId.Malformed"),
    ({"LaunchTemplateName": "api"}, "InvalidLaunchTemplateName.NotFoundException"),
    ({"LaunchTemplateName": "web", "Versions": ["9"]},
     "InvalidLaunchTemplateId.VersionNotFound")], ids=str)
def test_a_version_that_does_not_exist_is_refused(ec2, template, chosen, code):
    assert refused(ec2.describe_launch_template_versions, **chosen)["Code"] == code


def test_a_group_launches_from_a_template_or_a_configuration(autoscaling, template):
    autoscaling.create_launch_configuration(LaunchConfigurationName="old", ImageId="ami-00000002",
                                            InstanceType="m5.large")
    mixed = {"LaunchTemplate": {
        "LaunchTemplateSpecification": {"LaunchTemplateName": "web", "Version": "$Latest"},
        "Overrides": [{"InstanceType": "m6g.large", "LaunchTemplateSpecification": {
            "LaunchTemplateId": template, "Version": "1"}}]}}
    for name, source in [("a", {"LaunchConfigurationName": "old"}),
                         ("b", {"LaunchTemplate": {"LaunchTemplateId": template}}),
                         ("c", {"MixedInstancesPolicy": mixed})]:
        autoscaling.create_auto_scaling_group(AutoScalingGroupName=name, **SIZE, **source)
    a, b, c = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert a["LaunchConfigurationName"] == "old"
    assert b["LaunchTemplate"] == {"LaunchTemplateId": template, "LaunchTemplateName": "web",
                                   "Version": "$Default"}
    over = c["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"][0]
    assert over["LaunchTemplateSpecification"]["Version"] == "1"
    found = autoscaling.describe_launch_configurations()["LaunchConfigurations"]
    assert [one["ImageId"] for one in found] == ["ami-00000002"]
    pages = list(autoscaling.get_paginator("describe_auto_scaling_groups").paginate(
        PaginationConfig={"PageSize": 2}))
    assert [len(page["AutoScalingGroups"]) for page in pages] == [2, 1]
    error = refused(autoscaling.create_auto_scaling_group, AutoScalingGroupName="d", **SIZE,
                    LaunchConfigurationName="new")
    assert error["Code"] == "ValidationError" and "not found" in error["Message"]


def test_parameters_have_versions(cloud, ssm):
    name = "/golden/text"
    assert refused(ssm.get_parameter, Name=name)["Code"] == "ParameterNotFound"
    assert put(ssm, name, "one", Tags=[{"Key": "team", "Value": "web"}]) == 1
    assert refused(put, ssm=ssm, name=name, value="two")["Code"] == "ParameterAlreadyExists"
    assert put(ssm, name, "two", Overwrite=True) == 2
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == "two"
    assert ssm.get_parameter(Name=f"{name}:1")["Parameter"]["Value"] == "one"
    assert refused(ssm.get_parameter, Name=f"{name}:3")["Code"] == "ParameterVersionNotFound"
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    assert tags == [{"Key": "team", "Value": "web"}]


def test_a_parameter_of_an_image_is_looked_at_behind_the_answer(cloud, ssm, image):
    cloud.configure(parameter_seconds=60)
    assert put(ssm, "/golden/web", image, DataType="aws:ec2:image") == 1
    assert refused(ssm.get_parameter, Name="/golden/web")["Code"] == "ParameterNotFound"
    cloud.configure(parameter_seconds=0)
    assert put(ssm, "/golden/web", ABSENT, DataType="aws:ec2:image", Overwrite=True) == 2
    assert put(ssm, "/golden/web", image, Overwrite=True) == 3
    shown = ssm.get_parameter(Name="/golden/web")["Parameter"]
    assert (shown["Version"], shown["Value"], shown["DataType"]) == (3, image, "aws:ec2:image")
    assert ABSENT not in cloud.parameters()[0]["versions"].values()


@pytest.mark.parametrize("name, value, more, message", [
    ("/golden/web", "no image", {"DataType": "aws:ec2:image"}, "not a valid image ID"),
    ("/golden/web", "x", {"DataType": "aws:ec2:volume"}, "data type is not supported"),
    ("/golden/web", "x", {"Overwrite": True, "Tags": [{"Key": "a", "Value": "b"}]},
     "can't be used together"),
    ("/aws/web", "x", {}, "can't be prefixed"), ("golden/web", "x", {}, "fully qualified"),
    ("/golden/web", "x" * 5000, {}, "maximum parameter value")], ids=lambda one: str(one)[:20])
def test_what_parameter_store_does_not_take_is_refused(cloud, ssm, name, value, more, message):
    error = refused(put, ssm=ssm, name=name, value=value, **more)
    assert error["Code"] == "ValidationException" and message in error["Message"]
    assert cloud.parameters() == []


def test_each_service_denies_in_its_own_words(cloud, ssm, autoscaling):
    cloud.configure(deny=["GetParameter", "DescribeLaunchConfigurations"])
    error = refused(ssm.get_parameter, Name="/golden/web")
    assert error["Code"] == "AccessDeniedException" and "ssm:GetParameter" in error["Message"]
    assert refused(autoscaling.describe_launch_configurations)["Code"] == "AccessDenied"
    cloud.configure(deny=[])


def test_the_real_aws_fills_all_three(cloud, ec2, autoscaling, ssm, template):
    cloud.awscli("create-launch-template-version", "--launch-template-name", "web",
                 "--launch-template-data", json.dumps({"ImageId": "ami-00000003"}))
    assert versions(ec2, Versions=["$Latest"]) == [(2, "ami-00000003", False)]
    cloud.awscli("create-auto-scaling-group", "--auto-scaling-group-name", "cli", "--min-size", "0",
                 "--max-size", "1", "--launch-template", f"LaunchTemplateId={template}",
                 service="autoscaling")
    group, = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert group["LaunchTemplate"]["LaunchTemplateId"] == template
    cloud.awscli("put-parameter", "--name", "/golden/cli", "--value", "v", "--type", "String",
                 service="ssm")
    assert ssm.get_parameter(Name="/golden/cli")["Parameter"]["Value"] == "v"
    with pytest.raises(CloudError, match="ParameterAlreadyExists"):
        cloud.awscli("put-parameter", "--name", "/golden/cli", "--value", "w", "--type", "String",
                     service="ssm")
