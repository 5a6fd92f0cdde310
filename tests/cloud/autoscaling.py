# SPDX-License-Identifier: Apache-2.0
"""EC2 Auto Scaling: groups and launch configurations, of which nothing is ever launched."""

from xml.sax.saxutils import escape

from .actions import action
from .errors import ApiError
from .filters import paged
from .launch_templates import template_find
from .query_service import QueryService
from .reply import HEAD, structure_xml

NAMESPACE = "http://autoscaling.amazonaws.com/doc/2011-01-01/"
MOST_RECORDS = 100
SOURCES = ("LaunchConfigurationName", "LaunchTemplate", "MixedInstancesPolicy")
KNOWN = {*SOURCES, "AutoScalingGroupName", "MinSize", "MaxSize", "DesiredCapacity",
         "AvailabilityZones", "VPCZoneIdentifier"}


class AutoScaling(QueryService):
    name = "autoscaling"
    version = "2011-01-01"
    title = "AmazonAutoScaling"
    signature_codes = {"AuthFailure": "InvalidClientTokenId", "RequestExpired": "ExpiredToken"}

    def listed(self, tree):
        if not isinstance(tree, dict):
            return tree
        if set(tree) == {"member"}:
            tree = tree["member"]
        return {name: self.listed(branch) for name, branch in tree.items()}

    def _done(self, call, operation, result):
        inner = ""
        if operation.output_shape is not None:
            inner = (f"<{operation.name}Result>{structure_xml(operation.output_shape, result)}"
                     f"</{operation.name}Result>")
        body = (f'<{operation.name}Response xmlns="{NAMESPACE}">{inner}<ResponseMetadata>'
                f"<RequestId>{call.request_id}</RequestId></ResponseMetadata>"
                f"</{operation.name}Response>")
        return self.reply(call, (HEAD + body).encode())

    def _refused(self, call, error):
        side = "Sender" if error.status < 500 else "Receiver"
        body = (f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{side}</Type>'
                f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
                f"</Error><RequestId>{call.request_id}</RequestId></ErrorResponse>")
        return self.reply(call, (HEAD + body).encode(), error.status)


def _invalid(message):
    return ApiError("ValidationError", message)


def _page(world, params, views):
    page, token = paged(views, {"MaxResults": params.get("MaxRecords"),
                                "NextToken": params.get("NextToken")},
                        world.knobs["page_cap"], most=MOST_RECORDS)
    return page, token


@action("autoscaling", "CreateLaunchConfiguration")
def create_launch_configuration(world, params):
    name = params["LaunchConfigurationName"]
    if not params.get("ImageId") or not params.get("InstanceType"):
        raise _invalid("Valid requests must contain either the InstanceID parameter or both the "
                       "ImageId and InstanceType parameters.")
    with world.lock:
        if name in world.launch_configurations:
            raise ApiError("AlreadyExists", "Launch Configuration by this name already exists - A "
                           f"launch configuration already exists with the name {name}")
        world.launch_configurations[name] = {
            "LaunchConfigurationName": name, "ImageId": params["ImageId"],
            "BlockDeviceMappings": params.get("BlockDeviceMappings", []),
            "InstanceType": params["InstanceType"], "CreatedTime": world.clock.now()}
    return {}


@action("autoscaling", "DeleteLaunchConfiguration")
def delete_launch_configuration(world, params):
    name = params["LaunchConfigurationName"]
    with world.lock:
        if world.launch_configurations.pop(name, None) is None:
            raise _invalid(f"Launch configuration name not found - Launch configuration {name} "
                           "not found")
    return {}


@action("autoscaling", "DescribeLaunchConfigurations")
def describe_launch_configurations(world, params):
    names = params.get("LaunchConfigurationNames")
    with world.lock:
        views = [one for one in world.launch_configurations.values()
                 if not names or one["LaunchConfigurationName"] in names]
    page, token = _page(world, params, views)
    return {"LaunchConfigurations": page, "NextToken": token}


@action("autoscaling", "CreateAutoScalingGroup")
def create_auto_scaling_group(world, params):
    unknown = sorted(set(params) - KNOWN)
    if unknown:
        raise ApiError("UnsupportedOperation", f"The simulated CreateAutoScalingGroup has no "
                       f"{unknown[0]}: add it to tests/cloud")
    if sum(name in params for name in SOURCES) != 1:
        raise _invalid("Valid requests must contain either LaunchTemplate, LaunchConfigurationName,"
                       " InstanceId or MixedInstancesPolicy parameter.")
    name = params["AutoScalingGroupName"]
    with world.lock:
        if name in world.scaling_groups:
            raise ApiError("AlreadyExists", "AutoScalingGroup by this name already exists - A "
                           f"group with the name {name} already exists")
        world.scaling_groups[name] = {
            "AutoScalingGroupName": name, "MinSize": params["MinSize"],
            "MaxSize": params["MaxSize"],
            "DesiredCapacity": params.get("DesiredCapacity", params["MinSize"]),
            "DefaultCooldown": 300, "HealthCheckType": "EC2", "CreatedTime": world.clock.now(),
            "AvailabilityZones": params.get("AvailabilityZones") or [world.settings["zone"]],
            **_source(world, params)}
    return {}


def _source(world, params):
    """What it launches from, held against what there is."""
    if "LaunchConfigurationName" in params:
        name = params["LaunchConfigurationName"]
        if name not in world.launch_configurations:
            raise _invalid(f"Launch configuration name not found - Launch configuration {name} "
                           "not found")
        return {"LaunchConfigurationName": name}
    if "LaunchTemplate" in params:
        return {"LaunchTemplate": _specification(world, params["LaunchTemplate"])}
    policy = params["MixedInstancesPolicy"]
    template = policy.get("LaunchTemplate") or {}
    overrides = [{**one, "LaunchTemplateSpecification":
                  _specification(world, one["LaunchTemplateSpecification"])}
                 if "LaunchTemplateSpecification" in one else one
                 for one in template.get("Overrides", [])]
    main = _specification(world, template.get("LaunchTemplateSpecification") or {})
    return {"MixedInstancesPolicy": {**policy, "LaunchTemplate": {
        "LaunchTemplateSpecification": main, "Overrides": overrides}}}


def _specification(world, given):
    try:
        template = template_find(world, given)
        version = given.get("Version", "$Default")
        template.numbers([version])
    except ApiError as error:
        raise _invalid(f"You must use a valid fully-formed launch template. {error.message}") \
            from None
    return {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name,
            "Version": version}


@action("autoscaling", "DeleteAutoScalingGroup")
def delete_auto_scaling_group(world, params):
    name = params["AutoScalingGroupName"]
    with world.lock:
        if world.scaling_groups.pop(name, None) is None:
            raise _invalid("AutoScalingGroup name not found - AutoScalingGroup '" + name +
                           "' not found")
    return {}


@action("autoscaling", "DescribeAutoScalingGroups")
def describe_auto_scaling_groups(world, params):
    names = params.get("AutoScalingGroupNames")
    if params.get("Filters"):
        raise ApiError("UnsupportedOperation", "The simulated DescribeAutoScalingGroups has no "
                       "Filters: add them to tests/cloud")
    with world.lock:
        views = [one for one in world.scaling_groups.values()
                 if not names or one["AutoScalingGroupName"] in names]
    if world.knobs["groups_name_templates"]:
        views = [_without(one, "LaunchTemplateId") for one in views]
    page, token = _page(world, params, views)
    return {"AutoScalingGroups": page, "NextToken": token}


def _without(view, member):
    """A copy that has it nowhere."""
    if isinstance(view, dict):
        return {key: _without(value, member) for key, value in view.items() if key != member}
    return [_without(one, member) for one in view] if isinstance(view, list) else view
