# SPDX-License-Identifier: Apache-2.0
"""EBS volumes, each a file on this machine."""

import os
import re

from .actions import action
from .errors import ApiError, invalid_value
from .filters import chosen, filtered, paged
from .settings import overridden
from .tags import tag_set

GIB = 1 << 30

VOLUME = {
    "id": None,
    "path": None,                # None: a sparse file is made
    "size_bytes": None,          # None: the file's
    "device": None,              # as attached, "/dev/sdf"
    "instance": None,            # None: the first one
    "type": "gp3",
    "iops": 3000,
    "throughput": 125,
    "encrypted": False,
    "kms_key_id": None,
    "delete_on_termination": False,
    "snapshot": None,
    "tags": {},
}

CHANGEABLE = ("type", "iops", "throughput", "encrypted", "kms_key_id", "delete_on_termination")

FILTERS = {
    "attachment.attach-time": "Attachments[].AttachTime",
    "attachment.delete-on-termination": "Attachments[].DeleteOnTermination",
    "attachment.device": "Attachments[].Device",
    "attachment.instance-id": "Attachments[].InstanceId",
    "attachment.status": "Attachments[].State",
    "availability-zone": "AvailabilityZone",
    "create-time": "CreateTime",
    "encrypted": "Encrypted",
    "multi-attach-enabled": "MultiAttachEnabled",
    "size": "Size",
    "snapshot-id": "SnapshotId",
    "status": "State",
    "volume-id": "VolumeId",
    "volume-type": "VolumeType",
}


class Volume:
    kind = "volume"

    def __init__(self, fields, created):
        self.id = fields["id"]
        self.fields = fields
        self.tags = dict(fields["tags"])
        self.created = created
        self.path = fields["path"]
        self.instance = fields["instance"]
        self.device = fields["device"]
        self.size_gib = max(1, -(-fields["size_bytes"] // GIB))

    def is_root_of(self, instance):
        return self.instance == instance.id and self.device == instance.root_device_name

    def view(self, zone):
        fields = self.fields
        return {
            "VolumeId": self.id, "Size": self.size_gib, "AvailabilityZone": zone,
            "State": "in-use" if self.instance else "available", "CreateTime": self.created,
            "VolumeType": fields["type"], "Iops": fields["iops"],
            "Throughput": fields["throughput"] if fields["type"] == "gp3" else None,
            "Encrypted": fields["encrypted"], "KmsKeyId": fields["kms_key_id"],
            "SnapshotId": fields["snapshot"] or "", "MultiAttachEnabled": False,
            "Tags": tag_set(self.tags), "Attachments": self._attachments(),
        }

    def mapping(self):
        """As in an instance's BlockDeviceMappings."""
        return {"DeviceName": self.device, "Ebs": {
            "VolumeId": self.id, "Status": "attached", "AttachTime": self.created,
            "DeleteOnTermination": self.fields["delete_on_termination"]}}

    def _attachments(self):
        if not self.instance:
            return []
        return [{"VolumeId": self.id, "InstanceId": self.instance, "Device": self.device,
                 "State": "attached", "AttachTime": self.created,
                 "DeleteOnTermination": self.fields["delete_on_termination"]}]


def volume_add(world, given):
    """A volume from a test's description, attached if it has a device."""
    fields = overridden(VOLUME, given, "field of a volume")
    fields["id"] = fields["id"] or world.new_id("vol")
    if not re.fullmatch(r"vol-[0-9a-f]{8,17}", fields["id"]):
        raise ValueError(f"{fields['id']} is not a volume id")
    fields["path"] = fields["path"] or _sparse_file(world, fields)
    fields["size_bytes"] = fields["size_bytes"] or os.path.getsize(fields["path"])
    # Nobody writes to those of a launched instance, which lie with the snapshots.
    if world.backend and not fields["snapshot"] and not world.backend.holds(fields["path"]):
        raise ValueError(f"{fields['path']} does not lie on {world.backend.mount_point}")
    if fields["device"] and not fields["instance"]:
        fields["instance"] = next(iter(world.instances))
    with world.lock:
        world.volumes[fields["id"]] = Volume(fields, world.clock.now())
    return fields["id"]


def volume_change(world, volume_id, changes):
    with world.lock:
        volume = world.volumes[volume_id]
        changeable = {key: volume.fields[key] for key in CHANGEABLE}
        volume.fields = {**volume.fields, **overridden(changeable, changes, "changeable field")}


def volume_detach(world, volume_id):
    with world.lock:
        volume = world.volumes[volume_id]
        volume.instance = volume.device = None


def _sparse_file(world, fields):
    path = os.path.join(world.settings["directory"], f"{fields['id']}.raw")
    with open(path, "xb") as file:
        file.truncate(fields["size_bytes"] or GIB)
    return path


def volume_absent(volume_id):
    if not re.fullmatch(r"vol-[0-9a-f]{8,17}", volume_id):
        return invalid_value(volume_id, "volumeId", "Expected: 'vol-...'.")
    return ApiError("InvalidVolume.NotFound", f"The volume '{volume_id}' does not exist.")


@action("ec2", "DescribeVolumes")
def describe_volumes(world, params):
    with world.lock:
        volumes = chosen(world.volumes, params.get("VolumeIds"), volume_absent)
        views = [volume.view(world.settings["zone"]) for volume in volumes]
    views = filtered(views, params.get("Filters"), FILTERS)
    page, token = paged(views, params, world.knobs["page_cap"], least=5)
    return {"Volumes": page, "NextToken": token}


def volume_report(volume):
    """What a test is told of it, its bytes included."""
    return {"id": volume.id, "path": volume.path, "device": volume.device,
            "instance": volume.instance, "snapshot": volume.fields["snapshot"],
            "tags": dict(volume.tags)}
