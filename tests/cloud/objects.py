# SPDX-License-Identifier: Apache-2.0
"""Objects of S3: put, read, deleted one by one or many at a time. Their bytes lie on disk."""

import base64
import hashlib
import pathlib
import re
import secrets
import urllib.parse

from .actions import action
from .buckets import bucket_find
from .errors import ApiError
from .tags import tag_set, tags_checked
from .versions import version_find, version_make, version_push, version_remove

MOST_DELETED = 1000
MOST_KEY_BYTES = 1024
MOST_TAGS = 10
KEPT = ("ContentType", "ContentEncoding", "CacheControl", "Metadata", "StorageClass",
        "ServerSideEncryption")


def tags_of_header(text):
    tags = tags_checked([{"Key": key, "Value": value} for key, value
                         in urllib.parse.parse_qsl(text, keep_blank_values=True)])
    if len(tags) > MOST_TAGS:
        raise ApiError("BadRequest", "Object tags cannot be greater than 10")
    return tags


class Object:
    is_marker = False

    def __init__(self, key, path, etag, params, modified):
        self.key = key
        self.version = None
        self.path = pathlib.Path(path)
        self.size = self.path.stat().st_size
        self.etag = etag
        self.acl = params.get("ACL", "private")
        self.attributes = {name: params[name] for name in KEPT if name in params}
        self.modified = modified
        self.tags = tags_of_header(params.get("Tagging", ""))

    def view(self):
        """As a listing has it."""
        return {"LastModified": self.modified, "ETag": f'"{self.etag}"', "Size": self.size,
                "StorageClass": self.attributes.get("StorageClass", "STANDARD")}

    def head(self):
        return {"ContentType": "binary/octet-stream", **self.attributes,
                "ContentLength": self.size, "ETag": f'"{self.etag}"', "AcceptRanges": "bytes",
                "LastModified": self.modified}

    def read(self):
        return self.path.read_bytes()

    def forget(self):
        self.path.unlink()


def object_find(world, params):
    """Under world.lock."""
    bucket, version = bucket_find(world, params["Bucket"]), params.get("VersionId")
    found = version_find(bucket, params["Key"], version)
    if found is not None and not found.is_marker:
        return found
    if found is not None and version:
        raise ApiError("MethodNotAllowed", "The specified method is not allowed against this "
                       "resource.", 405)
    if version:
        raise ApiError("NoSuchVersion", "The specified version does not exist.", 404)
    if "ListBucket" in world.knobs["deny"]:      # who may not list is not told what is absent
        raise ApiError("AccessDenied", "Access Denied", 403)
    raise ApiError("NoSuchKey", "The specified key does not exist.", 404)


def object_store(world, params, body, etag=None):
    """Replaces what the key held."""
    if len(params["Key"].encode()) > MOST_KEY_BYTES:
        raise ApiError("KeyTooLongError", "Your key is too long")
    path = world.object_path()
    path.write_bytes(body)
    made = Object(params["Key"], path, etag or _etag(world, params, body), params,
                  world.clock.now())
    with world.lock:
        bucket = bucket_find(world, params["Bucket"])
        made.version = version_make(bucket)
        version_push(bucket, made)
    return made


def _etag(world, params, body):
    if bucket_find(world, params["Bucket"]).kms:
        return secrets.token_hex(16)
    return hashlib.md5(body).hexdigest()


def acl_check(world, params):
    """A bucket whose owner owns all that is in it takes no access control lists."""
    if params.get("ACL", "bucket-owner-full-control") == "bucket-owner-full-control":
        return
    if not bucket_find(world, params["Bucket"]).acls:
        raise ApiError("AccessControlListNotSupported", "The bucket does not allow ACLs")


def body_check(params, body):
    """What the client says that it sends."""
    claimed = params.get("ContentMD5")
    if claimed is None:
        return
    try:
        digest = base64.b64decode(claimed, validate=True)
    except ValueError:
        digest = b""
    if len(digest) != 16:
        raise ApiError("InvalidDigest", "The Content-MD5 you specified was invalid.")
    if digest != hashlib.md5(body).digest():
        raise ApiError("BadDigest", "The Content-MD5 you specified did not match what we received.")


@action("s3", "PutObject")
def put_object(world, params):
    acl_check(world, params)
    body_check(params, params["Body"])
    made = object_store(world, params, params["Body"])
    return {"ETag": f'"{made.etag}"', "VersionId": _told(world, params, made.version)}


def _told(world, params, version):
    """A bucket that was never versioned does not speak of versions."""
    return version if bucket_find(world, params["Bucket"]).versioning else None


@action("s3", "GetObject")
def get_object(world, params):
    with world.lock:
        found = object_find(world, params)
        _check_match(params, found)
        body, head = found.read(), found.head()
    if "Range" not in params:
        return {**head, "Body": body}
    first, last = _range(params["Range"], len(body))
    return {**head, "Body": body[first:last + 1], "ContentLength": last + 1 - first,
            "ContentRange": f"bytes {first}-{last}/{len(body)}"}


@action("s3", "HeadObject")
def head_object(world, params):
    with world.lock:
        found = object_find(world, params)
        _check_match(params, found)
        return found.head()


def _check_match(params, found):
    if params.get("IfMatch", found.etag).strip('"') != found.etag:
        raise ApiError("PreconditionFailed",
                       "At least one of the pre-conditions you specified did not hold", 412)


def _range(text, size):
    found = re.fullmatch(r"bytes=([0-9]+)-([0-9]*)", text)
    if not found or int(found[1]) >= size:
        raise ApiError("InvalidRange", "The requested range is not satisfiable", 416)
    return int(found[1]), min(int(found[2] or size - 1), size - 1)


@action("s3", "DeleteObject")
def delete_object(world, params):
    with world.lock:
        refusal = _refusal(world, params)
        if refusal:
            raise ApiError(refusal, "Access Denied", 403)
        done = version_remove(bucket_find(world, params["Bucket"]), params["Key"],
                              params.get("VersionId"), world.clock.now())
    return {"VersionId": done[0], "DeleteMarker": str(done[1]).lower()} if done else {}


def _refusal(world, one):
    """A lock keeps a version; that a marker is laid over it is no deletion."""
    version = one.get("VersionId")
    if version and "DeleteObjectVersion" in world.knobs["deny"]:
        return "AccessDenied"
    return "AccessDenied" if one["Key"] in world.knobs["locked_objects"] else None


@action("s3", "DeleteObjects")
def delete_objects(world, params):
    asked, quiet = params["Delete"]["Objects"], params["Delete"].get("Quiet", False)
    if len(asked) > MOST_DELETED or not asked:
        raise ApiError("MalformedXML", "The XML you provided was not well-formed or did not "
                       "validate against our published schema")
    deleted, errors = [], []
    with world.lock:
        for one in asked:
            refusal = _refusal(world, one)
            if not refusal and world.knobs["delete_errors"]:
                refusal = world.knobs["delete_errors"].pop(0)
            if refusal:
                errors.append({**one, "Code": refusal, "Message": "We encountered an internal error."
                               if refusal == "InternalError" else "Access Denied"})
                continue
            version_remove(bucket_find(world, params["Bucket"]), one["Key"],
                           one.get("VersionId"), world.clock.now())
            deleted.append({"Key": one["Key"]})
    return {"Deleted": [] if quiet else deleted, "Errors": errors}


@action("s3", "GetObjectAcl")
def get_object_acl(world, params):
    with world.lock:
        acl = object_find(world, params).acl
    owner = {"ID": "0123456789abcdef" * 4}
    grants = [{"Grantee": {**owner}, "Permission": "FULL_CONTROL"}]
    if acl == "aws-exec-read":
        grants.append({"Grantee": {"ID": "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e4094"
                                         "2ec6b97c"}, "Permission": "READ"})
    return {"Owner": owner, "Grants": grants}


@action("s3", "GetObjectTagging")
def get_object_tagging(world, params):
    with world.lock:
        return {"TagSet": tag_set(object_find(world, params).tags)}


def object_age(world, bucket, key, seconds):
    """As if it had been put so long ago."""
    with world.lock:
        for one in bucket_find(world, bucket).entries[key]:
            one.modified = world.clock.now() - seconds


def object_report(bucket, one):
    """What a test is told of it."""
    return {"bucket": bucket.name, "key": one.key, "size": one.size, "etag": one.etag,
            "acl": one.acl, "path": str(one.path), "attributes": one.attributes,
            "tags": one.tags}
