# SPDX-License-Identifier: Apache-2.0
"""Snapshots: real copies of volume files, which then go through `pending` for a while."""

import contextlib
import os
import re
import time

from .actions import action
from .clock import iso_format
from .errors import ApiError, invalid_value, missing
from .filters import chosen, no_pages_of_ids, viewed_page
from .instances import instance_absent
from .tags import tag_set, tags_of_request
from .volumes import GIB, volume_absent

FILTERS = {
    "description": "Description",
    "encrypted": "Encrypted",
    "owner-alias": "OwnerAlias",
    "owner-id": "OwnerId",
    "progress": "Progress",
    "snapshot-id": "SnapshotId",
    "start-time": "StartTime",
    "status": "State",
    "storage-tier": "StorageTier",
    "volume-id": "VolumeId",
    "volume-size": "VolumeSize",
}


class Snapshot:
    """Reserved first, so that limits hold; it exists for others once it is cut."""

    kind = "snapshot"

    def __init__(self, world, volume, description, tags):
        self.id = world.new_id("snap")
        self.volume = volume.id
        self.source = volume.path
        self.path = os.path.join(world.settings["directory"], f"{self.id}.raw")
        self.description = description
        self.tags = tags
        self.size_gib = volume.size_gib
        self.encrypted = volume.fields["encrypted"]
        self.kms_key_id = volume.fields["kms_key_id"]
        self.owner = world.settings["account"]
        self.fails = False
        self.state = "pending"
        self.progress = 0
        self.start_time = None
        self.cut_at = None           # monotonic, as all spans
        self.tier = "standard"
        self.permissions = []        # CreateVolumePermissions
        self.restores = {}           # zone -> the cloud's time when fast restore was enabled there
        self.lock = None             # a dictionary, see snapshot_keeping.py

    def advance(self, seconds, steps):
        if self.state != "pending" or self.cut_at is None or seconds is None:
            return
        share = min(1.0, (time.monotonic() - self.cut_at) / seconds) if seconds > 0 else 1.0
        if self.fails and share >= 0.5:
            self.state = "error"
        elif share >= 1.0:
            self.state, self.progress = "completed", 100
        else:
            self.progress = int(share * steps) * 100 // steps

    def is_visible(self, visibility_seconds):
        return self.cut_at is not None and time.monotonic() - self.cut_at >= visibility_seconds

    def is_locked(self, now):
        return self.lock is not None and self.lock["LockExpiresOn"] > now

    def info(self):
        """As CreateSnapshots replies."""
        return {"SnapshotId": self.id, "VolumeId": self.volume, "State": self.state,
                "VolumeSize": self.size_gib, "StartTime": self.start_time, "OwnerId": self.owner,
                "Progress": f"{self.progress}%" if self.progress else "",
                "Description": self.description, "Encrypted": self.encrypted,
                "Tags": tag_set(self.tags)}

    def view(self):
        message = "Given key ID is not accessible" if self.state == "error" else None
        return {**self.info(), "Progress": f"{self.progress}%", "KmsKeyId": self.kms_key_id,
                "StorageTier": self.tier, "StateMessage": message}


def snapshots_reserve(world, volumes, description, tags):
    """New snapshots, one per volume, not cut yet; under world.lock. `tags` is of (volume)."""
    world.advance()
    for volume in volumes:
        _check_rate(world, volume)
        pending = sum(one.volume == volume.id and one.state == "pending"
                      for one in world.snapshots.values())
        if pending >= world.knobs["pending_per_volume"]:
            raise ApiError("ConcurrentSnapshotLimitExceeded", "Maximum allowed in-progress "
                           "snapshots for a single volume exceeded.")
    snapshots = [Snapshot(world, volume, description, tags(volume)) for volume in volumes]
    for snapshot in snapshots:
        snapshot.fails = world.knobs["fail_snapshots"] > 0
        world.knobs["fail_snapshots"] -= snapshot.fails
        world.snapshots[snapshot.id] = snapshot
    return snapshots


def _check_rate(world, volume):
    cuts = [one.cut_at for one in world.snapshots.values()
            if one.volume == volume.id and one.cut_at is not None]
    if cuts and time.monotonic() - max(cuts) < world.knobs["volume_rate_seconds"]:
        raise ApiError("SnapshotCreationPerVolumeRateExceeded", "The maximum per volume "
                       "CreateSnapshot request rate has been exceeded. Use an increasing or "
                       "variable sleep interval between requests.")


def snapshots_cut(world, snapshots):
    """Copies the bytes of all of them at one instant."""
    start = []
    try:
        world.copier.copy([(one.source, one.path) for one in snapshots],
                          instant=lambda: start.append(world.clock.now()))
    except OSError:
        for one in snapshots:
            snapshot_forget(world, one)
        raise
    with world.lock:
        for one in snapshots:
            one.start_time = start[0]
            one.cut_at = time.monotonic()


def snapshot_forget(world, snapshot):
    with world.lock, contextlib.suppress(FileNotFoundError):
        world.snapshots.pop(snapshot.id, None)
        os.unlink(snapshot.path)


def snapshot_absent(snapshot_id):
    if not re.fullmatch(r"snap-[0-9a-f]{8,17}", snapshot_id):
        return invalid_value(snapshot_id, "snapshotId", "Expected: 'snap-...'.")
    return ApiError("InvalidSnapshot.NotFound", f"The snapshot '{snapshot_id}' does not exist.")


def _tags_with_source(params, tags):
    """Tags for a volume's snapshot: the request's, over the volume's own where these are copied."""
    if params.get("CopyTagsFromSource") == "volume":
        return lambda volume: {**volume.tags, **tags}
    return lambda _: dict(tags)


@action("ec2", "CreateSnapshots")
def create_snapshots(world, params):
    wanted = params["InstanceSpecification"]
    if not wanted.get("InstanceId"):
        raise missing("InstanceSpecification.InstanceId")
    tags = tags_of_request(params, "snapshot")["snapshot"]
    with world.lock:
        volumes = _volumes_wanted(world, wanted)
        snapshots = snapshots_reserve(world, volumes, params.get("Description", ""),
                                      _tags_with_source(params, tags))
    snapshots_cut(world, snapshots)
    with world.lock:
        return {"Snapshots": [snapshot.info() for snapshot in snapshots]}


def _volumes_wanted(world, wanted):
    instance = world.instances.get(wanted["InstanceId"])
    if instance is None:
        raise instance_absent(wanted["InstanceId"])
    volumes = world.volumes_of(instance.id)
    if wanted.get("ExcludeBootVolume"):
        volumes = [one for one in volumes if not one.is_root_of(instance)]
    for excluded in wanted.get("ExcludeDataVolumeIds", []):
        victim = [one for one in volumes if one.id == excluded]
        if not victim or victim[0].is_root_of(instance):
            raise ApiError("InvalidParameterValue", f"The volume '{excluded}' is not a data volume "
                           f"attached to instance {instance.id}.")
        volumes.remove(victim[0])
    if not volumes:
        raise ApiError("InvalidParameterValue", "All volumes of the instance are excluded, or it "
                       "has none.")
    return volumes


@action("ec2", "CreateSnapshot")
def create_snapshot(world, params):
    tags = tags_of_request(params, "snapshot")["snapshot"]
    with world.lock:
        volume = world.volumes.get(params["VolumeId"])
        if volume is None:
            raise volume_absent(params["VolumeId"])
        snapshots = snapshots_reserve(world, [volume], params.get("Description", ""),
                                      lambda _: dict(tags))
    snapshots_cut(world, snapshots)
    with world.lock:
        return snapshots[0].view()


def snapshot_find(world, snapshot_id):
    """One that exists now; under world.lock."""
    world.advance()
    snapshot = world.snapshots.get(snapshot_id)
    if snapshot is None or not snapshot.is_visible(world.knobs["visibility_seconds"]):
        raise snapshot_absent(snapshot_id)
    return snapshot


@action("ec2", "DescribeSnapshots")
def describe_snapshots(world, params):
    no_pages_of_ids(params, "SnapshotIds")
    with world.lock:
        visible = {one.id: one for one in world.snapshots_visible()}
        found = chosen(visible, params.get("SnapshotIds"), snapshot_absent)
    owners = {world.settings["account"] if one == "self" else one
              for one in params.get("OwnerIds", [])}
    found = [one for one in found if not owners or one.owner in owners]
    page, token = viewed_page(found, params, FILTERS, world.knobs["page_cap"], least=5)
    return {"Snapshots": page, "NextToken": token}


@action("ec2", "DeleteSnapshot")
def delete_snapshot(world, params):
    with world.lock:
        snapshot = snapshot_find(world, params["SnapshotId"])
        if snapshot.is_locked(world.clock.now()):
            raise ApiError("OperationNotPermitted",
                           f"The snapshot {snapshot.id} is locked and cannot be deleted.")
        users = world.images_using(snapshot.id)
        if users:
            raise ApiError("InvalidSnapshot.InUse",
                           f"The snapshot {snapshot.id} is currently in use by {users[0].id}")
        snapshot_forget(world, snapshot)
    return {}


def snapshot_report(snapshot):
    """What a test is told of it, its bytes included."""
    return {"id": snapshot.id, "volume": snapshot.volume, "state": snapshot.state,
            "progress": snapshot.progress, "path": snapshot.path, "tags": dict(snapshot.tags),
            "description": snapshot.description, "start_time": snapshot.start_time,
            "size_bytes": snapshot.size_gib * GIB, "lock": snapshot.lock,
            "started": iso_format(snapshot.start_time) if snapshot.start_time else None}
