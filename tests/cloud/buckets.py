# SPDX-License-Identifier: Apache-2.0
"""Buckets: in a region, an account's, and with or without access control lists."""

import base64
import re

from .actions import action
from .errors import ApiError
from .rest import url_encoded
from .settings import overridden

BUCKET = {
    "name": None,
    "region": None,          # None: that of the instances
    "owner": None,           # an account; None: ours
    "acls": False,           # new buckets refuse them since April 2023; "as-ever": an old one
    "shared": False,         # its owner lets our account do everything in it
    "kms": False,            # a key of KMS encrypts it: an ETag is no MD5
    "versioning": None,      # "Enabled", "Suspended"
    "lock_days": None,       # so long Object Lock keeps each version
}
MOST_KEYS = 1000


class Bucket:
    """With the fields of BUCKET."""

    def __init__(self, fields, created):
        for name, value in fields.items():
            setattr(self, name, value)
        self.created = created
        self.entries = {}                # key -> its versions and markers, the latest last
        self.uploads = {}

    @property
    def objects(self):
        """Those that are there when no version is asked for, by key."""
        return {key: entries[-1] for key, entries in self.entries.items()
                if not entries[-1].is_marker}


def bucket_add(world, given):
    fields = overridden(BUCKET, given, "field of a bucket")
    _check_name(fields["name"])
    fields["region"] = fields["region"] or world.settings["region"]
    fields["owner"] = fields["owner"] or world.settings["account"]
    with world.lock:
        bucket = world.buckets[fields["name"]] = Bucket(fields, world.clock.now())
    return bucket


def bucket_change(world, name, fields):
    overridden(BUCKET, fields, "field of a bucket")
    with world.lock:
        for field, value in fields.items():
            setattr(world.buckets[name], field, value)


def _check_name(name):
    if (not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name or "") or ".." in name
            or re.fullmatch(r"[0-9.]+", name)):
        raise ApiError("InvalidBucketName", "The specified bucket is not valid.")


def bucket_find(world, name):
    bucket = world.buckets.get(name)
    if bucket is None:
        _check_name(name)
        raise ApiError("NoSuchBucket", "The specified bucket does not exist", 404)
    return bucket


@action("s3", "CreateBucket")
def create_bucket(world, params):
    with world.lock:
        if params["Bucket"] in world.buckets:
            ours = world.buckets[params["Bucket"]].owner == world.settings["account"]
            raise ApiError("BucketAlreadyOwnedByYou" if ours else "BucketAlreadyExists",
                           "The requested bucket name is not available.", 409)
        asked = params.get("CreateBucketConfiguration", {}).get("LocationConstraint", "us-east-1")
        if asked != world.settings["region"]:
            raise ApiError("IllegalLocationConstraintException", f"The {asked} location constraint "
                           "is incompatible for the region specific endpoint this request was sent "
                           "to.")
        acls = params.get("ObjectOwnership", "BucketOwnerEnforced") != "BucketOwnerEnforced"
        bucket_add(world, {"name": params["Bucket"], "region": asked, "acls": acls})
    return {"Location": f"/{params['Bucket']}"}


@action("s3", "DeleteBucket")
def delete_bucket(world, params):
    with world.lock:
        if bucket_find(world, params["Bucket"]).entries:
            raise ApiError("BucketNotEmpty", "The bucket you tried to delete is not empty", 409)
        del world.buckets[params["Bucket"]]
    return {}


@action("s3", "HeadBucket")
def head_bucket(world, params):
    bucket_find(world, params["Bucket"])
    return {}


@action("s3", "ListBuckets")
def list_buckets(world, _params):
    with world.lock:
        ours = [one for one in world.buckets.values() if one.owner == world.settings["account"]]
    return {"Buckets": [{"Name": one.name, "CreationDate": one.created} for one in ours]}


@action("s3", "GetBucketLocation")
def get_bucket_location(world, params):
    region = bucket_find(world, params["Bucket"]).region
    return {"LocationConstraint": "" if region == "us-east-1" else region}


@action("s3", "GetBucketVersioning")
def get_bucket_versioning(world, params):
    return {"Status": bucket_find(world, params["Bucket"]).versioning}


@action("s3", "GetBucketOwnershipControls")
def get_ownership_controls(world, params):
    acls = bucket_find(world, params["Bucket"]).acls
    if acls == "as-ever":                # of the time before there was this setting
        raise ApiError("OwnershipControlsNotFoundError",
                       "The bucket ownership controls were not found", 404)
    rule = "BucketOwnerPreferred" if acls else "BucketOwnerEnforced"
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": rule}]}}


@action("s3", "GetObjectLockConfiguration")
def get_object_lock(world, params):
    days = bucket_find(world, params["Bucket"]).lock_days
    if days is None:
        raise ApiError("ObjectLockConfigurationNotFoundError",
                       "Object Lock configuration does not exist for this bucket", 404)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": days}}
    return {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": rule}}


@action("s3", "ListObjectsV2")
def list_objects(world, params):
    prefix, delimiter = params.get("Prefix", ""), params.get("Delimiter", "")
    after = max(params.get("StartAfter", ""), _token_read(params), key=str.encode)
    most = min(params.get("MaxKeys", MOST_KEYS), MOST_KEYS, world.knobs["page_cap"])
    with world.lock:
        objects = bucket_find(world, params["Bucket"]).objects
        keys = sorted((key for key in objects if key.startswith(prefix)
                       and key.encode() > after.encode()), key=str.encode)
        listed, groups, last = _page(keys, prefix, delimiter, after, most)
        contents = [{**objects[key].view(), "Key": page_encoded(params, key)} for key in listed]
    more = last is not None
    return {"Name": params["Bucket"], "Prefix": page_encoded(params, prefix), "MaxKeys": most,
            "Delimiter": delimiter or None, "KeyCount": len(contents) + len(groups),
            "IsTruncated": more, "Contents": contents,
            "EncodingType": params.get("EncodingType"),
            "ContinuationToken": params.get("ContinuationToken"),
            "NextContinuationToken": _token_make(last) if more else None,
            "CommonPrefixes": [{"Prefix": page_encoded(params, one)} for one in groups]}


def _page(keys, prefix, delimiter, after, most):
    """Keys, groups of keys, and where the next page begins, or None."""
    listed, groups, last = [], [], None
    for key in keys:
        head, found, _ = key[len(prefix):].partition(delimiter) if delimiter else (key, "", "")
        group = prefix + head + delimiter if found else None
        if group and (group in groups or (after and after.startswith(group))):
            last = key
            continue
        if len(listed) + len(groups) == most:
            return listed, groups, last
        (groups if group else listed).append(group or key)
        last = key
    return listed, groups, None


def page_encoded(params, text):
    return url_encoded(text) if params.get("EncodingType") == "url" else text


def _token_make(key):
    return base64.b64encode(b"1" + key.encode()).decode()


def _token_read(params):
    token = params.get("ContinuationToken")
    if token is None:
        return ""
    try:
        return base64.b64decode(token, validate=True)[1:].decode()
    except ValueError:
        raise ApiError("InvalidArgument", "The continuation token provided is incorrect") from None
