# SPDX-License-Identifier: Apache-2.0
"""
What an image that we register carries: all that EC2's own CreateImage takes over from the instance
and from the image that it was launched from.
"""

import base64

import pytest

from lab.lab import INSTANCE_ID

# What is each image's own.
OWN = ("CreationDate", "ImageId", "ImageLocation", "Name", "Tags")
VARIABLES = base64.b64encode(bytes(range(256)) * 4).decode()
PLAIN = {"BootMode": "uefi-preferred", "CurrentInstanceBootMode": "uefi", "TpmSupport": None,
         "EnaSupport": True, "SriovNetSupport": "simple", "Architecture": "x86_64",
         "UsageOperation": "RunInstances"}
MACHINES = {
    "plain": PLAIN,
    "secure-boot-and-tpm": {**PLAIN, "BootMode": "uefi", "TpmSupport": "v2.0"},
    "no-boot-mode": {**PLAIN, "BootMode": None, "CurrentInstanceBootMode": "legacy-bios"},
    "graviton": {**PLAIN, "BootMode": "uefi", "Architecture": "arm64"},
    "old-network": {**PLAIN, "EnaSupport": None, "SriovNetSupport": None},
}
VOLUMES = {
    "gp3": {"type": "gp3", "iops": 4000, "throughput": 250, "delete_on_termination": True},
    "gp2": {"type": "gp2", "iops": 100, "throughput": None},
    "io2": {"type": "io2", "iops": 900, "throughput": None},
    "st1": {"type": "st1", "iops": None, "throughput": None},
    "encrypted": {"type": "gp3", "iops": 3000, "throughput": 125, "encrypted": True,
                  "kms_key_id": "arn:aws:kms:eu-central-1:123456789012:key/1"},
}
# What an instance has from its image.
OF_THE_IMAGE = ("BootMode", "TpmSupport")
NOT_VOLUMES = [{"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"},
               {"DeviceName": "/dev/sdc", "NoDevice": ""}]


@pytest.fixture
def machine(lab):
    """Puts the instance, its volumes and its source image back in the end."""
    yield lab
    lab.cloud.set_instance({**PLAIN, "RootDeviceType": "ebs"}, uefi_data=None, marketplace_codes=[])
    lab.cloud.set_image(source_id(lab), {name: PLAIN[name] for name in OF_THE_IMAGE})
    for volume in lab.volumes:
        lab.cloud.set_volume(volume.id, **VOLUMES["gp3"])


def source_id(lab):
    reservation, = lab.ec2.describe_instances(InstanceIds=[INSTANCE_ID])["Reservations"]
    return reservation["Instances"][0]["ImageId"]


def image_of(lab, method):
    """As botocore reads it, without what is its own."""
    lab.bake("image", method, f"--method={method}")
    image_id = lab.cloud_image(method)["id"]
    (image,) = lab.ec2.describe_images(ImageIds=[image_id])["Images"]
    attribute = lab.ec2.describe_image_attribute(ImageId=image_id, Attribute="uefiData")
    image["UefiData"] = attribute.get("UefiData", {}).get("Value")
    for mapping in image["BlockDeviceMappings"]:
        mapping.get("Ebs", {}).pop("SnapshotId", None)
    image["BlockDeviceMappings"].sort(key=lambda one: one["DeviceName"])
    return {key: value for key, value in image.items() if key not in OWN}


def assert_alike(lab):
    registered = image_of(lab, "register")
    assert registered == image_of(lab, "create-image")
    return registered


@pytest.mark.parametrize("attributes", MACHINES.values(), ids=MACHINES.keys())
def test_a_registered_image_is_for_the_same_machine(machine, attributes):
    machine.cloud.set_instance(attributes, uefi_data=VARIABLES)
    machine.cloud.set_image(source_id(machine), {name: attributes[name] for name in OF_THE_IMAGE})
    image = image_of(machine, "register")
    assert image == {**image_of(machine, "create-image"), "UefiData": image["UefiData"]}
    assert image.get("BootMode") == attributes["BootMode"]
    assert image.get("TpmSupport") == attributes["TpmSupport"]
    assert image["ImdsSupport"] == "v2.0"
    # Only what has booted by UEFI has its variables.
    has_variables = attributes["CurrentInstanceBootMode"] == "uefi"
    assert image["UefiData"] == (VARIABLES if has_variables else None)


def test_each_mapping_is_of_its_volumes_kind(machine):
    root, data = machine.volumes[:2]
    for name, fields in VOLUMES.items():
        machine.cloud.set_volume(root.id, **VOLUMES["gp3"])
        machine.cloud.set_volume(data.id, **{"delete_on_termination": False, **fields})
        mappings = {one["DeviceName"]: one["Ebs"]
                    for one in assert_alike(machine)["BlockDeviceMappings"]}
        assert mappings[data.device_name]["VolumeType"] == fields["type"], name
        assert mappings[data.device_name]["Encrypted"] == fields.get("encrypted", False)
        assert mappings[root.device_name]["Throughput"] == 250
        assert mappings[root.device_name]["DeleteOnTermination"]
        machine.recover()


def test_what_is_no_volume_is_taken_from_the_source_image(machine):
    taken = {"DeviceName": machine.volumes[1].device_name, "VirtualName": "ephemeral1"}
    machine.cloud.set_image(source_id(machine), {}, others=[*NOT_VOLUMES, taken])
    mappings = assert_alike(machine)["BlockDeviceMappings"]
    assert [one for one in mappings if "Ebs" not in one] == NOT_VOLUMES


def test_without_permission_for_the_variables_there_is_an_image_all_the_same(machine):
    machine.cloud.set_instance(PLAIN, uefi_data=VARIABLES)
    machine.cloud.configure(deny=["GetInstanceUefiData"])
    assert image_of(machine, "register")["UefiData"] is None
    assert "GetInstanceUefiData: UnauthorizedOperation" in machine.log()


@pytest.mark.parametrize("attributes, fields", [
    ({}, {"marketplace_codes": ["abc123"]}), ({"UsageOperation": "RunInstances:0010"}, {})])
def test_what_is_billed_by_its_image_is_made_by_ec2(machine, attributes, fields):
    machine.cloud.set_instance(attributes, **fields)
    plan = machine.json("plan")
    assert plan["method"] == "create-image" and "billing" in plan["method-reason"]


@pytest.mark.parametrize("method, words", [
    ((), "to say Bucket=, Certificate=, PrivateKey=, Ec2Certificate= as well"),
    (("--method=register",), "say Method=bundle")], ids=["auto", "register"])
def test_an_instance_store_root_is_refused_by_what_is_missing(machine, method, words):
    machine.cloud.set_instance({"RootDeviceType": "instance-store"})
    job, message = machine.failed_bake("image", "no-root-volume", *method)
    assert job["error"] == "org.quiesced1.Error.NotSupported"
    assert "instance store" in message and words in message
