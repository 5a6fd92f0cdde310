# SPDX-License-Identifier: Apache-2.0
"""A past for the account: images and snapshot sets by the thousand, of no bytes, as of old dates."""

from types import SimpleNamespace

from .images import Image, image_enter
from .snapshots import Snapshot

ENTRY = {
    "name": None,                # of an image
    "tags": {},
    "created": 0,                # seconds since the epoch
    "snapshots": 1,              # so many
    "size_gib": 8,               # of each
    "protection": "disabled",    # of an image, from being deregistered
    "locked": False,             # the first snapshot
    "gone": False,               # an image of which only the snapshots are there
}
LOCK_SECONDS = 86400


def fill(world, images, sets):
    """Both are lists of what ENTRY shows; (the ids of the images, lists of ids of the snapshots)."""
    with world.lock:
        made = [_image(world, {**ENTRY, **entry}) for entry in images]
        cut = [[one.id for one in _snapshots(world, {**ENTRY, **entry})] for entry in sets]
    return [image.id for image in made], cut


def _snapshots(world, entry, text=""):
    snapshots = []
    for number in range(entry["snapshots"]):
        volume = SimpleNamespace(id=f"vol-{number:017x}", path="/nonexistent",
                                 size_gib=entry["size_gib"],
                                 fields={"encrypted": False, "kms_key_id": None})
        snapshot = Snapshot(world, volume, text, dict(entry["tags"]))
        snapshot.state, snapshot.progress = "completed", 100
        snapshot.start_time = entry["created"]
        snapshot.cut_at = 0.0
        world.snapshots[snapshot.id] = snapshot
        snapshots.append(snapshot)
    if entry["locked"]:
        snapshots[0].lock = _lock(world.clock.now())
    return snapshots


def _lock(now):
    return {"Mode": "governance", "LockDuration": 1, "LockCreatedOn": now,
            "LockDurationStartTime": now, "LockExpiresOn": now + LOCK_SECONDS,
            "CoolOffPeriod": None, "CoolOffPeriodExpiresOn": None}


def _image(world, entry):
    image_id = world.new_id("ami")
    instance = next(iter(world.instances))
    snapshots = _snapshots(world, entry, f"Created by CreateImage({instance}) for {image_id}")
    attributes = {"Name": entry["name"] or image_id, "Architecture": "x86_64",
                  "RootDeviceName": "/dev/xvda", "RootDeviceType": "ebs",
                  "VirtualizationType": "hvm"}
    mappings = [(f"/dev/sd{chr(97 + number)}", {"VolumeSize": one.size_gib, "VolumeType": "gp3"},
                 one) for number, one in enumerate(snapshots)]
    image = Image(image_id, world.settings["account"], attributes, mappings, dict(entry["tags"]))
    if not entry["gone"]:
        image_enter(world, image)
    image.state, image.protection = "available", entry["protection"]
    image.created, image.created_date = None, entry["created"]
    return image
