# SPDX-License-Identifier: Apache-2.0
"""The control door: a line {"op": ..., more} asks, a line {"ok": ...} or {"error": ...} answers."""

import base64
import json
import socketserver
import threading
import urllib.parse

from .buckets import bucket_add, bucket_change
from .filling import fill
from .image_making import instance_stopped
from .images import image_report
from .lifecycle import instance_report
from .objects import object_age, object_report, object_store
from .settings import overridden
from .snapshots import snapshot_report
from .ssm import parameter_report
from .versions import versions_report
from .volumes import volume_add, volume_change, volume_detach, volume_report


class Door:
    def __init__(self, server):
        self._tcp = _Listener((server.world.settings["address"], 0), _Conversation)
        self._tcp.ops = operations(server)
        self.address = self._tcp.server_address
        threading.Thread(target=self._tcp.serve_forever, kwargs={"poll_interval": 0.1},
                         daemon=True).start()

    def close(self):
        self._tcp.shutdown()
        self._tcp.server_close()


def operations(server):
    """What a test may ask for, by name."""
    world = server.world
    return {
        "ping": lambda: "pong",
        "calls": world.calls.list,
        "clear-calls": world.calls.clear,
        "fault": world.faults.add,
        "faults": world.faults.list,
        "clear-faults": world.faults.clear,
        "configure": lambda **knobs: world.configure(knobs),
        "knobs": lambda: dict(world.knobs),
        "empty": world.empty,
        "forget-client-tokens": world.forget_client_tokens,
        "fill": lambda images=(), sets=(): fill(world, images, sets),
        "snapshots": lambda region=None: [snapshot_report(one) for one
                                          in _fresh(world, region, "snapshots")],
        "images": lambda owner=None, region=None: [
            image_report(one) for one in _fresh(world, region, "images")
            if one.owner == (owner or world.settings["account"])],
        "instances": lambda: [instance_report(world, one)
                              for one in _fresh(world, None, "instances")],
        "set-console": world.set_console,
        "power-off": world.power_off,
        "volumes": lambda: [volume_report(one) for one in world.volumes.values()],
        "parameters": lambda: [parameter_report(world, one) for one in world.parameters.values()],
        "objects": lambda bucket=None: _objects(world, bucket),
        "uploads": lambda: [one.key for bucket in world.buckets.values()
                            for one in bucket.uploads.values()],
        "object-versions": lambda bucket: versions_report(world.buckets[bucket]),
        "add-bucket": lambda **fields: bucket_add(world, fields).name,
        "set-bucket": lambda bucket, fields: bucket_change(world, bucket, fields),
        "put-object": lambda bucket, key, body, acl, tags: object_store(
            world, {"Bucket": bucket, "Key": key, "ACL": acl,
                    "Tagging": urllib.parse.urlencode(tags)}, base64.b64decode(body)).etag,
        "age-object": lambda bucket, key, seconds: object_age(world, bucket, key, seconds),
        "metadata-of": server.metadata_of,
        "reboots": lambda: {one.id: one.reboots for one in world.instances.values()},
        "to-be-stopped": lambda: [one.id for one in world.instances.values() if one.awaiting],
        "instance-stopped": lambda instance: instance_stopped(world, instance),
        "attach-volume": lambda **fields: volume_add(world, fields),
        "detach-volume": lambda volume: volume_detach(world, volume),
        "set-volume": lambda volume, fields: volume_change(world, volume, fields),
        "set-instance": world.set_instance,
        "set-image": world.set_image,
        "age-image": world.age_image,
        "set-snapshot": lambda snapshot, **fields: _snapshot_set(world, snapshot, fields),
        "expire-credentials": world.keys.expire,
        "rotate-credentials": lambda: world.keys.rotate().access_key,
        "forget-tokens": server.imds.forget_tokens,
        "drop-connections": server.drop_connections,
    }


def _fresh(world, region, kind):
    """What there is of a kind in a region, which by default is the instances'."""
    there = world.regions[region or world.settings["region"]]
    with world.lock:
        there.advance()
        return list(getattr(there, kind).values())


def _objects(world, name):
    with world.lock:
        return [object_report(bucket, one) for bucket in world.buckets.values()
                if name in (None, bucket.name) for one in bucket.objects.values()]


def _snapshot_set(world, snapshot_id, fields):
    known = dict.fromkeys(("state", "progress", "start_time", "description", "volume", "tags"))
    with world.lock:
        snapshot = world.snapshots[snapshot_id]
        for name, value in overridden(known, fields, "field of a snapshot").items():
            if name in fields:
                setattr(snapshot, name, value)


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(json.dumps(self._answer(line)).encode() + b"\n")

    def _answer(self, line):
        try:
            asked = json.loads(line)
            operation = self.server.ops[asked.pop("op")]
            return {"ok": operation(**asked)}
        except Exception as error:      # whatever a test got wrong is told to the test
            return {"error": f"{type(error).__name__}: {error}"}
