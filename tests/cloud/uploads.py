# SPDX-License-Identifier: Apache-2.0
"""Multipart uploads: begun, filled part by part in any order, and put together or given up."""

import hashlib
import secrets

from .actions import action
from .buckets import bucket_find
from .errors import ApiError
from .objects import acl_check, body_check, object_store

LEAST_PART_BYTES = 5 << 20
MOST_PARTS = 10000


class Upload:
    def __init__(self, params, begun):
        self.key = params["Key"]
        self.params = params
        self.begun = begun
        self.parts = {}                  # number -> (path, size, etag, modified)


def _find(world, params):
    """Under world.lock."""
    upload = bucket_find(world, params["Bucket"]).uploads.get(params["UploadId"])
    if upload is None or upload.key != params["Key"]:
        raise ApiError("NoSuchUpload", "The specified upload does not exist. The upload ID may be "
                       "invalid, or the upload may have been aborted or completed.", 404)
    return upload


def upload_forget(bucket, upload_id):
    for path, *_ in bucket.uploads.pop(upload_id).parts.values():
        path.unlink()


@action("s3", "CreateMultipartUpload")
def create_upload(world, params):
    acl_check(world, params)
    upload_id = secrets.token_urlsafe(48)
    with world.lock:
        bucket_find(world, params["Bucket"]).uploads[upload_id] = Upload(params, world.clock.now())
    return {"Bucket": params["Bucket"], "Key": params["Key"], "UploadId": upload_id}


@action("s3", "UploadPart")
def upload_part(world, params):
    body = params["Body"]
    body_check(params, body)
    if not 1 <= params["PartNumber"] <= MOST_PARTS:
        raise ApiError("InvalidArgument", "Part number must be an integer between 1 and 10000, "
                       "inclusive")
    etag = hashlib.md5(body).hexdigest()
    path = world.object_path()
    path.write_bytes(body)
    with world.lock:
        parts = _find(world, params).parts
        if params["PartNumber"] in parts:
            parts[params["PartNumber"]][0].unlink()
        parts[params["PartNumber"]] = path, len(body), etag, world.clock.now()
    return {"ETag": f'"{etag}"'}


@action("s3", "CompleteMultipartUpload")
def complete_upload(world, params):
    asked = params.get("MultipartUpload", {}).get("Parts", [])
    with world.lock:
        upload = _find(world, params)
        chosen = _chosen(upload, asked)
        body = b"".join(path.read_bytes() for path, *_ in chosen)
        digests = b"".join(bytes.fromhex(etag) for _, _, etag, _ in chosen)
        etag = f"{hashlib.md5(digests).hexdigest()}-{len(chosen)}"
        object_store(world, upload.params, body, etag)
        upload_forget(world.buckets[params["Bucket"]], params["UploadId"])
    return {"Bucket": params["Bucket"], "Key": params["Key"], "ETag": f'"{etag}"'}


def _chosen(upload, asked):
    numbers = [one.get("PartNumber") for one in asked]
    if not asked:
        raise ApiError("MalformedXML", "An upload needs a part at least")
    if numbers != sorted(set(numbers)):
        raise ApiError("InvalidPartOrder", "The list of parts was not in ascending order.")
    chosen = [upload.parts.get(number) for number in numbers]
    if any(part is None or part[2] != one.get("ETag", "").strip('"')
           for part, one in zip(chosen, asked)):
        raise ApiError("InvalidPart", "One or more of the specified parts could not be found.")
    if any(size < LEAST_PART_BYTES for _, size, *_ in chosen[:-1]):
        raise ApiError("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed "
                       "size")
    return chosen


@action("s3", "AbortMultipartUpload")
def abort_upload(world, params):
    with world.lock:
        _find(world, params)
        upload_forget(world.buckets[params["Bucket"]], params["UploadId"])
    return {}


@action("s3", "ListParts")
def list_parts(world, params):
    most = min(params.get("MaxParts", 1000), 1000, world.knobs["page_cap"])
    with world.lock:
        parts = sorted(_find(world, params).parts.items())
    parts = [one for one in parts if one[0] > params.get("PartNumberMarker", 0)]
    page = parts[:most]
    return {"Bucket": params["Bucket"], "Key": params["Key"], "UploadId": params["UploadId"],
            "MaxParts": most, "IsTruncated": len(parts) > most,
            "NextPartNumberMarker": page[-1][0] if page else 0,
            "Parts": [{"PartNumber": number, "Size": size, "ETag": f'"{etag}"',
                       "LastModified": modified} for number, (_, size, etag, modified) in page]}


@action("s3", "ListMultipartUploads")
def list_uploads(world, params):
    with world.lock:
        uploads = bucket_find(world, params["Bucket"]).uploads.items()
        found = [{"Key": one.key, "UploadId": upload_id, "Initiated": one.begun}
                 for upload_id, one in uploads if one.key.startswith(params.get("Prefix", ""))]
    return {"Bucket": params["Bucket"], "Prefix": params.get("Prefix"), "IsTruncated": False,
            "Uploads": sorted(found, key=lambda one: (one["Key"], one["Initiated"]))}
