# SPDX-License-Identifier: Apache-2.0
"""Instance-store images go away with every part and the manifest, and nothing beside them does."""

import pytest

from lab.bundle import manifest, part_name, put_bundle
from lab.worker import INSTANCE_ID, Workplace

ERROR = "org.quiesced1.Error."
HOME, AWAY, OTHER = "eu-central-1", "us-east-1", "210987654321"
NEIGHBOURS = ["nightly/web.part.00.bak", "nightly/web.partition", "nightly/web2.part.00",
              "web.part.00", "nightly/notes.txt"]
KNOBS = {"snapshot_seconds": 0, "image_seconds": 0, "signed_payloads": True}


@pytest.fixture(scope="module")
def module_place():
    with Workplace(regions=[AWAY], knobs=KNOBS, buckets=[
            {"name": "bundles", "acls": True}, {"name": "dotted.bundles", "acls": True},
            {"name": "lent", "owner": OTHER, "shared": True, "acls": True}]) as place:
        yield place


def register(place, location, name="web", job="made-1", profile="nightly"):
    labels = {"quiesced:job": job, "quiesced:instance": INSTANCE_ID, "quiesced:kind": "image",
              "quiesced:profile": profile, "quiesced:consistency": "filesystem"}
    spec = [{"ResourceType": "image", "Tags": [{"Key": k, "Value": v} for k, v in labels.items()]}]
    return place.ec2.register_image(Name=name, ImageLocation=location, VirtualizationType="hvm",
                                    TagSpecifications=spec)["ImageId"]


def bundled(place, name="web", bucket="bundles", parts=3, **more):
    """An image and the location of its bundle."""
    location = put_bundle(place.cloud, bucket, "nightly/", name, parts)
    return register(place, location, name, **more), location


def keys(place, bucket=None):
    return {one["key"] for one in place.cloud.objects(bucket)}


def deregister(place, *images, **options):
    job = place.new_job()
    result, worker = place.run("deregister", job, ids=list(images), options=options)
    return result, worker.told("details"), job


def finish(place, job):
    result, worker = place.run("resume", job)
    return result, worker.told("details")


@pytest.fixture
def neighbours(place):
    for key in NEIGHBOURS:
        place.cloud.put_object("bundles", key, b"of somebody else")
    return set(NEIGHBOURS)


# It goes

@pytest.mark.parametrize("bucket", ["bundles", "dotted.bundles"])
def test_an_image_goes_with_its_parts_and_its_manifest_last(place, neighbours, bucket):
    image, location = bundled(place, bucket=bucket, parts=12)
    place.cloud.clear_calls()
    result, details, job = deregister(place, image)
    assert result["result"] == "done", result
    assert place.images() == set() and keys(place) == neighbours
    (removed,) = details["removed"]
    assert (removed["id"], removed["bundle"]) == (image, location) and details["left"] == []
    calls = [call for call in place.cloud.calls(service="s3")]
    assert [call["action"] for call in calls] == [
        "GetObject", "GetObject", "DeleteObjects", "DeleteObject", "GetBucketVersioning"]
    assert {call["params"]["ExpectedBucketOwner"] for call in calls} == {"123456789012"}
    assert place.record(job)["state"] == "done"
    order = [call["action"] for call in place.cloud.calls()]
    assert order.index("DeregisterImage") < order.index("DeleteObjects")


def test_a_bundle_of_a_thousand_parts(place):
    image, _ = bundled(place, parts=1003)
    assert deregister(place, image)[0]["result"] == "done" and keys(place) == set()
    assert [len(call["params"]["Delete"]["Objects"]) for call in place.called("DeleteObjects")] == [
        1000, 3]


@pytest.mark.parametrize("point, times", [
    ("removing", 1), ("deregistered", 1), ("parts-deleted", 1), ("manifest-deleted", 1),
    ("removing", 2), ("deregistered", 2), ("parts-deleted", 2), ("manifest-deleted", 2)])
def test_after_a_kill_at_any_step_it_is_finished(place, neighbours, point, times):
    images = [bundled(place, f"web-{i}", job=f"made-{i}")[0] for i in range(2)]
    other, location = bundled(place, "other", job="made-9")
    kept = {key for key in keys(place) if "other" in key} | neighbours
    job = place.new_job()
    place.start_until(point, "deregister", job, times, ids=images).kill()
    assert place.record(job)["state"] == "removing"
    result, details = finish(place, job)
    assert result["result"] == "done", result
    assert place.images() == {other} and keys(place) == kept
    assert [one["id"] for one in details["removed"]] == images
    assert all("bundle" in one for one in details["removed"])


@pytest.mark.parametrize("fault", [
    {"error": "SlowDown", "status": 503, "times": 2}, {"error": "InternalError", "status": 500},
    {"answer": "reset"}, {"answer": "lost"}, {"answer": "empty"}],
    ids=lambda fault: fault.get("error") or fault["answer"])
@pytest.mark.parametrize("action", ["DeleteObjects", "DeleteObject"])
def test_what_passes_by_itself_is_tried_again(place, action, fault):
    image, _ = bundled(place)
    place.cloud.fault(action, **fault)
    assert deregister(place, image)[0]["result"] == "done" and keys(place) == set()


def test_an_s3_that_is_away_stops_it_before_anything_is_touched(place):
    image, _ = bundled(place)
    place.cloud.fault("GetObject", error="ServiceUnavailable", status=503, times=-1)
    result, _, job = deregister(place, image)
    assert (result["result"], result["error"]) == ("failed", ERROR + "ApiError")
    assert place.images() == {image} and len(keys(place)) == 4


def test_an_s3_that_goes_away_is_waited_for(place):
    images = [bundled(place, f"web-{i}", job=f"made-{i}")[0] for i in range(2)]
    place.cloud.fault("DeleteObjects", error="ServiceUnavailable", status=503, times=-1)
    result, details, job = deregister(place, *images)
    assert result["error"] == ERROR + "LeftOver" and "bundles/nightly/web-0" in result["message"]
    assert place.images() == {images[1]} and len(details["left"]) == 2
    place.cloud.clear_faults()
    assert finish(place, job)[0]["result"] == "done"
    assert keys(place) == set() and place.images() == set()


def test_a_bucket_is_followed_to_its_region(place):
    image, _ = bundled(place)
    place.cloud.set_bucket("bundles", region=AWAY)
    assert deregister(place, image)[0]["result"] == "done" and keys(place) == set()
    place.cloud.set_bucket("bundles", region=HOME)


def test_a_manifest_that_is_gone_leaves_its_parts_to_be_found(place, neighbours):
    image, location = bundled(place, parts=3)
    client_delete(place, "nightly/web.manifest.xml")
    result, details, _ = deregister(place, image)
    assert result["result"] == "done" and place.images() == set()
    assert keys(place) == neighbours


def test_without_any_bundle_the_image_goes_alone(place):
    image, _ = bundled(place)
    for index in range(3):
        client_delete(place, f"nightly/{part_name('web', index)}")
    client_delete(place, "nightly/web.manifest.xml")
    assert deregister(place, image)[0]["result"] == "done" and place.images() == set()


def client_delete(place, key, bucket="bundles"):
    place.cloud.awscli("delete-object", "--bucket", bucket, "--key", key, service="s3api")


# It stays

def test_another_image_of_the_same_manifest_keeps_the_bundle(place):
    image, location = bundled(place)
    other = register(place, location, "again", job="made-2")
    result, details, _ = deregister(place, image)
    assert result["result"] == "done" and place.images() == {other} and len(keys(place)) == 4
    (removed,) = details["removed"]
    assert "bundle" not in removed and removed["skipped"][0]["id"] == location
    assert other in removed["skipped"][0]["reason"]
    assert deregister(place, other)[0]["result"] == "done" and keys(place) == set()


def test_two_images_of_one_manifest_go_together(place):
    image, location = bundled(place)
    other = register(place, location, "again", job="made-2")
    result, details, _ = deregister(place, image, other)
    assert result["result"] == "done" and place.images() == set() and keys(place) == set()
    assert "bundle" in details["removed"][1]


def test_a_bucket_of_another_account_is_never_touched(place):
    image, _ = bundled(place, bucket="lent")
    result, _, _ = deregister(place, image, force=True)
    assert (result["result"], result["error"]) == ("failed", ERROR + "AccessDenied")
    assert "lent" in result["message"] and "123456789012" in result["message"]
    assert place.images() == {image} and len(keys(place, "lent")) == 4


@pytest.mark.parametrize("denied, words", [("GetObject", "s3:GetObject"),
                                           ("DeleteObject", "s3:DeleteObject")])
def test_a_permission_that_is_missing_is_named(place, denied, words):
    image, _ = bundled(place)
    place.cloud.configure(deny=[denied])
    result, _, job = deregister(place, image)
    assert result["result"] == "failed" and words in result["message"]
    place.cloud.configure(deny=[])
    if result["error"] == ERROR + "LeftOver":
        assert finish(place, job)[0]["result"] == "done" and keys(place) == set()
    else:
        assert place.images() == {image}


def test_a_part_that_s3_keeps_is_named_and_the_manifest_stays(place):
    image, _ = bundled(place)
    locked = f"nightly/{part_name('web', 1)}"
    place.cloud.configure(locked_objects=[locked])
    result, details, job = deregister(place, image)
    assert result["error"] == ERROR + "LeftOver" and locked in result["message"]
    assert keys(place) == {locked, "nightly/web.manifest.xml"}
    place.cloud.configure(locked_objects=[])
    assert finish(place, job)[0]["result"] == "done" and keys(place) == set()


@pytest.mark.parametrize("text, word", [
    (manifest("web", **{"web.part.01": "../etc/passwd"}), "path"),
    (manifest("web", **{"web.part.01": "notes.txt"}), "no part of it"),
    (manifest("web", **{"web.part.01": "web.part.00"}), "twice"),
    (manifest("web", **{"index='1'": "index='7'"}), "lacks a part"),
    (manifest("web")[:700], "cut off"), (b"<html/>", "another element"), (b"", "cut off"),
    (b"<?xml version='1.0'?><manifest>" + b" " * (5 << 20), "4 MiB")], ids=range(8))
def test_a_manifest_that_is_none_keeps_everything(place, neighbours, text, word):
    image, _ = bundled(place)
    place.cloud.put_object("bundles", "nightly/web.manifest.xml", text)
    before = keys(place)
    result, _, _ = deregister(place, image)
    assert (result["result"], result["error"]) == ("failed", ERROR + "NotSupported")
    assert word in result["message"] and "bundles/nightly/web.manifest.xml" in result["message"]
    assert place.images() == {image} and keys(place) == before


@pytest.mark.parametrize("location", ["", "bundles", "Bad_Bucket/web.manifest.xml", "bundles/a/"])
def test_a_place_that_is_none(place, location):
    image, _ = bundled(place)
    place.cloud.set_image(image, {"ImageLocation": location})
    result, _, _ = deregister(place, image)
    assert result["error"] == ERROR + "NotSupported" and "no place in S3" in result["message"]


# A bucket that keeps old versions

@pytest.fixture
def kept(place):
    place.cloud.add_bucket(name="kept", acls=True, versioning="Enabled")
    return "kept"


def left_of(place, bucket):
    return {one["key"] for one in place.cloud.object_versions(bucket)}


def tagged(place, bucket, name="web", **more):
    tags = {"quiesced:job": "made-1", "quiesced:instance": INSTANCE_ID}
    return put_bundle(place.cloud, bucket, "nightly/", name, tags=tags, part_tags=tags, **more)


def test_old_versions_and_markers_go_too(place, kept):
    location = tagged(place, kept)
    tagged(place, kept)
    place.cloud.put_object(kept, "nightly/web.notes", b"of somebody else")
    place.cloud.put_object(kept, "nightly/web.part.000.bak", b"likewise")
    client_delete(place, f"nightly/{part_name('web', 0)}", kept)
    place.cloud.put_object(kept, f"nightly/{part_name('web', 0)}", b"anew", tags={"quiesced:job": "x"})
    assert len(place.cloud.object_versions(kept)) == 12
    assert deregister(place, register(place, location))[0]["result"] == "done"
    assert left_of(place, kept) == {"nightly/web.notes", "nightly/web.part.000.bak"}


def test_versions_of_others_stay_and_the_markers_over_them(place, kept):
    place.cloud.put_object(kept, f"nightly/{part_name('web', 1)}", b"of somebody else")
    location = tagged(place, kept)
    assert deregister(place, register(place, location))[0]["result"] == "done"
    assert [(one["key"], one["marker"]) for one in place.cloud.object_versions(kept)] == [
        (f"nightly/{part_name('web', 1)}", False), (f"nightly/{part_name('web', 1)}", True)]
    assert keys(place, kept) == set()


@pytest.mark.parametrize("point", ["parts-deleted", "manifest-deleted", "versions-deleted"])
def test_after_a_kill_versions_are_deleted_too(place, kept, point):
    job = place.new_job()
    image = register(place, tagged(place, kept))
    place.start_until(point, "deregister", job, ids=[image]).kill()
    assert finish(place, job)[0]["result"] == "done" and left_of(place, kept) == set()


@pytest.mark.parametrize("denied", ["ListBucketVersions", "DeleteObjectVersion",
                                    "GetObjectVersionTagging"])
def test_a_permission_for_versions_that_is_missing_is_named(place, kept, denied):
    image = register(place, tagged(place, kept))
    place.cloud.configure(deny=[denied])
    result, _, job = deregister(place, image)
    assert result["error"] == ERROR + "LeftOver" and f"s3:{denied}" in result["message"]
    place.cloud.configure(deny=[])
    assert finish(place, job)[0]["result"] == "done" and left_of(place, kept) == set()


def test_where_nobody_tells_of_versions_they_are_left(place, kept):
    image = register(place, tagged(place, kept))
    place.cloud.configure(deny=["GetBucketVersioning"])
    assert deregister(place, image)[0]["result"] == "done"
    assert keys(place, kept) == set() and len(place.cloud.object_versions(kept)) == 8


# Retention

def test_retention_is_the_same_for_bundles(place):
    profiles = place.folder / "profiles"
    profiles.mkdir(exist_ok=True)
    (profiles / "nightly.conf").write_text("[Retain]\nKeepLast=1\nKeepAtLeast=1\nMinAge=0\n")
    old, _ = bundled(place, "old", job="made-1")
    new, _ = bundled(place, "new", job="made-2")
    result, worker = place.run("plan-prune", profile="nightly")
    assert result["result"] == "done", result
    planned = {one["id"]: (one["kind"], one["decision"])
               for one in worker.told("answer")["objects"]}
    assert planned == {old: ("bundle", "delete"), new: ("bundle", "keep")}
    assert not any("size-gib" in one for one in worker.told("answer")["objects"]), "nobody knows it"
    result, _ = place.run("prune", place.new_job(), profile="nightly")
    assert result["result"] == "done", result
    assert place.images() == {new} and all("new" in key for key in keys(place))
