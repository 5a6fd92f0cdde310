# SPDX-License-Identifier: Apache-2.0
"""Tags of every resource."""

from .actions import action
from .errors import ApiError
from .filters import filtered, paged

MAX_TAGS = 50
MAX_KEY = 128
MAX_VALUE = 256

TAG_FILTERS = {"key": "Key", "value": "Value", "resource-id": "ResourceId",
               "resource-type": "ResourceType"}


def tag_set(tags):
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tags_checked(entries):
    """{key: value} of a request's tag list; ApiError."""
    tags = {}
    for entry in entries:
        key, value = entry.get("Key", ""), entry.get("Value", "")
        if not 1 <= len(key) <= MAX_KEY:
            raise ApiError("InvalidParameterValue", f"Tag key is empty or exceeds the maximum "
                           f"length of {MAX_KEY} characters: '{key}'")
        if len(value) > MAX_VALUE:
            raise ApiError("InvalidParameterValue", f"Tag value exceeds the maximum length of "
                           f"{MAX_VALUE} characters")
        if key.lower().startswith("aws:"):
            raise ApiError("InvalidParameterValue",
                           "Tag keys starting with 'aws:' are reserved for internal use")
        if any(ord(char) < 32 for char in key + value):
            raise ApiError("InvalidParameterValue", "A tag holds a control character")
        if key in tags:
            raise ApiError("InvalidParameterValue", f"Duplicate tag keys found: {key}")
        tags[key] = value
    _check_count(tags)
    return tags


def tags_of_request(params, *allowed):
    """{resource type: {key: value}} from TagSpecification.N; each allowed type is present."""
    found = {kind: {} for kind in allowed}
    for specification in params.get("TagSpecifications", []):
        kind = specification.get("ResourceType", "")
        if kind not in allowed:
            raise ApiError("InvalidParameterValue", f"'{kind}' is not a valid taggable resource "
                           "type for this operation.")
        found[kind] |= tags_checked(specification.get("Tags", []))
        _check_count(found[kind])
    return found


def _check_count(tags):
    if len(tags) > MAX_TAGS:
        raise ApiError("TagLimitExceeded",
                       "The maximum number of Tags for a resource has been reached.")


@action("ec2", "CreateTags")
def create_tags(world, params):
    new = tags_checked(params["Tags"])
    with world.lock:
        resources = [world.resource(one) for one in params["Resources"]]
        for resource in resources:
            _check_count({**resource.tags, **new})
        for resource in resources:
            resource.tags.update(new)
    return {}


@action("ec2", "DeleteTags")
def delete_tags(world, params):
    entries = params.get("Tags")
    with world.lock:
        for resource in [world.resource(one) for one in params["Resources"]]:
            if entries is None:
                resource.tags.clear()
            for entry in entries or []:
                if entry.get("Value") in (None, resource.tags.get(entry["Key"])):
                    resource.tags.pop(entry["Key"], None)
    return {}


@action("ec2", "DescribeTags")
def describe_tags(world, params):
    with world.lock:
        views = [{"Key": key, "Value": value, "ResourceId": resource.id,
                  "ResourceType": resource.kind}
                 for resource in world.resources() for key, value in resource.tags.items()]
    by_tag = [one for one in params.get("Filters", []) if one.get("Name", "").startswith("tag:")]
    plain = [one for one in params.get("Filters", []) if one not in by_tag]
    for one in by_tag:
        views = [view for view in views
                 if view["Key"] == one["Name"][4:] and view["Value"] in one.get("Values", [])]
    views = filtered(views, plain, TAG_FILTERS)
    page, token = paged(views, params, world.knobs["page_cap"], least=5)
    return {"Tags": page, "NextToken": token}
