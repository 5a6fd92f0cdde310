# SPDX-License-Identifier: Apache-2.0
"""All that exists in the simulated cloud."""

import copy
import itertools
import pathlib
import secrets
import threading
import time

from .buckets import bucket_add
from .calls import CallLog
from .clock import Clock
from .copying import Copier
from .errors import ApiError
from .faults import Faults
from .freezing import Backend
from .images import Image
from .instances import INSTANCE, Instance
from .keys import KeyRing
from .lifecycle import instance_forget, instances_advance
from .settings import KNOBS, SETTINGS, overridden
from .snapshots import snapshot_forget
from .volumes import volume_add

SETTABLE = ("billing_products", "launched", "marketplace_codes", "uefi_data")      # of an instance
REGIONAL = ("instances", "volumes", "snapshots", "images", "launches", "copies", "parameters",
            "launch_templates", "launch_configurations", "scaling_groups")
EMPTIED = ("copies", "parameters", "launch_templates", "launch_configurations", "scaling_groups")
LARGE_BODY_BYTES = 64 << 10
VENDOR = "137112412989"      # the account that Amazon Linux images belong to


class World:
    def __init__(self, given):
        """Forks the backend's keeper: no thread may run yet."""
        self.settings = overridden(SETTINGS, given, "setting")
        self.knobs = overridden(KNOBS, self.settings["knobs"], "knob")
        self.backend = None
        if self.settings["freeze_backend"]:
            self.backend = Backend(self.settings["freeze_backend"])
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.clock = Clock(self.knobs)
        self.copier = Copier(self.backend, self.settings["directory"])
        self.keys = KeyRing(self.settings, self.clock)
        self.calls = CallLog()
        self.faults = Faults()
        self.instances = {}
        self.volumes = {}
        self.snapshots = {}
        self.images = {}
        self.launches = {}               # ClientToken -> (its request, instances)
        self.copies = {}                 # ClientToken -> (CopyImage's parameters, image)
        self.launch_templates = {}
        self.launch_configurations = {}  # name -> view, as the next
        self.scaling_groups = {}
        self.parameters = {}
        self.buckets = {}                # of all regions and accounts
        self._folder = pathlib.Path(self.settings["directory"]) / "s3"
        self._folder.mkdir(exist_ok=True)
        self._numbers = itertools.count(1)
        self.addresses = itertools.count(11)
        self.regions = {self.settings["region"]: self}
        for name in self.settings["regions"]:
            self.regions[name] = self._elsewhere(name)
        self._populate()

    def _elsewhere(self, region):
        """The account in another region: with things of its own there, and all else as here."""
        other = copy.copy(self)
        other.settings = {**self.settings, "region": region, "zone": f"{region}a"}
        for name in REGIONAL:
            setattr(other, name, {})
        return other

    def configure(self, changes):
        """Turns knobs; what was pending under the old ones is brought up to date before."""
        with self.lock:
            for region in self.regions.values():
                region.advance()
            self.knobs.update(overridden(self.knobs, changes, "knob"))

    def advance(self):
        """Brings what is pending up to date; under the lock."""
        for snapshot in _pending(self.snapshots):
            snapshot.advance(self.knobs["snapshot_seconds"], self.knobs["progress_steps"])
        for image in _pending(self.images):
            image.advance(self.knobs["image_seconds"])
        instances_advance(self)

    def set_instance(self, instance_id, attributes, fields):
        with self.lock:
            instance = self.instances[instance_id]
            instance.attributes.update(attributes)
            overridden(dict.fromkeys(SETTABLE), fields, "field of an instance")
            for name, value in fields.items():
                setattr(instance, name, value)

    def set_console(self, instance_id, text):
        with self.lock:
            self.instances[instance_id].console = text

    def power_off(self, instance_id, after):
        with self.lock:
            self.instances[instance_id].poweroff_after = after

    def set_image(self, image_id, attributes, others):
        with self.lock:
            image = self.images[image_id]
            image.attributes.update(attributes)
            image.others = others

    def age_image(self, image, seconds):
        with self.lock:
            self.images[image].created_date -= seconds

    def empty(self):
        """As if nothing had ever been made or launched, protected, locked or not."""
        with self.lock:
            for region in self.regions.values():
                for image in region.own_images():
                    image.state = "deregistered"
                    del region.images[image.id]
                for snapshot in list(region.snapshots.values()):
                    snapshot_forget(region, snapshot)
                for instance in [one for one in region.instances.values() if one.is_launched]:
                    instance_forget(region, instance)
                for name in EMPTIED:
                    getattr(region, name).clear()
            self._make_buckets()

    def forget_client_tokens(self):
        with self.lock:
            for region in self.regions.values():
                region.launches.clear()
                region.copies.clear()

    def broken_body(self, size):
        """How the body of a request that has begun shall break, or None."""
        with self.lock:
            ways = self.knobs["break_bodies"]
            return ways.pop(0) if ways and size >= LARGE_BODY_BYTES else None

    def object_path(self):
        """Where the bytes of a further object go."""
        return self._folder / str(next(self._numbers))

    def own_images(self):
        return [one for one in self.images.values() if one.owner == self.settings["account"]]

    def new_id(self, kind):
        return f"{kind}-{secrets.token_hex(9)[:17]}"

    def volumes_of(self, instance_id):
        """Attached ones, the root first, then by device."""
        instance = self.instances[instance_id]
        volumes = [one for one in self.volumes.values() if one.instance == instance_id]
        return sorted(volumes, key=lambda one: (not one.is_root_of(instance), one.device))

    def instances_visible(self):
        """By id."""
        self.advance()
        knobs = self.knobs
        return {one.id: one for one in self.instances.values()
                if one.is_visible(knobs["visibility_seconds"], knobs["terminated_seconds"])}

    def snapshots_visible(self):
        self.advance()
        seconds = self.knobs["visibility_seconds"]
        return self._ordered([one for one in self.snapshots.values() if one.is_visible(seconds)])

    def images_visible(self):
        self.advance()
        seconds = self.knobs["visibility_seconds"]
        return self._ordered([one for one in self.images.values() if one.is_visible(seconds)])

    def _ordered(self, resources):
        return resources[::-1] if self.knobs["newest_first"] else resources

    def images_using(self, snapshot_id):
        return [image for image in self.images.values() if image.state != "deregistered"
                and any(one.id == snapshot_id for one in image.snapshots())]

    def resources(self):
        images = [one for one in self.images_visible() if one.owner == self.settings["account"]
                  and one.state != "deregistered"]
        machines = [*self.instances.values(), *self.volumes.values()]
        return machines + self.snapshots_visible() + images

    def resource(self, resource_id):
        """Any taggable thing; ApiError in the words of its kind."""
        for one in self.resources():
            if one.id == resource_id:
                return one
        codes = {"i": "InvalidInstanceID.NotFound", "vol": "InvalidVolume.NotFound",
                 "snap": "InvalidSnapshot.NotFound", "ami": "InvalidAMIID.NotFound"}
        code = codes.get(resource_id.partition("-")[0], "InvalidID")
        raise ApiError(code, f"The ID '{resource_id}' does not exist")

    def close(self):
        self.stopping.set()
        if self.backend:
            self.backend.close()

    def _populate(self):
        for given in self.settings["instances"]:
            fields = overridden(INSTANCE, given, "field of an instance")
            instance = Instance(fields, time.time() - 3600, self.new_id("r"))
            self.instances[instance.id] = instance
            self.images.setdefault(instance.image, _source_image(instance))
        for given in self.settings["volumes"]:
            volume_add(self, given)
        self._make_buckets()

    def _make_buckets(self):
        """As they were at the start, and empty."""
        for path in self._folder.iterdir():
            path.unlink()
        self.buckets.clear()
        for given in self.settings["buckets"]:
            bucket_add(self, given)


def _pending(resources):
    """Of ten thousands they are few."""
    return [one for one in resources.values() if one.state == "pending"]


def _source_image(instance):
    """What the instance was launched from: another owner's."""
    names = ("Architecture", "EnaSupport", "SriovNetSupport", "RootDeviceName", "RootDeviceType",
             "VirtualizationType", "PlatformDetails", "UsageOperation", "BootMode", "TpmSupport")
    attributes = {name: instance.attributes[name] for name in names if name in instance.attributes}
    attributes |= {"Name": "al2023-ami-2023.6.20260101.0-kernel-6.12-x86_64", "ImdsSupport": "v2.0",
                   "ImageOwnerAlias": "amazon", "Description": "The simulated vendor's image",
                   "ProductCodes": instance.product_codes()}
    root = (instance.root_device_name, {"VolumeSize": 8, "VolumeType": "gp3", "Encrypted": False,
                                        "DeleteOnTermination": True}, None)
    image = Image(instance.image, VENDOR, attributes, [root], {})
    image.state = "available"
    return image
