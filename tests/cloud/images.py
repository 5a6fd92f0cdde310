# SPDX-License-Identifier: Apache-2.0
"""Images: what they are, when they become available, how they are listed and given up."""

import re
import time

from .actions import action
from .clock import iso_format
from .errors import ApiError, missing
from .filters import chosen, no_pages_of_ids, viewed_page
from .snapshots import snapshot_forget
from .tags import tag_set

_EBS = "BlockDeviceMappings[].Ebs"
FILTERS = {
    "architecture": "Architecture",
    "block-device-mapping.delete-on-termination": f"{_EBS}.DeleteOnTermination",
    "block-device-mapping.device-name": "BlockDeviceMappings[].DeviceName",
    "block-device-mapping.encrypted": f"{_EBS}.Encrypted",
    "block-device-mapping.snapshot-id": f"{_EBS}.SnapshotId",
    "block-device-mapping.volume-size": f"{_EBS}.VolumeSize",
    "block-device-mapping.volume-type": f"{_EBS}.VolumeType",
    "creation-date": "CreationDate",
    "description": "Description",
    "ena-support": "EnaSupport",
    "hypervisor": "Hypervisor",
    "image-id": "ImageId",
    "image-type": "ImageType",
    "is-public": "Public",
    "kernel-id": "KernelId",
    "manifest-location": "ImageLocation",
    "name": "Name",
    "owner-alias": "ImageOwnerAlias",
    "owner-id": "OwnerId",
    "platform": "Platform",
    "product-code": "ProductCodes[].ProductCodeId",
    "product-code.type": "ProductCodes[].ProductCodeType",
    "ramdisk-id": "RamdiskId",
    "root-device-name": "RootDeviceName",
    "root-device-type": "RootDeviceType",
    "source-instance-id": "SourceInstanceId",
    "state": "State",
    "state-reason-code": "StateReason.Code",
    "state-reason-message": "StateReason.Message",
    "sriov-net-support": "SriovNetSupport",
    "virtualization-type": "VirtualizationType",
}

FAILURE = {"Code": "Client.InternalError", "Message": "Client.InternalError: it failed on purpose"}

ATTRIBUTES = {
    "description": lambda view: {"Description": {"Value": view.get("Description", "")}},
    "productCodes": lambda view: {"ProductCodes": view.get("ProductCodes", [])},
    "blockDeviceMapping": lambda view: {"BlockDeviceMappings": view["BlockDeviceMappings"]},
    "sriovNetSupport": lambda view: {"SriovNetSupport": {"Value": view.get("SriovNetSupport")}},
    "bootMode": lambda view: {"BootMode": {"Value": view.get("BootMode")}},
    "tpmSupport": lambda view: {"TpmSupport": {"Value": view.get("TpmSupport")}},
    "imdsSupport": lambda view: {"ImdsSupport": {"Value": view.get("ImdsSupport")}},
}


class Image:
    """`mappings` are (device, Ebs members, Snapshot or None); a Snapshot shows once it is cut."""

    kind = "image"

    def __init__(self, image_id, owner, attributes, mappings, tags):
        self.id = image_id
        self.owner = owner
        self.attributes = attributes      # further members of DescribeImages' Image
        self.mappings = mappings
        self.tags = tags
        self.others = []                  # mappings without a volume: VirtualName, NoDevice
        self.permissions = []             # LaunchPermissions
        self.deprecated_at = None         # as it is asked for
        self.protection = "disabled"      # from being deregistered
        self.unprotected_at = None        # monotonic, from when that is so, after a cooldown
        self.uefi_data = None
        self.state = "pending"
        self.fails = False
        self.created = None               # monotonic; None: has always been there
        self.created_date = None
        self.ready_at = None
        self.deregistered_at = None       # monotonic

    @property
    def name(self):
        return self.attributes.get("Name")

    def snapshots(self):
        return [snapshot for _, _, snapshot in self.mappings if snapshot]

    def advance(self, image_seconds):
        """`pending` lasts until every snapshot is completed, and for `image_seconds` more."""
        if self.state != "pending":
            return
        states = [snapshot.state for snapshot in self.snapshots()]
        if "error" in states or (self.fails and "completed" in states):
            self.state = "failed"
        elif all(state == "completed" for state in states):
            self.ready_at = self.ready_at or time.monotonic() + image_seconds
            if time.monotonic() >= self.ready_at:
                self.state = "available"

    def is_visible(self, visibility_seconds):
        return self.created is None or time.monotonic() - self.created >= visibility_seconds

    def is_listed(self, linger_seconds):
        """Also for a while after it is gone, as what is eventually consistent may be."""
        if self.state != "deregistered":
            return True
        return (self.deregistered_at is not None
                and time.monotonic() - self.deregistered_at < linger_seconds)

    def view(self):
        mappings = [self._mapping(*mapping) for mapping in self.mappings] + self.others
        reason = FAILURE if self.state == "failed" else None
        state = "available" if self.state == "deregistered" else self.state
        return {**self.attributes, "ImageId": self.id, "OwnerId": self.owner, "State": state,
                "ImageType": "machine", "Hypervisor": "xen",
                "Public": {"Group": "all"} in self.permissions,
                "DeprecationTime": self.deprecated_at, "DeregistrationProtection": self.protection,
                "CreationDate": iso_format(self.created_date or 0),
                "BlockDeviceMappings": mappings, "StateReason": reason, "Tags": tag_set(self.tags)}

    @staticmethod
    def _mapping(device, ebs, snapshot):
        shown = snapshot is not None and snapshot.cut_at is not None
        return {"DeviceName": device, "Ebs": {**ebs, "SnapshotId": snapshot.id if shown else None}}


def image_enter(world, image):
    """Into the account, as new; under world.lock."""
    image.created = time.monotonic()
    image.created_date = world.clock.now()
    world.images[image.id] = image


def name_check(world, name):
    """A name that EC2 takes, and no image of ours has it."""
    name_check_form(name)
    for image in world.images.values():
        if (image.name == name and image.owner == world.settings["account"]
                and image.state not in ("deregistered", "failed")):
            raise ApiError("InvalidAMIName.Duplicate",
                           f"AMI name {name} is already in use by AMI {image.id}")


def name_check_form(name):
    """Three to 128 of EC2's characters."""
    if not name:
        raise missing("name")
    if not re.fullmatch(r"[A-Za-z0-9()\[\] ./\-'@_]{3,128}", name):
        raise ApiError("InvalidAMIName.Malformed", "AMI names must be between 3 and 128 characters "
                       "long, and may contain letters, numbers, '(', ')', '.', '-', '/' and '_'")


def image_absent(image_id):
    if not re.fullmatch(r"ami-[0-9a-f]{8,17}", image_id):
        return ApiError("InvalidAMIID.Malformed", f'Invalid id: "{image_id}"')
    return ApiError("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")


def image_find(world, image_id):
    """One that exists now; under world.lock."""
    world.advance()
    image = world.images.get(image_id)
    if image is None or not image.is_visible(world.knobs["visibility_seconds"]):
        raise image_absent(image_id)
    if image.state == "deregistered":
        raise ApiError("InvalidAMIID.Unavailable",
                       f"The image ID '{image_id}' is no longer available")
    return image


@action("ec2", "DescribeImages")
def describe_images(world, params):
    no_pages_of_ids(params, "ImageIds")
    with world.lock:
        linger = world.knobs["linger_seconds"]
        present = {one.id: one for one in world.images_visible() if one.is_listed(linger)}
        for image_id in params.get("ImageIds", []):
            image_find(world, image_id)
        found = chosen(present, params.get("ImageIds"), image_absent)
    account, owners = world.settings["account"], params.get("Owners")
    found = [one for one in found if _owned(one, owners, account)
             and (one.state != "disabled" or params.get("IncludeDisabled"))]
    page, token = viewed_page(found, params, FILTERS, world.knobs["page_cap"])
    return {"Images": page, "NextToken": token}


def _owned(image, owners, account):
    if not owners:
        return True
    return any(image.owner == (account if owner == "self" else owner)
               or image.attributes.get("ImageOwnerAlias") == owner for owner in owners)


def image_find_own(world, image_id):
    """One that we may change; under world.lock."""
    image = image_find(world, image_id)
    if image.owner != world.settings["account"]:
        raise ApiError("AuthFailure", f"Not authorized for images: [{image.id}]", 403)
    return image


@action("ec2", "DescribeImageAttribute")
def describe_image_attribute(world, params):
    with world.lock:
        image = image_find(world, params["ImageId"])
        view = image.view()
    if params["Attribute"] == "launchPermission":
        return {"ImageId": image.id, "LaunchPermissions": image.permissions}
    if params["Attribute"] == "uefiData":
        return {"ImageId": image.id, "UefiData": {"Value": image.uefi_data}}
    if params["Attribute"] not in ATTRIBUTES:
        raise ApiError("InvalidParameterValue",
                       f"The simulated cloud does not know the attribute {params['Attribute']}")
    return {"ImageId": view["ImageId"], **ATTRIBUTES[params["Attribute"]](view)}


@action("ec2", "DeregisterImage")
def deregister_image(world, params):
    with world.lock:
        image = image_find_own(world, params["ImageId"])
        _check_protection(image)
        image.state = "deregistered"
        image.deregistered_at = time.monotonic()
        results = []
        if params.get("DeleteAssociatedSnapshots"):
            results = [_delete_with_image(world, one) for one in image.snapshots()]
    return {"Return": True, "DeleteSnapshotResults": results}


def _check_protection(image):
    now = time.monotonic()
    cooling = image.unprotected_at is not None and now < image.unprotected_at
    if image.protection.startswith("enabled") or cooling:
        raise ApiError("OperationNotPermitted", f"The image {image.id} is protected from being "
                       "deregistered" + (" until its cooldown period ends." if cooling else "."))


def _delete_with_image(world, snapshot):
    if world.images_using(snapshot.id):
        return {"SnapshotId": snapshot.id, "ReturnCode": "skipped"}
    if snapshot.is_locked(world.clock.now()):
        return {"SnapshotId": snapshot.id, "ReturnCode": "client-error"}
    if "DeleteSnapshot" in world.knobs["deny"]:
        return {"SnapshotId": snapshot.id, "ReturnCode": "missing-permissions"}
    snapshot_forget(world, snapshot)
    return {"SnapshotId": snapshot.id, "ReturnCode": "success"}


def image_report(image):
    """What a test is told of it."""
    return {"id": image.id, "name": image.name, "state": image.state, "tags": dict(image.tags),
            "snapshots": [one.id for one in image.snapshots() if one.cut_at is not None],
            "view": image.view()}
