# SPDX-License-Identifier: Apache-2.0
"""An account in which much has been made over the years: nothing of it holds any bytes."""

import time

from .images import Image, image_enter
from .snapshots import Snapshot


def populate(world, images, snapshots, gone, age, tags):
    """See control.Cloud.populate(); as CreateImage names them, of the first instance."""
    with world.lock:
        instance = next(iter(world.instances.values()))
        root = world.volumes_of(instance.id)[0]
        for number in range(images):
            labels = {key: value.replace("%d", str(number)) for key, value in tags.items()}
            image_id = world.new_id("ami")
            text = f"Created by CreateImage({instance.id}) for {image_id}"
            made = [_snapshot(world, root, text, labels, age) for _ in range(snapshots)]
            if number >= images - gone:
                continue
            mappings = [(f"/dev/sd{chr(ord('a') + index)}", {"VolumeSize": one.size_gib}, one)
                        for index, one in enumerate(made)]
            attributes = {"Name": f"image {number}", "RootDeviceType": "ebs",
                          "RootDeviceName": "/dev/sda", "Architecture": "x86_64"}
            image = Image(image_id, world.settings["account"], attributes, mappings, dict(labels))
            image_enter(world, image)
            image.state = "available"


def _snapshot(world, volume, text, tags, age):
    snapshot = Snapshot(world, volume, text, dict(tags))
    snapshot.state, snapshot.progress = "completed", 100
    snapshot.cut_at, snapshot.start_time = time.monotonic(), world.clock.now() - age
    world.snapshots[snapshot.id] = snapshot
    return snapshot
