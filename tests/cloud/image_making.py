# SPDX-License-Identifier: Apache-2.0
"""New images: CreateImage from an instance, RegisterImage from snapshots or a manifest."""

import threading

from .actions import action
from .errors import ApiError, missing
from .images import Image, image_enter, name_check
from .instances import instance_absent
from .manifests import image_of_manifest
from .snapshots import snapshot_absent, snapshot_forget, snapshots_cut, snapshots_reserve
from .tags import tags_of_request

# What an image takes over from the instance it is made of, when it has it.
INHERITED = ("Architecture", "BootMode", "EnaSupport", "SriovNetSupport", "TpmSupport",
             "RootDeviceName", "RootDeviceType", "VirtualizationType", "PlatformDetails",
             "Platform", "UsageOperation", "KernelId", "RamdiskId")
REGISTERED = ("Name", "Description", "Architecture", "BootMode", "EnaSupport", "SriovNetSupport",
              "TpmSupport", "ImdsSupport", "RootDeviceName", "VirtualizationType", "KernelId",
              "RamdiskId")


@action("ec2", "CreateImage")
def create_image(world, params):
    tags = tags_of_request(params, "image", "snapshot")
    with world.lock:
        instance = world.instances.get(params["InstanceId"])
        if instance is None:
            raise instance_absent(params["InstanceId"])
        name_check(world, params.get("Name"))
        image = _image_of_instance(world, instance, params, tags)
        image_enter(world, image)
        waits = not params.get("NoReboot") and world.knobs["machines_reboot"]
        if not params.get("NoReboot"):
            instance.reboots.append(world.clock.now())
        if waits:
            instance.awaiting.append(image)
    if not waits:
        _cut_when_due(world, image)
    return {"ImageId": image.id}


def instance_stopped(world, instance_id):
    """Whoever runs the machine says that it is off: what waits for that is cut."""
    with world.lock:
        instance = world.instances[instance_id]
        images, instance.awaiting = instance.awaiting, []
    for image in images:
        _cut_when_due(world, image)


def _image_of_instance(world, instance, params, tags):
    asked = params.get("BlockDeviceMappings", [])
    left_out = {one["DeviceName"] for one in asked if "NoDevice" in one}
    volumes = [one for one in world.volumes_of(instance.id) if one.device not in left_out]
    if not any(one.is_root_of(instance) for one in volumes):
        raise ApiError("InvalidParameterValue", f"The instance {instance.id} has no volume at its "
                       f"root device {instance.root_device_name}")
    image_id = world.new_id("ami")
    text = f"Created by CreateImage({instance.id}) for {image_id}"
    snapshots = snapshots_reserve(world, volumes, text, lambda _: dict(tags["snapshot"]))
    attributes = {name: instance.attributes.get(name) for name in INHERITED}
    attributes |= {"Name": params["Name"], "Description": params.get("Description"),
                   "ImageLocation": f"{world.settings['account']}/{params['Name']}",
                   "ProductCodes": instance.product_codes(), "SourceInstanceId": instance.id,
                   "ImdsSupport": world.images[instance.image].attributes.get("ImdsSupport")}
    given = {one["DeviceName"]: one.get("Ebs", {}) for one in asked}
    mappings = [(one.device, {**_ebs_of_volume(one), **given.get(one.device, {})}, snapshot)
                for one, snapshot in zip(volumes, snapshots)]
    image = Image(image_id, world.settings["account"], attributes, mappings, tags["image"])
    image.uefi_data = instance.uefi_data
    taken = {one.device for one in world.volumes_of(instance.id)}
    image.others = [one for one in world.images[instance.image].others
                    if one["DeviceName"] not in taken]
    image.fails = world.knobs["fail_images"] > 0
    world.knobs["fail_images"] -= image.fails
    return image


def _ebs_of_volume(volume):
    fields = volume.fields
    iops = fields["iops"] if fields["type"] in ("gp3", "io1", "io2") else None
    return {"VolumeSize": volume.size_gib, "VolumeType": fields["type"], "Iops": iops,
            "Throughput": fields["throughput"] if fields["type"] == "gp3" else None,
            "Encrypted": fields["encrypted"],
            "DeleteOnTermination": fields["delete_on_termination"]}


def _cut_when_due(world, image):
    """Now, or after the reply: EC2 documents nothing about when CreateImage cuts."""
    delay, stagger = world.knobs["cut_seconds"], world.knobs["cut_stagger_seconds"]
    snapshots = image.snapshots()
    groups = [[one] for one in snapshots] if stagger > 0 else [snapshots]
    if delay <= 0 and stagger <= 0:
        snapshots_cut(world, snapshots)
        return
    threading.Thread(target=_cut_later, args=(world, image, groups, delay, stagger),
                     daemon=True).start()


def _cut_later(world, image, groups, delay, stagger):
    for number, group in enumerate(groups):
        if world.stopping.wait(stagger if number else delay):
            return
        if image.state == "deregistered":
            for one in group:
                snapshot_forget(world, one)
        else:
            snapshots_cut(world, group)


@action("ec2", "RegisterImage")
def register_image(world, params):
    tags = tags_of_request(params, "image")["image"]
    with world.lock:
        name_check(world, params.get("Name"))
        make = image_of_manifest if "ImageLocation" in params else _image_of_snapshots
        image = make(world, params, tags)
        image_enter(world, image)
    return {"ImageId": image.id}


def _image_of_snapshots(world, params, tags):
    root = params.get("RootDeviceName")
    if not root:
        raise missing("rootDeviceName")
    asked = params.get("BlockDeviceMappings", [])
    devices = [_device_name(one) for one in asked]
    mappings = [_mapping_registered(world, one) for one in asked if "Ebs" in one]
    if len(set(devices)) != len(devices):
        raise ApiError("InvalidBlockDeviceMapping", "A device name is mapped more than once.")
    if not any(device == root and snapshot for device, _, snapshot in mappings):
        raise ApiError("InvalidBlockDeviceMapping", "No root snapshot specified in device mapping.")
    attributes = {name: params[name] for name in REGISTERED if name in params}
    attributes.setdefault("Architecture", "i386")            # RegisterImage's own defaults
    attributes.setdefault("VirtualizationType", "paravirtual")
    attributes |= {"RootDeviceType": "ebs", "PlatformDetails": "Linux/UNIX",
                   "UsageOperation": "RunInstances",
                   "ImageLocation": f"{world.settings['account']}/{params['Name']}",
                   "ProductCodes": [{"ProductCodeId": code, "ProductCodeType": "devpay"}
                                    for code in params.get("BillingProducts", [])]}
    image = Image(world.new_id("ami"), world.settings["account"], attributes, mappings, tags)
    image.uefi_data = params.get("UefiData")
    image.others = [one for one in asked if "Ebs" not in one]
    return image


def _device_name(mapping):
    if not mapping.get("DeviceName"):
        raise missing("BlockDeviceMapping.DeviceName")
    return mapping["DeviceName"]


def _mapping_registered(world, mapping):
    device, ebs = mapping["DeviceName"], mapping["Ebs"]
    _check_type(ebs)
    snapshot = _snapshot_for_image(world, ebs) if "SnapshotId" in ebs else None
    size = ebs.get("VolumeSize") or (snapshot and snapshot.size_gib)
    if size is None:
        raise missing("BlockDeviceMapping.Ebs.VolumeSize")
    if snapshot and size < snapshot.size_gib:
        raise ApiError("InvalidBlockDeviceMapping", f"Volume of size {size}GB is smaller than "
                       f"snapshot '{snapshot.id}', expect size >= {snapshot.size_gib}GB")
    encrypted = snapshot.encrypted if snapshot else ebs.get("Encrypted", False)
    members = {key: value for key, value in ebs.items() if key != "SnapshotId"}
    return device, {"DeleteOnTermination": True, "VolumeType": "gp2", **members,
                    "VolumeSize": size, "Encrypted": encrypted}, snapshot


def _check_type(ebs):
    """Which volume types take IOPS and throughput: API reference, EbsBlockDevice."""
    kind = ebs.get("VolumeType", "gp2")
    if kind in ("io1", "io2") and "Iops" not in ebs:
        raise missing("iops")
    if kind not in ("io1", "io2", "gp3") and "Iops" in ebs:
        raise ApiError("InvalidParameterCombination",
                       f"The parameter iops is not supported for {kind} volumes")
    if kind != "gp3" and "Throughput" in ebs:
        raise ApiError("InvalidParameterCombination",
                       f"The parameter throughput is not supported for {kind} volumes")


def _snapshot_for_image(world, ebs):
    snapshot_id = ebs["SnapshotId"]
    for refused in ("Encrypted", "KmsKeyId"):
        if refused in ebs:
            raise ApiError("InvalidParameterCombination", f"The parameter {refused} cannot be used "
                           "with the parameter snapshotId: omit it")
    snapshot = {one.id: one for one in world.snapshots_visible()}.get(snapshot_id)
    if snapshot is None:
        raise snapshot_absent(snapshot_id)
    if snapshot.state != "completed":
        raise ApiError("InvalidSnapshot", f"The snapshot '{snapshot_id}' is in the state "
                       f"{snapshot.state}; an image needs completed snapshots.")
    return snapshot
