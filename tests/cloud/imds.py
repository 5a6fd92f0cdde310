# SPDX-License-Identifier: Apache-2.0
"""The instance metadata service, version 2 only."""

import base64
import http
import json
import re
import secrets
import time

from .calls import Call
from .clock import iso_format
from .errors import ApiError
from .serving import refuse_at_once, serve
from .web import Reply

TOKEN_PATH = "/latest/api/token"
TTL_HEADER = "x-aws-ec2-metadata-token-ttl-seconds"
MAX_TTL_SECONDS = 21600


class Imds:
    def __init__(self, world, instance_id=None):
        """As seen by one instance; None: the first."""
        self._world = world
        self._instance_id = instance_id
        self._tokens = {}            # token -> (ends at, by the monotonic clock, its ttl)

    def handle(self, request, connection):
        call = Call("imds", request.path, connection.number, params={"method": request.method})
        self._world.calls.begin(call)
        try:
            self._admit(request)
        except ApiError as error:
            return refuse_at_once(self._world, connection, call, _refusal(error), error)
        return serve(self._world, connection, call, lambda: self._act(request), _refusal)

    def _admit(self, request):
        if not self._world.knobs["imds_enabled"]:
            raise _status(403)
        if request.method == "PUT" and request.path == TOKEN_PATH:
            if request.header("x-forwarded-for") is not None:
                raise _status(403)
            return
        if request.method not in ("GET", "HEAD"):
            raise _status(405)
        ends_at, _ = self._tokens.get(request.header("x-aws-ec2-metadata-token", ""), (0, 0))
        if ends_at <= time.monotonic():
            raise _status(401)

    def _act(self, request):
        if request.method == "PUT":
            return self._token_issue(request.header(TTL_HEADER, ""))
        match = re.fullmatch(r"/(latest|\d{4}-\d\d-\d\d|1\.0)(/.*)?", request.path)
        if not match:
            raise _status(404)
        with self._world.lock:
            body = _walk(tree(self._world, self._instance()), match[2] or "")
        return Reply(200, b"" if request.method == "HEAD" else body.encode(),
                     {"Content-Type": "text/plain", "Server": "EC2ws"})

    def _token_issue(self, ttl):
        if not re.fullmatch(r"[0-9]{1,5}", ttl) or not 1 <= int(ttl) <= MAX_TTL_SECONDS:
            raise _status(400)
        token = base64.urlsafe_b64encode(secrets.token_bytes(42)).decode()
        self._tokens[token] = (time.monotonic() + int(ttl), int(ttl))
        return Reply(200, token.encode(), {"Content-Type": "text/plain", "Server": "EC2ws",
                                           "X-Aws-Ec2-Metadata-Token-Ttl-Seconds": ttl})

    def _instance(self):
        instances = self._world.instances
        return instances[self._instance_id or next(iter(instances))]

    def forget_tokens(self):
        self._tokens.clear()


def tree(world, instance):
    """Directories are dictionaries, files are text."""
    settings = world.settings
    facts = instance.attributes
    meta = {
        "ami-id": instance.image,
        "ami-launch-index": "0",
        "block-device-mapping": _block_devices(world, instance),
        "hostname": facts["PrivateDnsName"],
        "instance-action": "none",
        "instance-id": instance.id,
        "instance-life-cycle": "on-demand",
        "instance-type": facts["InstanceType"],
        "local-hostname": facts["PrivateDnsName"],
        "local-ipv4": facts["PrivateIpAddress"],
        "placement": {"availability-zone": settings["zone"], "region": settings["region"]},
        "reservation-id": instance.reservation,
        "services": {"domain": settings["domain"], "partition": settings["partition"]},
    }
    if instance.marketplace_codes:
        meta["product-codes"] = "\n".join(instance.marketplace_codes)
    if world.knobs["imds_tags"]:
        meta["tags"] = {"instance": dict(instance.tags)}
    if settings["role"]:
        meta["iam"] = _iam(world, settings["role"])
    document = json.dumps(_document(world, instance), indent=2)
    return {"meta-data": meta, "dynamic": {"instance-identity": {"document": document}}}


def _document(world, instance):
    return {
        "accountId": world.settings["account"],
        "architecture": instance.attributes["Architecture"],
        "availabilityZone": world.settings["zone"],
        "billingProducts": instance.billing_products or None,
        "devpayProductCodes": None,
        "marketplaceProductCodes": instance.marketplace_codes or None,
        "imageId": instance.image,
        "instanceId": instance.id,
        "instanceType": instance.attributes["InstanceType"],
        "kernelId": None,
        "pendingTime": iso_format(instance.launched, milliseconds=False),
        "privateIp": instance.attributes["PrivateIpAddress"],
        "ramdiskId": None,
        "region": world.settings["region"],
        "version": "2017-09-30",
    }


def _block_devices(world, instance):
    """The mapping at launch, in the names of that time."""
    root = instance.root_device_name
    names = {"ami": root.removeprefix("/dev/"), "root": root}
    data = [one for one in world.volumes_of(instance.id) if not one.is_root_of(instance)]
    for number, volume in enumerate(data, start=1):
        names[f"ebs{number}"] = volume.device.removeprefix("/dev/")
    if instance.attributes["RootDeviceType"] == "instance-store":
        names["ephemeral0"] = "sdb"
    return names


def _iam(world, role):
    key = world.keys.role_key()
    code = world.knobs["role_code"]
    credentials = {"Code": code, "LastUpdated": iso_format(key.issued, milliseconds=False)}
    if code == "Success":
        credentials |= {"Type": "AWS-HMAC", "AccessKeyId": key.access_key,
                        "SecretAccessKey": key.secret, "Token": key.token,
                        "Expiration": iso_format(key.expires, milliseconds=False)}
    settings = world.settings
    arn = f"arn:{settings['partition']}:iam::{settings['account']}:instance-profile/{role}"
    info = {"Code": code, "LastUpdated": credentials["LastUpdated"], "InstanceProfileArn": arn,
            "InstanceProfileId": "AIPAEXAMPLEEXAMPLEEXA"}
    return {"info": json.dumps(info, indent=2),
            "security-credentials": {role: json.dumps(credentials, indent=2)}}


def _walk(node, path):
    for step in [step for step in path.split("/") if step]:
        if not isinstance(node, dict) or step not in node:
            raise _status(404)
        node = node[step]
    if isinstance(node, str):
        return node
    return "\n".join(name + ("/" if isinstance(inner, dict) else "") for name, inner in
                     sorted(node.items()))


def _status(number):
    return ApiError(f"Http{number}", http.HTTPStatus(number).phrase, number)


def _refusal(error):
    title = f"{error.status} - {http.HTTPStatus(error.status).phrase}"
    body = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return Reply(error.status, body.encode(), {"Content-Type": "text/html", "Server": "EC2ws"})
