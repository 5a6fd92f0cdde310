# SPDX-License-Identifier: Apache-2.0
"""What a bucket keeps of its objects: older versions, and markers where the last was deleted."""

import secrets

from .actions import action
from .buckets import bucket_find, page_encoded
from .errors import ApiError

UNVERSIONED = "null"


class Marker:
    is_marker = True

    def __init__(self, key, version, modified):
        self.key = key
        self.version = version
        self.modified = modified

    def forget(self):
        """It has no bytes."""


def version_make(bucket):
    """The id of what is put now."""
    return secrets.token_hex(16) if bucket.versioning == "Enabled" else UNVERSIONED


def version_push(bucket, made):
    """It is the latest from now on; under world.lock."""
    entries = bucket.entries.setdefault(made.key, [])
    for old in [one for one in entries if one.version == made.version]:       # "null", if any
        entries.remove(old)
        old.forget()
    entries.append(made)


def version_remove(bucket, key, version, now):
    """As DeleteObject does: (id, whether it is a marker's) of what was made or removed, or None."""
    entries = bucket.entries.get(key, [])
    if version is not None:
        gone = next((one for one in entries if one.version == version), None)
        if gone is None:
            return None
        entries.remove(gone)
        gone.forget()
        _tidy(bucket, key)
        return gone.version, gone.is_marker
    if bucket.versioning is None:
        for one in entries:
            one.forget()
        bucket.entries.pop(key, None)
        return None
    marker = Marker(key, version_make(bucket), now)
    version_push(bucket, marker)
    return marker.version, True


def _tidy(bucket, key):
    if not bucket.entries[key]:
        del bucket.entries[key]


def version_find(bucket, key, version):
    """An entry, or None; without an id the latest."""
    entries = bucket.entries.get(key, [])
    if version is None:
        return entries[-1] if entries else None
    return next((one for one in entries if one.version == version), None)


@action("s3", "ListObjectVersions")
def list_versions(world, params):
    prefix, most = params.get("Prefix", ""), min(params.get("MaxKeys", 1000), 1000,
                                                 world.knobs["page_cap"])
    with world.lock:
        entries = bucket_find(world, params["Bucket"]).entries
        listed = [(one, one is entries[key][-1]) for key in sorted(entries, key=str.encode)
                  if key.startswith(prefix) for one in reversed(entries[key])]
    begin = _begin(listed, params)
    page, more = listed[begin:begin + most], len(listed) > begin + most
    last = page[-1][0] if page and more else None
    return {"Name": params["Bucket"], "MaxKeys": most, "IsTruncated": more,
            "Prefix": page_encoded(params, prefix), "EncodingType": params.get("EncodingType"),
            "NextKeyMarker": page_encoded(params, last.key) if last else None,
            "NextVersionIdMarker": last.version if last else None,
            "Versions": [{**one.view(), **_view(params, one, latest)} for one, latest in page
                         if not one.is_marker],
            "DeleteMarkers": [_view(params, one, latest) for one, latest in page if one.is_marker]}


def _begin(listed, params):
    """Behind the markers of the page before."""
    key, version = params.get("KeyMarker", ""), params.get("VersionIdMarker")
    if version is not None and not key:
        raise ApiError("InvalidArgument", "A version-id marker cannot be specified without a key "
                       "marker.")
    for index, (one, _) in enumerate(listed):
        if one.key.encode() > key.encode():
            return index
        if one.key == key and one.version == version:
            return index + 1
    return len(listed)


def _view(params, one, latest):
    return {"Key": page_encoded(params, one.key), "VersionId": one.version, "IsLatest": latest,
            "LastModified": one.modified}


def versions_report(bucket):
    """What a test is told of all there is."""
    return [{"key": one.key, "version": one.version, "marker": one.is_marker}
            for entries in bucket.entries.values() for one in entries]
