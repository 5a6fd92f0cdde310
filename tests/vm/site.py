# SPDX-License-Identifier: Apache-2.0
"""The simulated cloud and the machines that run in it."""

import contextlib
import functools
import subprocess
import urllib.parse

from cloud.account import ec2_client, empty_account, images_of
from cloud.control import Cloud
from vm.guest import guest_make
from vm.machine import Machine

INSTANCE_ID = "i-0123456789abcdef0"
ROOT_ID, DATA_ID = "vol-00000000000000a01", "vol-00000000000000a02"
ROOT_DEVICE = "/dev/xvda"
DATA_BYTES = 320 << 20


def _file_make(path, size_bytes):
    with path.open("xb") as file:
        file.truncate(size_bytes)


class Site:
    """An instance with a root and a data volume; others are launched from its images."""

    def __init__(self, folder, base=None, adapt=None):
        """`adapt` is called with the mounted root, before anybody boots from it."""
        self._exit = contextlib.ExitStack()
        self.folder = folder
        self.stores = {}
        copies = folder / "copies"
        self.cloud = self._exit.enter_context(
            Cloud(directory=str(copies), instances=[{"id": INSTANCE_ID}]))
        self.knobs = self.cloud.knobs()
        root, self._base = guest_make(folder, self.cloud.addresses["ca"], base, adapt)
        self._give_disks(root)

    def _give_disks(self, root):
        data = self.folder / "data.raw"
        _file_make(data, DATA_BYTES)
        subprocess.run(["mkfs.xfs", "-q", "-L", "data", data], check=True)
        self.cloud.attach_volume(id=ROOT_ID, path=str(root), device=ROOT_DEVICE)
        self.cloud.attach_volume(id=DATA_ID, path=str(data), device="/dev/sdf")

    def close(self):
        self._exit.close()

    def volumes_of(self, instance_id):
        """[(id, path)], the root first."""
        found = [one for one in self.cloud.volumes() if one["instance"] == instance_id]
        found.sort(key=lambda one: (one["device"] != ROOT_DEVICE, one["device"]))
        return [(one["id"], one["path"]) for one in found]

    def add_volume(self, volume_id, size_bytes, device):
        """Another one for the first instance, empty, before it is switched on; its file."""
        path = self.folder / f"{volume_id}.raw"
        _file_make(path, size_bytes)
        self.cloud.attach_volume(id=volume_id, path=str(path), device=device)
        return path

    def add_store(self, serial, size_bytes, instance_id=INSTANCE_ID):
        """A disk of the host machine: no volume, and whoever is launched has none of it."""
        path = self.folder / f"{serial}.raw"
        _file_make(path, size_bytes)
        self.stores.setdefault(instance_id, []).append((serial, path))

    @contextlib.contextmanager
    def plugged(self, machine, serial, size_bytes, driver="nvme"):
        """A disk that a machine gets while it runs, and loses in the end; its file."""
        path = self.folder / f"{driver}-{serial}.raw"
        _file_make(path, size_bytes)
        name = machine.plug(driver, serial, path)
        try:
            yield path
        finally:
            machine.unplug(name)
            path.unlink()

    @contextlib.contextmanager
    def attached(self, volume_id, path, device):
        """What EC2 tells of the first instance."""
        self.cloud.attach_volume(id=volume_id, path=str(path), device=device)
        try:
            yield
        finally:
            self.cloud.detach_volume(volume_id)

    def machine(self, instance_id=INSTANCE_ID):
        """Switched on, not yet booted."""
        ec2, s3 = (urllib.parse.urlsplit(self.cloud.addresses[name]) for name in ("ec2", "s3"))
        disks = self.volumes_of(instance_id) + self.stores.get(instance_id, [])
        return Machine(self._base, disks,
                       self.cloud.metadata_of(instance_id),
                       (ec2.hostname, ec2.port), (s3.hostname, s3.port))

    def launch(self, image_id):
        """The new instance's id."""
        return self.launch_all(image_id, 1)[0]

    def launch_all(self, image_id, count):
        reply = self.ec2.run_instances(ImageId=image_id, MinCount=count, MaxCount=count)
        return [one["InstanceId"] for one in reply["Instances"]]

    def terminate(self, instance_id):
        self.ec2.terminate_instances(InstanceIds=[instance_id])

    def image(self, name):
        (image,) = [one for one in images_of(self.cloud) if one["name"] == name]
        return image

    def snapshot_of(self, image, volume_id):
        """What the cloud tells of the image's snapshot of that volume."""
        (snapshot,) = [one for one in self.cloud.snapshots()
                       if one["id"] in image["snapshots"] and one["volume"] == volume_id]
        return snapshot

    def empty(self):
        """No image, no snapshot, no fault is left of a test."""
        self.cloud.clear_faults()
        self.cloud.configure(**self.knobs)
        empty_account(self.cloud)

    @functools.cached_property
    def ec2(self):
        return ec2_client(self.cloud)
