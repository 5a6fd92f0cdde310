# SPDX-License-Identifier: Apache-2.0
"""Launch templates and their versions."""

import re

from .actions import action
from .errors import ApiError, missing
from .filters import paged
from .tags import tag_set, tags_of_request

KNOWN_DATA = {"ImageId", "InstanceType", "KeyName", "UserData", "EbsOptimized",
              "BlockDeviceMappings"}
MOST_RESULTS = 200
CURRENT = ("$Latest", "$Default")


class LaunchTemplate:
    kind = "launch-template"

    def __init__(self, world, name, tags):
        self.id = world.new_id("lt")
        self.name = name
        self.tags = tags
        self.owner = world.settings["account"]
        self.created = world.clock.now()
        self.default = 1
        self.versions = {}

    def add(self, world, data, description):
        unknown = sorted(set(data) - KNOWN_DATA)
        if unknown:
            raise ApiError("UnsupportedOperation", f"The simulated launch template has no "
                           f"{unknown[0]}: add it to tests/cloud")
        number = max(self.versions, default=0) + 1
        self.versions[number] = {
            "LaunchTemplateId": self.id, "LaunchTemplateName": self.name, "VersionNumber": number,
            "VersionDescription": description, "CreateTime": world.clock.now(),
            "CreatedBy": f"arn:aws:iam::{self.owner}:root", "LaunchTemplateData": data}
        return number

    def numbers(self, wanted):
        """Of "7", "$Latest", "$Default", each once; ApiError."""
        known = {"$Latest": max(self.versions), "$Default": self.default}
        found = []
        for one in wanted:
            if one not in known and not re.fullmatch(r"[0-9]{1,9}", one):
                raise ApiError("InvalidLaunchTemplateId.VersionNotFound",
                               f"Could not find launch template version {one}")
            number = known.get(one) or int(one)
            if number not in self.versions:
                raise ApiError("InvalidLaunchTemplateId.VersionNotFound", "Could not find the "
                               f"specified version {number} for the launch template with ID "
                               f"{self.id}.")
            found.append(number)
        return list(dict.fromkeys(found))

    def version_view(self, number):
        return {**self.versions[number], "DefaultVersion": number == self.default}

    def view(self):
        return {"LaunchTemplateId": self.id, "LaunchTemplateName": self.name,
                "CreateTime": self.created, "CreatedBy": f"arn:aws:iam::{self.owner}:root",
                "DefaultVersionNumber": self.default, "LatestVersionNumber": max(self.versions),
                "Tags": tag_set(self.tags)}


def template_find(world, params):
    """By LaunchTemplateId or LaunchTemplateName; under the lock; ApiError."""
    template_id, name = params.get("LaunchTemplateId"), params.get("LaunchTemplateName")
    if template_id and name:
        raise ApiError("InvalidParameterCombination", "Either a launch template ID or a launch "
                       "template name must be specified, not both.")
    if not template_id and not name:
        raise missing("LaunchTemplateId")
    if template_id and not re.fullmatch(r"lt-[0-9a-f]{8,17}", template_id):
        raise ApiError("InvalidLaunchTemplateId.Malformed",
                       f"Invalid id: \"{template_id}\" (expecting \"lt-...\")")
    for one in world.launch_templates.values():
        if template_id == one.id or name == one.name:
            return one
    if template_id:
        raise ApiError("InvalidLaunchTemplateId.NotFound", "The specified launch template, with "
                       f"template ID {template_id}, does not exist.")
    raise ApiError("InvalidLaunchTemplateName.NotFoundException", "The specified launch template, "
                   f"with template name {name}, does not exist.")


@action("ec2", "CreateLaunchTemplate")
def create_launch_template(world, params):
    name = params["LaunchTemplateName"]
    tags = tags_of_request(params, "launch-template")["launch-template"]
    with world.lock:
        if any(one.name == name for one in world.launch_templates.values()):
            raise ApiError("InvalidLaunchTemplateName.AlreadyExistsException",
                           "Launch template name already in use.")
        template = LaunchTemplate(world, name, tags)
        template.add(world, params["LaunchTemplateData"], params.get("VersionDescription"))
        world.launch_templates[template.id] = template
        return {"LaunchTemplate": template.view()}


@action("ec2", "CreateLaunchTemplateVersion")
def create_launch_template_version(world, params):
    with world.lock:
        template = template_find(world, params)
        base = {}
        if params.get("SourceVersion"):
            number, = template.numbers([params["SourceVersion"]])
            base = template.versions[number]["LaunchTemplateData"]
        number = template.add(world, {**base, **params["LaunchTemplateData"]},
                              params.get("VersionDescription"))
        return {"LaunchTemplateVersion": template.version_view(number)}


@action("ec2", "ModifyLaunchTemplate")
def modify_launch_template(world, params):
    with world.lock:
        template = template_find(world, params)
        if params.get("DefaultVersion"):
            template.default, = template.numbers([params["DefaultVersion"]])
        return {"LaunchTemplate": template.view()}


@action("ec2", "DeleteLaunchTemplate")
def delete_launch_template(world, params):
    with world.lock:
        template = template_find(world, params)
        del world.launch_templates[template.id]
        return {"LaunchTemplate": template.view()}


@action("ec2", "DescribeLaunchTemplates")
def describe_launch_templates(world, params):
    with world.lock:
        wanted = [template_find(world, {"LaunchTemplateId": one})
                  for one in params.get("LaunchTemplateIds", [])]
        wanted += [template_find(world, {"LaunchTemplateName": one})
                   for one in params.get("LaunchTemplateNames", [])]
        views = [one.view() for one in wanted or world.launch_templates.values()]
    page, token = paged(views, params, world.knobs["page_cap"], most=MOST_RESULTS)
    return {"LaunchTemplates": page, "NextToken": token}


@action("ec2", "DescribeLaunchTemplateVersions")
def describe_launch_template_versions(world, params):
    wanted = params.get("Versions", [])
    with world.lock:
        if params.get("LaunchTemplateId") or params.get("LaunchTemplateName"):
            templates = [template_find(world, params)]
        elif wanted and set(wanted) <= set(CURRENT):
            templates = list(world.launch_templates.values())
        else:
            raise ApiError("MissingParameter", "The request must contain a launch template ID or "
                           "name, or the versions $Latest or $Default alone.")
        views = [one.version_view(number) for one in templates
                 for number in sorted(one.numbers(wanted or map(str, one.versions)), reverse=True)]
    page, token = paged(views, params, world.knobs["page_cap"], most=MOST_RESULTS)
    return {"LaunchTemplateVersions": page, "NextToken": token}
