# SPDX-License-Identifier: Apache-2.0
"""Whom images and snapshots are shared with."""

import re

from .actions import action
from .errors import ApiError
from .image_copying import has_default_key
from .images import image_find_own
from .snapshots import snapshot_find

ORGANIZATION = r"arn:aws[a-z-]*:organizations::[0-9]{12}:"
FORMS = {
    "Group": "all",
    "UserId": "[0-9]{12}",
    "OrganizationArn": ORGANIZATION + r"organization/o-[a-z0-9]{10,32}",
    "OrganizationalUnitArn": ORGANIZATION + r"ou/o-[a-z0-9]{10,32}/ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}",
}


@action("ec2", "ModifyImageAttribute")
def modify_image_attribute(world, params):
    with world.lock:
        image = image_find_own(world, params["ImageId"])
        if set(params) - {"ImageId", "Attribute", "LaunchPermission", "DryRun"}:
            raise ApiError("UnsupportedOperation",
                           "The simulated ModifyImageAttribute knows LaunchPermission alone")
        changes = params.get("LaunchPermission", {})
        _check(world, changes, "InvalidAMIAttributeItemValue")
        for snapshot in image.snapshots() if changes.get("Add") else []:
            if has_default_key(snapshot):
                raise ApiError("InvalidParameter", f"Snapshot {snapshot.id} is encrypted with the "
                               "key that AWS manages, and can't be shared.")
        image.permissions = _changed(image.permissions, changes)
    return {}


@action("ec2", "ModifySnapshotAttribute")
def modify_snapshot_attribute(world, params):
    with world.lock:
        snapshot = snapshot_find(world, params["SnapshotId"])
        changes = params.get("CreateVolumePermission", {})
        _check(world, changes, "InvalidParameterValue")
        if changes.get("Add") and has_default_key(snapshot):
            raise ApiError("OperationNotPermitted",
                           "Encrypted snapshots with EBS default key cannot be shared")
        if {"Group": "all"} in changes.get("Add", []) and snapshot.encrypted:
            raise ApiError("OperationNotPermitted", "Encrypted snapshots cannot be public")
        if changes.get("Add") and snapshot.tier == "archive":
            raise ApiError("OperationNotPermitted", f"The snapshot {snapshot.id} is archived")
        snapshot.permissions = _changed(snapshot.permissions, changes)
    return {}


def _check(world, changes, code):
    for item in changes.get("Add", []) + changes.get("Remove", []):
        if len(item) != 1:
            raise ApiError("InvalidParameterCombination",
                           f"A permission is of one of {', '.join(FORMS)}, not of {len(item)}")
        (kind, value), = item.items()
        if not re.fullmatch(FORMS[kind], value) or value in world.knobs["unknown_accounts"]:
            name = kind[0].lower() + kind[1:]
            raise ApiError(code, f'Invalid attribute item value "{value}" for {name} item type.')


def _changed(permissions, changes):
    kept = [one for one in permissions if one not in changes.get("Remove", [])]
    return kept + [one for one in changes.get("Add", []) if one not in kept]


@action("ec2", "DescribeSnapshotAttribute")
def describe_snapshot_attribute(world, params):
    with world.lock:
        snapshot = snapshot_find(world, params["SnapshotId"])
        if params["Attribute"] != "createVolumePermission":
            return {"SnapshotId": snapshot.id, "ProductCodes": []}
        return {"SnapshotId": snapshot.id, "CreateVolumePermissions": snapshot.permissions}
