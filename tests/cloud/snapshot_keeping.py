# SPDX-License-Identifier: Apache-2.0
"""How snapshots are kept: archived, locked, ready to be restored fast."""

from .actions import action
from .clock import iso_parse
from .errors import ApiError
from .filters import chosen, filtered, no_pages_of_ids, paged
from .snapshots import snapshot_absent, snapshot_find
from .tags import tag_set

DAY_SECONDS = 86400
HOUR_SECONDS = 3600
RESTORE_FILTERS = {"availability-zone": "AvailabilityZone", "owner-id": "OwnerId",
                   "snapshot-id": "SnapshotId", "state": "State"}
TIER_FILTERS = {"snapshot-id": "SnapshotId", "volume-id": "VolumeId"}
LOCK_FILTERS = {"lock-state": "LockState"}


# Fast restore

@action("ec2", "EnableFastSnapshotRestores")
def enable_fast_snapshot_restores(world, params):
    good, bad = [], []
    with world.lock:
        present = {one.id: one for one in world.snapshots_visible()}
        for snapshot_id in params["SourceSnapshotIds"]:
            errors = []
            for zone in params["AvailabilityZones"]:
                error = _why_no_restore(world, present.get(snapshot_id), zone)
                if error:
                    errors.append({"AvailabilityZone": zone, "Error": error})
                    continue
                snapshot = present[snapshot_id]
                snapshot.restores.setdefault(zone, world.clock.now())
                good.append(_restore(world, snapshot, zone, "enabling"))
            if errors:
                bad.append({"SnapshotId": snapshot_id, "FastSnapshotRestoreStateErrors": errors})
    return {"Successful": good, "Unsuccessful": bad}


def _why_no_restore(world, snapshot, zone):
    if snapshot is None:
        return {"Code": "InvalidSnapshot.NotFound", "Message": "The snapshot does not exist."}
    if not zone.startswith(world.settings["region"]):
        return {"Code": "InvalidParameterValue", "Message": f"Invalid availability zone: [{zone}]"}
    if snapshot.state != "completed" or snapshot.tier != "standard":
        return {"Code": "IncorrectState", "Message": f"The snapshot is {snapshot.state} and in the "
                f"tier {snapshot.tier}"}
    return None


def _restore(world, snapshot, zone, state):
    return {"SnapshotId": snapshot.id, "AvailabilityZone": zone, "State": state,
            "OwnerId": snapshot.owner, "EnablingTime": snapshot.restores[zone],
            "StateTransitionReason": "Client.UserInitiated"}


@action("ec2", "DescribeFastSnapshotRestores")
def describe_fast_snapshot_restores(world, params):
    with world.lock:
        views = [_restore(world, one, zone, "enabled")
                 for one in world.snapshots_visible() for zone in one.restores]
    views = filtered(views, params.get("Filters"), RESTORE_FILTERS)
    page, token = paged(views, params, world.knobs["page_cap"])
    return {"FastSnapshotRestores": page, "NextToken": token}


# The archive

@action("ec2", "ModifySnapshotTier")
def modify_snapshot_tier(world, params):
    with world.lock:
        snapshot = snapshot_find(world, params["SnapshotId"])
        users = world.images_using(snapshot.id)
        if users:
            raise ApiError("OperationNotPermitted", f"The snapshot {snapshot.id} cannot be archived "
                           f"since the image {users[0].id} uses it")
        if snapshot.state != "completed" or snapshot.restores:
            raise ApiError("OperationNotPermitted", f"The snapshot {snapshot.id} is not completed, "
                           "or is enabled for fast snapshot restore")
        if snapshot.tier == "archive":
            raise ApiError("OperationNotPermitted",
                           f"The snapshot {snapshot.id} is already archived")
        snapshot.tier = params.get("StorageTier", "archive")
        return {"SnapshotId": snapshot.id, "TieringStartTime": world.clock.now()}


@action("ec2", "DescribeSnapshotTierStatus")
def describe_snapshot_tier_status(world, params):
    with world.lock:
        views = [{"SnapshotId": one.id, "VolumeId": one.volume, "Status": one.state,
                  "OwnerId": one.owner, "Tags": tag_set(one.tags), "StorageTier": one.tier}
                 for one in world.snapshots_visible()]
    views = filtered(views, params.get("Filters"), TIER_FILTERS)
    page, token = paged(views, params, world.knobs["page_cap"])
    return {"SnapshotTierStatuses": page, "NextToken": token}


# The lock

@action("ec2", "LockSnapshot")
def lock_snapshot(world, params):
    """A lock of a mode that may not be loosened is only ever prolonged."""
    mode, now = params["LockMode"], world.clock.now()
    expires = _expires(params, now)
    if "CoolOffPeriod" in params and mode != "compliance":
        raise ApiError("InvalidParameterCombination", "CoolOffPeriod is for compliance mode alone")
    with world.lock:
        snapshot = snapshot_find(world, params["SnapshotId"])
        held = snapshot.lock
        if held and _lock_state(held, now) == "compliance" and (
                mode != "compliance" or expires < held["LockExpiresOn"]):
            raise ApiError("OperationNotPermitted", f"The snapshot {snapshot.id} is locked in "
                           "compliance mode: its lock can only be prolonged")
        cool_off = params.get("CoolOffPeriod")
        snapshot.lock = {
            "Mode": mode, "LockDuration": params.get("LockDuration"), "LockCreatedOn": now,
            "LockDurationStartTime": now, "LockExpiresOn": expires, "CoolOffPeriod": cool_off,
            "CoolOffPeriodExpiresOn": now + cool_off * HOUR_SECONDS if cool_off else None,
        }
        return {"SnapshotId": snapshot.id, **_lock_view(snapshot.lock, now)}


def _expires(params, now):
    if ("LockDuration" in params) == ("ExpirationDate" in params):
        raise ApiError("InvalidParameterCombination",
                       "Specify either LockDuration or ExpirationDate")
    if "LockDuration" in params:
        return now + params["LockDuration"] * DAY_SECONDS
    expires = iso_parse(params["ExpirationDate"])
    if expires < now + DAY_SECONDS:
        raise ApiError("InvalidParameterValue", "ExpirationDate must be a day ahead at least")
    return expires


def _lock_state(lock, now):
    if lock["LockExpiresOn"] <= now:
        return "expired"
    cooling = lock["CoolOffPeriodExpiresOn"]
    return "compliance-cooloff" if cooling and cooling > now else lock["Mode"]


def _lock_view(lock, now):
    view = {name: value for name, value in lock.items() if name != "Mode"}
    return {**view, "LockState": _lock_state(lock, now)}


@action("ec2", "UnlockSnapshot")
def unlock_snapshot(world, params):
    now = world.clock.now()
    with world.lock:
        snapshot = snapshot_find(world, params["SnapshotId"])
        if snapshot.lock is None:
            raise ApiError("OperationNotPermitted", f"The snapshot {snapshot.id} is not locked")
        if _lock_state(snapshot.lock, now) == "compliance":
            raise ApiError("OperationNotPermitted",
                           f"The snapshot {snapshot.id} is locked in compliance mode")
        snapshot.lock = None
        return {"SnapshotId": snapshot.id}


@action("ec2", "DescribeLockedSnapshots")
def describe_locked_snapshots(world, params):
    no_pages_of_ids(params, "SnapshotIds")
    now = world.clock.now()
    with world.lock:
        present = {one.id: one for one in world.snapshots_visible()}
        views = [{"OwnerId": one.owner, "SnapshotId": one.id, **_lock_view(one.lock, now)}
                 for one in chosen(present, params.get("SnapshotIds"), snapshot_absent) if one.lock]
    views = filtered(views, params.get("Filters"), LOCK_FILTERS)
    page, token = paged(views, params, world.knobs["page_cap"], least=5)
    return {"Snapshots": page, "NextToken": token}
