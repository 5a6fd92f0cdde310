# SPDX-License-Identifier: Apache-2.0
"""The life of instances: RunInstances makes volumes from an image's snapshots, and its opposite.

Nothing runs here: whoever tests boots a machine from the new volumes' files.
"""

import contextlib
import os

from .actions import action
from .copying import file_copy
from .errors import ApiError
from .filters import chosen
from .images import image_find
from .instances import INSTANCE, USUAL, Instance, instance_absent
from .tags import tags_of_request
from .volumes import GIB, volume_add

TAKEN_OVER = ("Architecture", "BootMode", "EnaSupport", "SriovNetSupport", "TpmSupport",
              "RootDeviceName", "RootDeviceType", "VirtualizationType", "PlatformDetails",
              "UsageOperation")
KNOWN = {"ImageId", "MinCount", "MaxCount", "InstanceType", "TagSpecifications", "ClientToken",
         "DryRun"}
MOST_INSTANCES = 20
RUNNING = {"Code": 16, "Name": "running"}
SHUTTING_DOWN = {"Code": 32, "Name": "shutting-down"}
TERMINATED = {"Code": 48, "Name": "terminated"}


@action("ec2", "RunInstances")
def run_instances(world, params):
    unknown = sorted(set(params) - KNOWN)
    if unknown:
        raise ApiError("UnsupportedOperation",
                       f"The simulated RunInstances has no {unknown[0]}: add it to tests/cloud")
    tags = tags_of_request(params, "instance", "volume")
    token = params.get("ClientToken")
    with world.lock:
        if token in world.launches:
            return _reservation(world, world.launches[token])
        image = _image_to_launch(world, params)
        count = _count(params)
        reservation = world.new_id("r")
        instances = [_instance_of_image(world, image, params, tags["instance"], reservation)
                     for _ in range(count)]
        world.launches[token or reservation] = instances
    # Without the lock: copying takes its time, and a window of another job may be open.
    for instance in instances:
        volumes = [_volume_of_mapping(world, instance, tags["volume"], *mapping)
                   for mapping in image.mappings]
        with world.lock:
            world.instances[instance.id] = instance
            for fields in volumes:
                volume_add(world, fields)
    with world.lock:
        return _reservation(world, instances)


def _image_to_launch(world, params):
    if "ImageId" not in params:
        raise ApiError("MissingParameter", "The request must contain the parameter ImageId")
    image = image_find(world, params["ImageId"])
    if image.state != "available":
        raise ApiError("InvalidAMIID.Unavailable",
                       f"The image ID '{image.id}' is in the state {image.state}")
    return image


def _count(params):
    least, most = params["MinCount"], params["MaxCount"]
    if not 1 <= least <= most:
        raise ApiError("InvalidParameterValue", f"MinCount {least} and MaxCount {most} make no "
                       "sense")
    if least > MOST_INSTANCES:
        raise ApiError("InstanceLimitExceeded",
                       f"You have requested more instances ({least}) than your current limit")
    return min(most, MOST_INSTANCES)


def _instance_of_image(world, image, params, tags, reservation):
    number = next(world.addresses)
    attributes = {name: image.attributes[name] for name in TAKEN_OVER
                  if image.attributes.get(name) is not None}
    attributes |= {"PrivateIpAddress": f"10.0.0.{number}",
                   "PrivateDnsName": f"ip-10-0-0-{number}.{world.settings['region']}"
                                     ".compute.internal"}
    if image.attributes.get("ImdsSupport") != "v2.0":
        attributes["MetadataOptions"] = {**USUAL["MetadataOptions"], "HttpTokens": "optional"}
    if image.attributes.get("BootMode") not in ("uefi", "uefi-preferred"):
        attributes["CurrentInstanceBootMode"] = "legacy-bios"
    if "InstanceType" in params:
        attributes["InstanceType"] = params["InstanceType"]
    codes = [code["ProductCodeId"] for code in image.attributes.get("ProductCodes") or []]
    fields = {**INSTANCE, "id": world.new_id("i"), "image": image.id, "tags": tags,
              "marketplace_codes": codes, "uefi_data": image.uefi_data, "attributes": attributes}
    return Instance(fields, world.clock.now(), reservation)


def _volume_of_mapping(world, instance, tags, device, ebs, snapshot):
    """A description for volume_add(), its file already there."""
    fields = {"id": world.new_id("vol"), "device": device, "instance": instance.id, "tags": tags,
              "delete_on_termination": ebs.get("DeleteOnTermination", True),
              "type": ebs.get("VolumeType", "gp2"), "encrypted": ebs.get("Encrypted", False),
              "iops": ebs.get("Iops"), "throughput": ebs.get("Throughput")}
    if snapshot is None:
        return {**fields, "size_bytes": ebs["VolumeSize"] * GIB}
    path = os.path.join(world.settings["directory"], f"{fields['id']}.raw")
    file_copy(snapshot.path, path)
    if ebs["VolumeSize"] > snapshot.size_gib:
        os.truncate(path, ebs["VolumeSize"] * GIB)
    return {**fields, "path": path, "snapshot": snapshot.id}


def _reservation(world, instances):
    return {"ReservationId": instances[0].reservation, "OwnerId": world.settings["account"],
            "Groups": [], "Instances": [one.view(world) for one in instances]}


@action("ec2", "TerminateInstances")
def terminate_instances(world, params):
    with world.lock:
        instances = chosen(world.instances, params["InstanceIds"], instance_absent)
        return {"TerminatingInstances": [_terminate(world, one) for one in instances]}


def _terminate(world, instance):
    """Again is not an error."""
    before = instance.attributes["State"]
    for volume in world.volumes_of(instance.id):
        volume.instance = volume.device = None
        if volume.fields["delete_on_termination"]:
            _volume_delete(world, volume)
    instance.attributes["State"] = TERMINATED
    now = TERMINATED if before == TERMINATED else SHUTTING_DOWN
    return {"InstanceId": instance.id, "PreviousState": before, "CurrentState": now}


def _volume_delete(world, volume):
    """A test's own file stays with the test."""
    del world.volumes[volume.id]
    if os.path.dirname(volume.path) == world.settings["directory"]:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(volume.path)
