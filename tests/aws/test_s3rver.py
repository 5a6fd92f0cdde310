# SPDX-License-Identifier: Apache-2.0
"""
Our client before somebody else's S3 server. What s3rver has no idea of is tested with the simulated
cloud alone: access control lists, tags, owners and the signature of a header it takes without a word;
versions it refuses; keys are names of its files, so that some it cannot reach, or confuses with others.
"""

import pytest

from aws.test_s3_streams import MIB, TAGS, body, part
from cloud.test_s3 import AWKWARD
from lab.s3rver import S3rver

BUCKET = "bundles"
UNREACHABLE = ["a/b//c", "/leading"]
UNLISTED = ["tab\tand\x01"]
CONFUSED = ["../up", "./here"]
KEYS = [key for key in AWKWARD if key not in UNREACHABLE + UNLISTED + CONFUSED]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = S3rver(tmp_path_factory.mktemp("s3rver"), BUCKET)
    yield server
    server.stop()


@pytest.fixture
def probe(server, start):
    """With an empty bucket."""
    probe = start(server.env())
    yield probe
    keys = [one["key"] for one in probe("list-objects", bucket=BUCKET)["objects"]]
    assert probe("delete-objects", bucket=BUCKET, keys=keys)["outcome"] == "done"
    assert probe("list-objects", bucket=BUCKET)["objects"] == []


def saved(probe, key, path):
    done = probe("stream-object", bucket=BUCKET, key=key, file=str(path))
    assert done["outcome"] == "done", done
    return path.read_bytes()


def test_objects_with_every_key_that_it_takes(probe):
    for key in KEYS:
        done = probe("put-object", bucket=BUCKET, key=key, body=f"content of {key}")
        assert done["outcome"] == "done", (key, done)
        assert probe("get-object", bucket=BUCKET, key=key)["body"] == f"content of {key}"
        assert probe("head-object", bucket=BUCKET, key=key)["size"] == len(f"content of {key}".encode())
    listed = [one["key"] for one in probe("list-objects", bucket=BUCKET)["objects"]]
    assert sorted(listed) == sorted(KEYS)
    assert probe("delete-objects", bucket=BUCKET, keys=[*KEYS, "absent"])["outcome"] == "done"
    assert probe("get-object", bucket=BUCKET, key=KEYS[0])["outcome"] == "not-found"


def test_what_it_cannot_do_is_an_error_and_no_silence(probe):
    for key in UNREACHABLE:         # CONFUSED ones are not tried: they are files outside of its bucket
        assert probe("put-object", bucket=BUCKET, key=key, body="x")["outcome"] == "not-found"
    assert probe("list-versions", bucket=BUCKET)["code"] == "MethodNotAllowed"
    done = probe("check-bucket", bucket=BUCKET, owner="123456789012")
    assert (done["outcome"], done["acls"], done["versions"], done["locked"]) == (
        "done", "unknown", "unknown", "unknown")
    key = UNLISTED[0]
    assert probe("put-object", bucket=BUCKET, key=key, body="x")["outcome"] == "done"
    assert probe("get-object", bucket=BUCKET, key=key)["body"] == "x"
    assert probe("delete-objects", bucket=BUCKET, keys=[key])["outcome"] == "done"


def test_a_bundle_goes_up_and_the_rest_of_it_later(probe, tmp_path):
    parts = [part(i, 300_000 + i) for i in range(20)]
    done = probe("upload", bucket=BUCKET, parts=parts[:12], tags=TAGS, acl="aws-exec-read")
    assert (done["outcome"], done["sent"]) == ("done", 12)
    done = probe("upload", bucket=BUCKET, parts=parts, tags=TAGS, acl="aws-exec-read",
                 resume="nightly/web.part.")
    assert (done["outcome"], done["sent"], done["skipped"]) == ("done", 8, 12)
    for one in (parts[0], parts[19]):
        assert saved(probe, one["key"], tmp_path / "copy") == body(one)
    done = probe("head-objects", bucket=BUCKET, keys=[*(one["key"] for one in parts), "absent"])
    assert done["sizes"] == [*(one["size"] for one in parts), None]


def test_a_listing_of_many_pages(probe):
    parts = [{"key": f"many-{i:04d}", "size": 0} for i in range(1003)]
    assert probe("upload", bucket=BUCKET, parts=parts, connections=8)["outcome"] == "done"
    listed = probe("list-objects", bucket=BUCKET, prefix="many-")["objects"]
    assert [one["key"] for one in listed] == [one["key"] for one in parts]


def test_a_file_in_parts(probe, tmp_path):
    bytes_ = body({"key": "file", "salt": "", "size": 17 * MIB})
    (tmp_path / "image").write_bytes(bytes_)
    done = probe("put-file", bucket=BUCKET, key="image", file=str(tmp_path / "image"),
                 size=len(bytes_))
    assert done["outcome"] == "done", done
    assert saved(probe, "image", tmp_path / "copy") == bytes_


def test_what_is_absent_and_a_key_that_is_unknown(server, start, probe):
    assert probe("get-object", bucket="nowhere", key="k")["outcome"] == "no-bucket"
    assert probe("check-bucket", bucket="nowhere")["outcome"] == "no-bucket"
    assert probe("head-object", bucket=BUCKET, key="k")["outcome"] == "not-found"
    other = start({**server.env(), "AWS_ACCESS_KEY_ID": "another"})
    done = other("put-object", bucket=BUCKET, key="k", body="x")
    assert (done["outcome"], done["code"]) == ("refused", "InvalidAccessKeyId")
