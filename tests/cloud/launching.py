# SPDX-License-Identifier: Apache-2.0
"""RunInstances: new instances, with volumes made from an image's snapshots.

Nothing runs here: whoever tests boots a machine from the new volumes' files.
"""

import os
import re
import time

from .actions import action
from .copying import file_copy
from .errors import ApiError
from .images import image_find
from .instances import INSTANCE, USUAL, Instance
from .lifecycle import PENDING, TERMINATED
from .tags import tags_of_request
from .volumes import GIB, volume_add

TAKEN_OVER = ("Architecture", "BootMode", "EnaSupport", "SriovNetSupport", "TpmSupport",
              "RootDeviceName", "RootDeviceType", "VirtualizationType", "PlatformDetails",
              "UsageOperation")
KNOWN = {"ImageId", "MinCount", "MaxCount", "InstanceType", "TagSpecifications", "ClientToken",
         "DryRun", "SubnetId", "SecurityGroupIds", "IamInstanceProfile", "MetadataOptions",
         "InstanceInitiatedShutdownBehavior", "BlockDeviceMappings"}
MOST_INSTANCES = 20
# What a key must look like that the metadata service is to tell.
METADATA_KEY = re.compile(r"(?!_index$|\.{1,2}$)[0-9a-zA-Z\-_+=,.@:]{1,255}")
ARM = re.compile(r"(a1|[a-z]+[0-9]+g[a-z]*)\.")


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
            return _launched_before(world, params, *world.launches[token])
        image = _image_to_launch(world, params)
        count = _count(params)
        _check_surroundings(world, image, params, tags["instance"])
        mappings = _mappings(image, params.get("BlockDeviceMappings", []))
        reservation = world.new_id("r")
        instances = [_instance_of_image(world, image, params, tags["instance"], reservation)
                     for _ in range(count)]
        world.launches[token or reservation] = (params, instances)
    # Without the lock: copying takes its time, and a window of another job may be open.
    for instance in instances:
        volumes = [_volume_of_mapping(world, instance, tags["volume"], *mapping)
                   for mapping in mappings]
        with world.lock:
            instance.since = time.monotonic()
            world.instances[instance.id] = instance
            for fields in volumes:
                volume_add(world, fields)
    with world.lock:
        return _reservation(world, instances)


def _launched_before(world, params, first_params, instances):
    if params != first_params:
        raise ApiError("IdempotentParameterMismatch", "The client token is used by a request with "
                       "other arguments")
    if all(one.attributes["State"] == TERMINATED for one in instances):
        raise ApiError("IdempotentInstanceTerminated", "The request to launch an instance uses the "
                       "same client token as a previous request for which the instance has been "
                       "terminated")
    return _reservation(world, instances)


def _check_surroundings(world, image, params, tags):
    settings = world.settings
    subnet, profile = params.get("SubnetId"), params.get("IamInstanceProfile")
    if subnet not in (None, *settings["subnets"]):
        raise ApiError("InvalidSubnetID.NotFound", f"The subnet ID '{subnet}' does not exist")
    if ("InstanceInitiatedShutdownBehavior" in params
            and image.attributes.get("RootDeviceType") == "instance-store"):
        raise ApiError("InvalidParameterCombination", "The attribute "
                       "instanceInitiatedShutdownBehavior can only be used for EBS-backed images.")
    for group in params.get("SecurityGroupIds", []):
        if group not in settings["security_groups"]:
            raise ApiError("InvalidGroup.NotFound",
                           f"The security group '{group}' does not exist")
    if profile and _profile_name(profile) not in settings["instance_profiles"]:
        raise ApiError("InvalidParameterValue", f"Value ({_profile_name(profile)}) for parameter "
                       "iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name")
    wanted = "arm64" if ARM.match(params.get("InstanceType", "m1.small")) else "x86_64"
    if "InstanceType" in params and image.attributes["Architecture"] != wanted:
        raise ApiError("InvalidParameterValue", f"The architecture '{wanted}' of the specified "
                       f"instance type does not match the architecture "
                       f"'{image.attributes['Architecture']}' of the specified AMI.")
    if params.get("MetadataOptions", {}).get("InstanceMetadataTags") == "enabled":
        for key in tags:
            if not METADATA_KEY.fullmatch(key):
                raise ApiError("InvalidParameterValue", f"'{key}' is not a valid tag key. Tag keys "
                               "must match pattern ([0-9a-zA-Z\\-_+=,.@:]{1,255}), and must not "
                               "be a reserved name ('.', '..', '_index')")


def _profile_name(profile):
    if len(profile) != 1:
        raise ApiError("InvalidParameterCombination",
                       "The parameter 'iamInstanceProfile.name' may not be used in combination "
                       "with 'iamInstanceProfile.arn'")
    return profile.get("Name") or profile["Arn"].rpartition("/")[2]


def _mappings(image, asked):
    """The image's, with what the request says of some of their volumes."""
    changes = {one["DeviceName"]: one.get("Ebs", {}) for one in asked}
    unknown = sorted(set(changes) - {device for device, _, _ in image.mappings})
    if unknown:
        raise ApiError("InvalidBlockDeviceMapping",
                       f"The simulated RunInstances has no further volumes: {unknown[0]}")
    return [(device, ebs | changes.get(device, {}), snapshot)
            for device, ebs, snapshot in image.mappings]


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
    attributes |= _surroundings(world, params, attributes)
    codes = [code["ProductCodeId"] for code in image.attributes.get("ProductCodes") or []]
    fields = {**INSTANCE, "id": world.new_id("i"), "image": image.id, "tags": tags,
              "marketplace_codes": codes, "uefi_data": image.uefi_data, "attributes": attributes}
    instance = Instance(fields, world.clock.now(), reservation)
    instance.is_launched = True
    instance.token = params.get("ClientToken")
    instance.shutdown_behavior = params.get("InstanceInitiatedShutdownBehavior", "stop")
    return instance


def _surroundings(world, params, attributes):
    """What the request alone says."""
    found = {"State": PENDING, "ClientToken": params.get("ClientToken")}
    if "SubnetId" in params:
        found["SubnetId"] = params["SubnetId"]
    if "SecurityGroupIds" in params:
        found["SecurityGroups"] = [{"GroupId": one, "GroupName": one}
                                   for one in params["SecurityGroupIds"]]
    if "IamInstanceProfile" in params:
        settings = world.settings
        found["IamInstanceProfile"] = {
            "Arn": f"arn:{settings['partition']}:iam::{settings['account']}:instance-profile/"
                   f"{_profile_name(params['IamInstanceProfile'])}", "Id": "AIPAEXAMPLEEXAMPLEEXA"}
    options = {**USUAL["MetadataOptions"], **attributes.get("MetadataOptions", {})}
    return {**found, "MetadataOptions": {**options, **params.get("MetadataOptions", {})}}


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
