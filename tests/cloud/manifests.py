# SPDX-License-Identifier: Apache-2.0
"""Instance-store images: what RegisterImage demands of a bundle's manifest, and what comes of it."""

import re
from xml.etree import ElementTree

from .errors import ApiError
from .images import Image

READABLE = ("aws-exec-read", "public-read", "authenticated-read")
MOST_BYTES = 1 << 20
# Each with what EC2 was seen to say.
SOUND = [
    (rb"\A<\?xml version=['\"]1\.0['\"]", "the XML declaration is missing"),
    (rb"</user><type>machine</type>", "type does not stand behind user"),
    (rb"<user>[0-9]+</user>", "user is no account number"),
    (rb"<user_encrypted_key [^>]*>[0-9a-f]+</user_encrypted_key>", "user_encrypted_key is missing"),
    (rb"<user_encrypted_iv>[0-9a-f]+</user_encrypted_iv>", "user_encrypted_iv is missing"),
    (rb"<signature>", "the signature is missing"),
    (rb"</signature></manifest>\s*\Z", "it is cut off"),
]


def image_of_manifest(world, params, tags):
    """Under world.lock; ApiError."""
    text = _fetch(world, params["ImageLocation"])
    root = _check(text)
    attributes = {name: params[name] for name in ("Name", "Description", "KernelId", "RamdiskId",
                                                  "EnaSupport", "SriovNetSupport")
                  if name in params}
    attributes |= {"ImageLocation": params["ImageLocation"], "RootDeviceType": "instance-store",
                   "PlatformDetails": "Linux/UNIX", "UsageOperation": "RunInstances",
                   "Architecture": root.findtext("machine_configuration/architecture"),
                   "VirtualizationType": params.get("VirtualizationType", "paravirtual")}
    image = Image(world.new_id("ami"), world.settings["account"], attributes, [], tags)
    image.others = [one for one in params.get("BlockDeviceMappings", []) if "Ebs" not in one]
    return image


def _fetch(world, location):
    bucket_name, _, key = location.partition("/")
    bucket = world.buckets.get(bucket_name)
    found = bucket and bucket.objects.get(key)
    if not found:
        raise _unfetched(location, "404 (Not Found)", "check that the manifest is there")
    if bucket.region != world.settings["region"]:
        raise ApiError("InvalidManifest", f"The bucket {bucket_name} is not in the region "
                       f"{world.settings['region']}")
    if found.acl not in READABLE:
        raise _unfetched(location, "403 (Forbidden)", "check your S3 ACLs are correct.")
    return found.read()


def _unfetched(location, status, advice):
    return ApiError("InvalidManifest", f"HTTP {status} response for URL "
                    f"http://s3.amazonaws.com:80/{location}: {advice}")


def _check(text):
    if len(text) > MOST_BYTES:
        raise ApiError("InvalidManifest", "The manifest is too large")
    for pattern, complaint in SOUND:
        if not re.search(pattern, text):
            raise ApiError("InvalidManifest", f"The manifest is not valid: {complaint}")
    if b"<signature></signature>" in text:
        raise ApiError("InternalError", "An internal error has occurred", 500)
    if re.search(rb"<mapping><device>", text):
        raise ApiError("InvalidManifest", "The manifest is not valid: device stands before virtual")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ApiError("InvalidManifest", f"The manifest is not valid: {error}") from None
