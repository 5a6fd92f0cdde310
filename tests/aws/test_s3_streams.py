# SPDX-License-Identifier: Apache-2.0
"""Many objects at once, and large ones piece by piece: through everything that can break on the way."""

import pathlib

import pytest

from aws.test_s3 import OURS, cloud  # noqa: F401
from cloud.control import Cloud
from cloud.test_s3 import AWAY, HOME

MIB = 1 << 20
TAGS = {"quiesced:job": "job-1", "quiesced:instance": "i-0123456789abcdef0"}
BUCKETS = [{"name": "bundles", "acls": True}, {"name": "modern"}, {"name": "sealed", "kms": True},
           {"name": "far-away", "region": AWAY, "acls": True}]
FAULTS = [{"error": "SlowDown", "status": 503, "times": 3},
          {"error": "InternalError", "status": 500}, {"error": "RequestTimeout"},
          {"answer": "reset"}, {"answer": "lost"}]


@pytest.fixture(scope="module")
def running():
    with Cloud(regions=[AWAY], buckets=BUCKETS, knobs={"signed_payloads": True}) as cloud:
        yield cloud


def part(index, size=100_000, salt=""):
    return {"key": f"nightly/web.part.{index:02d}", "size": size, "salt": salt}


def body(part):
    line = f"{part['key']}:{part['salt']}\n".encode()
    return (line * (part["size"] // len(line) + 1))[:part["size"]]


def upload(probe, parts, bucket="bundles", **more):
    return probe("upload", bucket=bucket, parts=parts, tags=TAGS, owner=OURS, **more)


def stored(cloud, bucket="bundles"):
    return {one["key"]: pathlib.Path(one["path"]).read_bytes() for one in cloud.objects(bucket)}


def expected(parts):
    return {part["key"]: body(part) for part in parts}


# Up

def test_parts_go_up_with_what_is_said_of_them(cloud, probe):
    parts = [part(i, 1000 + i) for i in range(30)]
    done = upload(probe, parts, acl="aws-exec-read")
    assert done["outcome"] == "done", done
    assert (done["sent"], done["skipped"]) == (30, 0)
    assert done["sent-bytes"] == sum(one["size"] for one in parts)
    assert stored(cloud) == expected(parts)
    assert {one["acl"] for one in cloud.objects()} == {"aws-exec-read"}
    assert all(one["tags"] == TAGS for one in cloud.objects())
    calls = cloud.calls("PutObject")
    assert all("ContentMD5" in call["params"] for call in calls)
    assert len({call["connection"] for call in calls}) <= 4, "each connection is kept"


def test_several_are_under_way_and_no_more_are_held_than_that(cloud, probe):
    cloud.fault("PutObject", times=3, delay_before=1.0)
    parts = [part(i, 8 * MIB) for i in range(12)]
    before = peak_kb(probe)
    assert upload(probe, parts)["outcome"] == "done"
    calls = cloud.calls("PutObject")
    slow = [call for call in calls if call["fault"]]
    assert len({call["connection"] for call in slow}) == 3
    assert len(calls) == 12 and len({call["connection"] for call in calls}) == 4
    assert peak_kb(probe) - before < 64 * 1024, "96 MiB were sent"


def peak_kb(probe):
    status = pathlib.Path(f"/proc/{probe.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.get("error") or one["answer"])
def test_what_breaks_at_a_part_is_sent_again(cloud, probe, fault):
    cloud.fault("PutObject", skip=2, **fault)
    parts = [part(i) for i in range(6)]
    done = upload(probe, parts)
    assert done["outcome"] == "done", done
    assert stored(cloud) == expected(parts)
    assert len(cloud.calls("PutObject")) == 6 + fault.get("times", 1)


@pytest.mark.parametrize("ways", [["reset"], [None, "reset", "reset"], ["stall"]], ids=str)
def test_a_connection_that_breaks_under_a_body(cloud, probe, ways):
    cloud.configure(break_bodies=ways)
    parts = [part(i, 2 * MIB) for i in range(4)]
    done = upload(probe, parts, stall_usec=1_000_000)
    assert done["outcome"] == "done", done
    assert stored(cloud) == expected(parts)


@pytest.mark.parametrize("code", ["PermanentRedirect", "TemporaryRedirect"])
def test_parts_follow_their_bucket_to_its_region(cloud, probe, code):
    cloud.configure(wrong_region=code)
    parts = [part(i, 2 * MIB) for i in range(5)]
    done = upload(probe, parts, bucket="far-away", connections=2)
    assert done["outcome"] == "done", done
    assert stored(cloud, "far-away") == expected(parts)
    regions = [call["region"] for call in cloud.calls("PutObject")]
    assert regions.count(HOME) <= 2 and regions.count(AWAY) == 5


def test_the_first_failure_ends_it_and_names_the_remedy(cloud, probe):
    done = upload(probe, [part(i) for i in range(40)], bucket="modern", acl="aws-exec-read")
    assert done["outcome"] == "acls-off" and "Object Ownership" in done["words"]
    assert cloud.objects() == [] and len(cloud.calls("PutObject")) <= 8
    cloud.configure(deny=["PutObjectTagging"])
    done = upload(probe, [part(i) for i in range(40)])
    assert done["outcome"] == "denied" and "s3:PutObjectTagging" in done["message"]


def test_what_is_given_up_leaves_nothing_when_told(cloud, probe):
    cloud.put_object("bundles", "nightly/other.part.00", b"of somebody else")
    cloud.fault("PutObject", skip=5, error="AccessDenied", status=403, times=-1)
    done = upload(probe, [part(i) for i in range(12)], undo=True)
    assert (done["outcome"], done["undone"]) == ("denied", 1)
    assert list(stored(cloud)) == ["nightly/other.part.00"]


def test_a_cancel_breaks_off_what_is_under_way(cloud, probe):
    cloud.fault("PutObject", skip=2, times=-1, answer="never")
    probe("cancel", after_usec=1_000_000)
    done = upload(probe, [part(i) for i in range(12)], undo=True)
    assert (done["outcome"], done["undone"]) == ("cancelled", 1)
    assert done["seconds"] < 15, "no attempt was waited for"
    assert cloud.objects() == []


def test_keys_that_run_out_are_fetched_once_more(cloud, start):
    probe = start(cloud.env("role"))
    assert upload(probe, [part(i) for i in range(4)])["outcome"] == "done"
    cloud.expire_credentials()
    parts = [part(i) for i in range(4, 20)]
    assert upload(probe, parts)["outcome"] == "done"
    assert stored(cloud).items() >= expected(parts).items()


# Once more

def test_what_is_there_already_is_not_sent_again(cloud, probe):
    parts = [part(i) for i in range(10)]
    upload(probe, parts[:4])
    cloud.put_object("bundles", parts[4]["key"], body(part(4, salt="other")))
    cloud.put_object("bundles", parts[5]["key"], body(parts[5])[:-1])
    cloud.clear_calls()
    done = upload(probe, parts, resume="nightly/web.part.")
    assert (done["outcome"], done["skipped"], done["sent"]) == ("done", 4, 6)
    assert stored(cloud) == expected(parts)
    assert [len(cloud.calls(name)) for name in ("ListObjectsV2", "PutObject", "HeadObject")] == [
        1, 6, 5]


def test_where_a_key_of_kms_hides_the_digest_ours_is_asked_for(cloud, probe):
    parts = [part(i) for i in range(6)]
    upload(probe, parts[:3], bucket="sealed")
    cloud.put_object("sealed", parts[3]["key"], body(parts[3]))
    done = upload(probe, parts, bucket="sealed", resume="nightly/")
    assert (done["outcome"], done["skipped"], done["sent"]) == ("done", 3, 3)
    assert stored(cloud, "sealed") == expected(parts)


def test_a_listing_that_is_denied_ends_it_before_a_part_goes(cloud, probe):
    cloud.configure(deny=["ListBucket"])
    done = upload(probe, [part(0)], resume="nightly/")
    assert done["outcome"] == "denied" and "s3:ListBucket" in done["message"]
    assert cloud.calls("PutObject") == []


# Down

@pytest.fixture
def large(cloud):
    text = b"".join(b"%07d\n" % i for i in range(3 * MIB // 8))
    cloud.put_object("modern", "large", text)
    return text


@pytest.fixture
def save(probe, tmp_path):
    """Saves an object: (what came of it, the bytes)."""
    def save_object(key="large", **more):
        path = tmp_path / "copy"
        done = probe("stream-object", bucket="modern", key=key, file=str(path), **more)
        return done, path.read_bytes()
    return save_object


def test_an_object_comes_whole(cloud, save, large):
    done, copy = save(most=len(large))
    assert done["outcome"] == "done" and copy == large
    cloud.put_object("modern", "empty", b"")
    assert save("empty")[1] == b"" and save("empty")[0]["outcome"] == "done"
    assert save("absent")[0]["outcome"] == "not-found"


@pytest.mark.parametrize("fault", [
    {"answer": "cut", "times": 4}, {"answer": "cut"}, {"answer": "reset", "times": 2},
    {"answer": "lost"}, {"answer": "not-http"}, {"error": "SlowDown", "status": 503},
    {"error": "InternalError", "status": 500, "times": 2}], ids=str)
def test_a_connection_that_breaks_is_taken_up_where_it_broke(cloud, save, large, fault):
    cloud.fault("GetObject", **fault)
    done, copy = save()
    assert done["outcome"] == "done", done
    assert copy == large
    calls = cloud.calls("GetObject")
    assert len(calls) == fault.get("times", 1) + 1
    if fault.get("answer") == "cut":
        assert all("IfMatch" in call["params"] for call in calls[1:])
        assert calls[1]["params"]["Range"] == f"bytes={len(large) // 2}-"


def test_one_that_changes_meanwhile_is_refused(cloud, save, large):
    cloud.fault("GetObject", answer="cut")
    cloud.fault("GetObject", error="PreconditionFailed", status=412)
    done, copy = save()
    assert (done["outcome"], done["code"]) == ("refused", "PreconditionFailed")
    assert large.startswith(copy)


def test_one_that_is_too_large_is_not_read(cloud, save, large):
    done, copy = save(most=len(large) - 1)
    assert (done["outcome"], copy) == ("too-large", b"")
    assert len(cloud.calls("GetObject")) == 1
    cloud.fault("GetObject", answer="chunked")
    done, copy = save(most=len(large) - 1)
    assert done["outcome"] == "too-large" and len(copy) < len(large)


def test_a_disk_that_is_full_is_told(probe, large):
    done = probe("stream-object", bucket="modern", key="large", file="/dev/full")
    assert done["outcome"] == "No space left on device"


def test_many_are_asked_for_at_once(cloud, probe):
    keys = [f"nightly/web.part.{i:03d}" for i in range(50)]
    for i, key in enumerate(keys):
        if i != 7:
            cloud.put_object("modern", key, b"x" * i)
    done = probe("head-objects", bucket="modern", keys=keys)
    assert done["sizes"] == [None if i == 7 else i for i in range(50)]
    calls = cloud.calls("HeadObject")
    assert len(calls) == 50 and 1 < len({call["connection"] for call in calls}) <= 8
    cloud.fault("HeadObject", skip=10, error="AccessDenied", status=403, times=-1)
    assert probe("head-objects", bucket="modern", keys=keys)["outcome"] == "denied"


# A file

@pytest.fixture
def file(tmp_path):
    """9 MiB: two parts, of which the last is shorter."""
    path = tmp_path / "image"
    path.write_bytes(body({"key": "file", "salt": "", "size": 9 * MIB}))
    return path


def put(probe, file, **more):
    return probe("put-file", bucket="bundles", key="image", file=str(file), tags=TAGS,
                 **{"size": file.stat().st_size, **more})


def test_a_large_file_goes_up_in_parts(cloud, probe, file):
    assert put(probe, file, acl="aws-exec-read")["outcome"] == "done"
    (one,) = cloud.objects()
    assert pathlib.Path(one["path"]).read_bytes() == file.read_bytes()
    assert (one["acl"], one["tags"]) == ("aws-exec-read", TAGS) and one["etag"].endswith("-2")
    assert all("ContentMD5" in call["params"] for call in cloud.calls("UploadPart"))
    assert cloud.uploads() == []


def test_a_small_one_goes_by_one_request(cloud, probe, file):
    for size in (8 * MIB, 0):
        assert put(probe, file, size=size)["outcome"] == "done"
        assert cloud.objects()[0]["size"] == size
    assert [call["action"] for call in cloud.calls(service="s3")] == ["PutObject"] * 2


@pytest.mark.parametrize("action, fault", [
    ("CreateMultipartUpload", {"error": "SlowDown", "status": 503}),
    ("CreateMultipartUpload", {"answer": "reset"}),
    ("UploadPart", {"error": "SlowDown", "status": 503}), ("UploadPart", {"answer": "reset"}),
    ("CompleteMultipartUpload", {"error": "InternalError", "status": 200}),
    ("CompleteMultipartUpload", {"answer": "reset"})], ids=str)
def test_what_breaks_in_parts_is_tried_again(cloud, probe, file, action, fault):
    cloud.fault(action, **fault)
    done = put(probe, file)
    assert done["outcome"] == "done", done
    assert stored(cloud) == {"image": file.read_bytes()}
    assert cloud.uploads() == []


def test_a_begin_that_was_lost_before_it_was_one_is_made_again(cloud, probe, file):
    cloud.fault("CreateMultipartUpload", answer="lost", act=False)
    assert put(probe, file)["outcome"] == "done"
    assert len(cloud.calls("CreateMultipartUpload")) == 2 and cloud.uploads() == []


@pytest.mark.parametrize("action", ["UploadPart", "CompleteMultipartUpload"])
def test_what_fails_in_parts_leaves_nothing(cloud, probe, file, action):
    cloud.fault(action, error="AccessDenied", status=403, times=-1)
    assert put(probe, file)["outcome"] == "denied"
    assert cloud.objects() == [] and cloud.uploads() == []
    cloud.fault("AbortMultipartUpload", error="AccessDenied", status=403)
    done = put(probe, file)
    assert done["outcome"] == "denied" and "could not be aborted" in done["message"]


def test_a_cancel_and_a_file_that_shrinks_leave_nothing(cloud, probe, file):
    cloud.fault("UploadPart", times=1, answer="never")
    probe("cancel", after_usec=500_000)
    assert put(probe, file)["outcome"] == "cancelled"
    assert cloud.uploads() == []
    done = put(probe, file, size=17 * MIB)
    assert done["outcome"] == "No data available"
    assert cloud.objects() == [] and cloud.uploads() == []
    assert put(probe, file, size=1 << 40)["outcome"] == "too-large"
