# SPDX-License-Identifier: Apache-2.0
"""The states of an instance: pending -> running -> shutting-down -> terminated, and EC2's checks.

Those that the cloud began with have been running for long.
"""

import base64
import contextlib
import os
import re
import time

from .actions import action
from .errors import ApiError
from .filters import chosen, filtered, no_pages_of_ids, paged
from .instances import instance_absent

PENDING = {"Code": 0, "Name": "pending"}
RUNNING = {"Code": 16, "Name": "running"}
SHUTTING_DOWN = {"Code": 32, "Name": "shutting-down"}
TERMINATED = {"Code": 48, "Name": "terminated"}
CONSOLE_BYTES = 64 * 1024
CHECKS = ("system", "instance")
# On Xen, of which GetConsoleOutput has no latest.
OLD_TYPES = re.compile(r"(t1|t2|m[1-4]|c[134]|r[34]|i[23]|d2|g[23]|p[23]|x1e?|h1|hs1|cr1|f1)\.")

STATUS_FILTERS = {
    "availability-zone": "AvailabilityZone",
    "instance-state-code": "InstanceState.Code",
    "instance-state-name": "InstanceState.Name",
    "instance-status.status": "InstanceStatus.Status",
    "system-status.status": "SystemStatus.Status",
}


def instances_advance(world):
    """What time has done to them; under the lock."""
    for instance in world.instances.values():
        _advance(world, instance)


def _advance(world, instance):
    knobs, now = world.knobs, time.monotonic()
    state = instance.attributes["State"]
    if state == PENDING and now >= instance.since + knobs["launch_seconds"]:
        if knobs["launches_fail"]:
            return instance_end(world, instance, knobs["launches_fail"])
        _enter(instance, RUNNING)
        instance.console += knobs["console"].format(instance=instance.id, image=instance.image)
    elif state == RUNNING and instance.poweroff_after is not None \
            and now >= instance.since + instance.poweroff_after:
        _power_off(world, instance)
    elif state == SHUTTING_DOWN and now >= instance.since + knobs["terminate_seconds"]:
        _enter(instance, TERMINATED)
    return None


def _enter(instance, state, reason=None):
    instance.attributes["State"] = state
    instance.since = time.monotonic()
    if reason:
        code, _, message = reason.partition(": ")
        instance.attributes["StateReason"] = {"Code": code, "Message": f"{code}: {message}"}


def _power_off(world, instance):
    """What InstanceInitiatedShutdownBehavior= says; one that would only stop does so at once."""
    if instance.shutdown_behavior == "terminate":
        instance_end(world, instance,
                     "Client.InstanceInitiatedShutdown: Instance initiated shutdown")
    else:
        _enter(instance, {"Code": 80, "Name": "stopped"})


def instance_end(world, instance, reason):
    """It ends, with what is deleted on termination."""
    for volume in world.volumes_of(instance.id):
        volume.instance = volume.device = None
        if volume.fields["delete_on_termination"]:
            _volume_delete(world, volume)
    _enter(instance, SHUTTING_DOWN, reason)


def instance_forget(world, instance):
    """As if it had never been."""
    for volume in world.volumes_of(instance.id):
        _volume_delete(world, volume)
    del world.instances[instance.id]


def _volume_delete(world, volume):
    """A test's own file stays with the test."""
    del world.volumes[volume.id]
    if os.path.dirname(volume.path) == world.settings["directory"]:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(volume.path)


@action("ec2", "TerminateInstances")
def terminate_instances(world, params):
    with world.lock:
        instances = chosen(world.instances_visible(), params["InstanceIds"], instance_absent)
        return {"TerminatingInstances": [_terminate(world, one) for one in instances]}


def _terminate(world, instance):
    """Again is not an error."""
    before = instance.attributes["State"]
    if before not in (SHUTTING_DOWN, TERMINATED):
        instance_end(world, instance, "Client.UserInitiatedShutdown: User initiated shutdown")
    return {"InstanceId": instance.id, "PreviousState": before,
            "CurrentState": instance.attributes["State"]}


# Checks, and the console

def _check(world, instance, name):
    """The status of a check, and of its one detail."""
    seconds = world.knobs["check_seconds"]
    if instance.attributes["State"] != RUNNING:
        return {"Status": "not-applicable"}
    if seconds is None or time.monotonic() < instance.since + seconds:
        return {"Status": "initializing",
                "Details": [{"Name": "reachability", "Status": "initializing"}]}
    if name in world.knobs["impaired"]:
        return {"Status": "impaired", "Details": [{"Name": "reachability", "Status": "failed",
                                                   "ImpairedSince": world.clock.now()}]}
    return {"Status": "ok", "Details": [{"Name": "reachability", "Status": "passed"}]}


def _status(world, instance):
    system, own = (_check(world, instance, name) for name in CHECKS)
    return {"InstanceId": instance.id, "AvailabilityZone": world.settings["zone"],
            "InstanceState": instance.attributes["State"], "SystemStatus": system,
            "InstanceStatus": own}


@action("ec2", "DescribeInstanceStatus")
def describe_instance_status(world, params):
    no_pages_of_ids(params, "InstanceIds")
    with world.lock:
        instances = chosen(world.instances_visible(), params.get("InstanceIds"), instance_absent)
        statuses = [_status(world, one) for one in instances
                    if params.get("IncludeAllInstances") or one.attributes["State"] == RUNNING]
    statuses = filtered(statuses, params.get("Filters"), STATUS_FILTERS)
    page, token = paged(statuses, params, world.knobs["page_cap"], least=5)
    return {"InstanceStatuses": page, "NextToken": token}


@action("ec2", "GetConsoleOutput")
def get_console_output(world, params):
    with world.lock:
        (instance,) = chosen(world.instances_visible(), [params["InstanceId"]], instance_absent)
        text = instance.console
    if params.get("Latest") and OLD_TYPES.match(instance.attributes["InstanceType"]):
        raise ApiError("UnsupportedOperation", "This instance type does not support retrieving the "
                       "latest console logs. Supported instance types: Nitro")
    output = base64.b64encode(text.encode("utf-8", "surrogateescape")[-CONSOLE_BYTES:]).decode()
    return {"InstanceId": instance.id, "Timestamp": world.clock.now(), "Output": output or None}


def instance_report(world, instance):
    return {"id": instance.id, "image": instance.image, "tags": instance.tags,
            "state": instance.attributes["State"]["Name"],
            "volumes": [volume.id for volume in world.volumes_of(instance.id)],
            "type": instance.attributes["InstanceType"], "token": instance.token}
