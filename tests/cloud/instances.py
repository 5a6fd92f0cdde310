# SPDX-License-Identifier: Apache-2.0
"""Instances: what they are, and what DescribeInstances tells of them."""

import re
import time

from .actions import action
from .errors import ApiError
from .filters import chosen, filtered, no_pages_of_ids, paged
from .tags import tag_set

INSTANCE = {
    "id": "i-0123456789abcdef0",
    "image": "ami-0a1b2c3d4e5f60718",
    "tags": {"Name": "simulated"},
    "billing_products": [],      # as in the identity document: bp-...
    "marketplace_codes": [],
    "uefi_data": None,           # base64 of its UEFI variables
    "attributes": {},            # members of DescribeInstances' Instance that differ from the usual
}

USUAL = {
    "InstanceType": "m6i.large",
    "Architecture": "x86_64",
    "BootMode": "uefi-preferred",
    "CurrentInstanceBootMode": "uefi",
    "EnaSupport": True,
    "SriovNetSupport": "simple",
    "EbsOptimized": True,
    "Hypervisor": "xen",
    "RootDeviceName": "/dev/xvda",
    "RootDeviceType": "ebs",
    "VirtualizationType": "hvm",
    "PlatformDetails": "Linux/UNIX",
    "UsageOperation": "RunInstances",
    "PrivateIpAddress": "10.0.0.10",
    "PrivateDnsName": "ip-10-0-0-10.eu-central-1.compute.internal",
    "VpcId": "vpc-0123456789abcdef0",
    "SubnetId": "subnet-0123456789abcdef0",
    "State": {"Code": 16, "Name": "running"},
    "Monitoring": {"State": "disabled"},
    "MetadataOptions": {"State": "applied", "HttpTokens": "required", "HttpEndpoint": "enabled",
                        "HttpPutResponseHopLimit": 2, "InstanceMetadataTags": "enabled"},
}

_MAPPING = "Instances[].BlockDeviceMappings[]"
FILTERS = {
    "architecture": "Instances[].Architecture",
    "availability-zone": "Instances[].Placement.AvailabilityZone",
    "block-device-mapping.attach-time": f"{_MAPPING}.Ebs.AttachTime",
    "block-device-mapping.delete-on-termination": f"{_MAPPING}.Ebs.DeleteOnTermination",
    "block-device-mapping.device-name": f"{_MAPPING}.DeviceName",
    "block-device-mapping.status": f"{_MAPPING}.Ebs.Status",
    "block-device-mapping.volume-id": f"{_MAPPING}.Ebs.VolumeId",
    "client-token": "Instances[].ClientToken",
    "hypervisor": "Instances[].Hypervisor",
    "image-id": "Instances[].ImageId",
    "instance-id": "Instances[].InstanceId",
    "instance-state-code": "Instances[].State.Code",
    "instance-state-name": "Instances[].State.Name",
    "instance-type": "Instances[].InstanceType",
    "launch-time": "Instances[].LaunchTime",
    "owner-id": "OwnerId",
    "private-dns-name": "Instances[].PrivateDnsName",
    "private-ip-address": "Instances[].PrivateIpAddress",
    "product-code": "Instances[].ProductCodes[].ProductCodeId",
    "product-code.type": "Instances[].ProductCodes[].ProductCodeType",
    "reservation-id": "ReservationId",
    "root-device-name": "Instances[].RootDeviceName",
    "root-device-type": "Instances[].RootDeviceType",
    "subnet-id": "Instances[].SubnetId",
    "virtualization-type": "Instances[].VirtualizationType",
    "vpc-id": "Instances[].VpcId",
}


class Instance:
    kind = "instance"

    def __init__(self, fields, launched, reservation):
        self.id = fields["id"]
        self.image = fields["image"]
        self.tags = dict(fields["tags"])
        self.billing_products = fields["billing_products"]
        self.marketplace_codes = fields["marketplace_codes"]
        self.uefi_data = fields["uefi_data"]
        self.attributes = {**USUAL, **fields["attributes"]}
        self.launched = launched
        self.reservation = reservation
        self.reboots = []        # times of reboots, by CreateImage without NoReboot
        self.awaiting = []       # images to be cut when the machine has stopped
        self.since = time.monotonic() - 3600      # in its state
        self.is_launched = False                  # by RunInstances, and thus visible a while later
        self.console = ""
        self.token = None        # ClientToken of its launch
        self.shutdown_behavior = "stop"
        self.poweroff_after = None                # seconds from its boot

    def is_visible(self, seconds, terminated_seconds):
        age = time.monotonic() - self.since
        if self.attributes["State"]["Name"] == "terminated":
            return age < terminated_seconds
        return not self.is_launched or time.time() - self.launched >= seconds

    @property
    def root_device_name(self):
        return self.attributes["RootDeviceName"]

    def product_codes(self):
        return [{"ProductCodeId": code, "ProductCodeType": "marketplace"}
                for code in self.marketplace_codes]

    def view(self, world):
        return {
            **self.attributes,
            "InstanceId": self.id, "ImageId": self.image, "LaunchTime": self.launched,
            "Placement": {"AvailabilityZone": world.settings["zone"], "Tenancy": "default"},
            "ProductCodes": self.product_codes(),
            "BlockDeviceMappings": [volume.mapping() for volume in world.volumes_of(self.id)],
            "Tags": tag_set(self.tags),
        }


def instance_absent(instance_id):
    if not re.fullmatch(r"i-[0-9a-f]{8,17}", instance_id):
        return ApiError("InvalidInstanceID.Malformed", f'Invalid id: "{instance_id}"')
    return ApiError("InvalidInstanceID.NotFound",
                    f"The instance ID '{instance_id}' does not exist")


@action("ec2", "DescribeInstances")
def describe_instances(world, params):
    no_pages_of_ids(params, "InstanceIds")
    with world.lock:
        instances = chosen(world.instances_visible(), params.get("InstanceIds"), instance_absent)
        views = [{"ReservationId": one.reservation, "OwnerId": world.settings["account"],
                  "Groups": [], "Instances": [one.view(world)]} for one in instances]
    for view in views:
        view["Tags"] = view["Instances"][0]["Tags"]      # so that tag filters find them
    views = filtered(views, params.get("Filters"), FILTERS)
    page, token = paged(views, params, world.knobs["page_cap"], least=5)
    return {"Reservations": [{key: value for key, value in view.items() if key != "Tags"}
                             for view in page], "NextToken": token}


@action("ec2", "GetInstanceUefiData")
def get_instance_uefi_data(world, params):
    with world.lock:
        (instance,) = chosen(world.instances, [params["InstanceId"]], instance_absent)
    if instance.attributes.get("CurrentInstanceBootMode") != "uefi":
        raise ApiError("UnsupportedOperation", f"The instance {instance.id} has no UEFI variables")
    return {"InstanceId": instance.id, "UefiData": instance.uefi_data}
