# SPDX-License-Identifier: Apache-2.0
"""Bundles without an image and images without their bundle, and all that only looks like one."""

import time

import pytest

from lab.bundle import manifest, part_body, part_name, put_bundle, put_parts
from lab.worker import INSTANCE_ID
from worker.test_bundle import (AWAY, ERROR, HOME, client_delete, keys, kept, left_of,  # noqa: F401
                                module_place, register, tagged)

DAY = 86400
OTHER_INSTANCE = "i-0fedcba9876543210"
PLACE = "bundles/nightly/lost.manifest.xml"


@pytest.fixture(autouse=True)
def profile(place):
    write_profile(place, "Bucket=bundles", "Prefix=nightly/")


def write_profile(place, *lines, name="nightly"):
    folder = place.folder / "profiles"
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    (folder / f"{name}.conf").write_text("\n".join(["[Bundle]", *lines, ""]))


def orphans(place, **options):
    result, worker = place.run("orphans", options=options)
    assert result["result"] == "done", result
    return worker.told("answer")


def ids(answer):
    return {one["id"] for one in answer["orphans"]}


def delete(place, *wanted, **options):
    job = place.new_job()
    result, worker = place.run("delete-orphans", job, ids=list(wanted), options=options)
    return result, worker.told("details"), job


def made_by(job, instance=INSTANCE_ID):
    return {"quiesced:job": job, "quiesced:instance": instance}


def lost_bundle(place, name="lost", days=2, bucket="bundles", folder="nightly/", tags=None, **more):
    """A bundle that no image is registered from; its place."""
    location = put_bundle(place.cloud, bucket, folder, name,
                          tags=made_by("lost") if tags is None else tags, **more)
    for one in place.cloud.objects(bucket):
        place.cloud.age_object(bucket, one["key"], days * DAY)
    return location


def old_image(place, name="web", days=2, **more):
    location = put_bundle(place.cloud, "bundles", "nightly/", name)
    image = register(place, location, name, **more)
    place.cloud.age_image(image, days * DAY)
    return image, location


# Bundles

def test_a_bundle_that_no_image_is_registered_from(place):
    place.write_config(Orphans=["BundlePricePerGiBMonth=0.5"])
    location = lost_bundle(place, parts=3)
    size = sum(one["size"] for one in place.cloud.objects())
    place.cloud.put_object("bundles", "nightly/lost.notes", b"beside it")
    old_image(place)
    (found,) = orphans(place)["orphans"]
    assert (found["kind"], found["id"], found["of"]) == ("bundle", location, "lost")
    assert (found["own"], found["size-bytes"]) == (True, size)
    assert abs(found["created-usec"] / 1e6 - (time.time() - 2 * DAY)) < 60
    assert orphans(place)["bundle-price-per-gib-month"] == 0.5
    before = keys(place)
    result, details, job = delete(place, location)
    assert result["result"] == "done" and details["removed"] == [{"id": location}]
    assert keys(place) == {key for key in before if "lost" not in key} | {"nightly/lost.notes"}


def test_those_of_others_when_asked_for(place):
    ours = lost_bundle(place)
    by_hand = lost_bundle(place, "by-hand", tags={})
    theirs = lost_bundle(place, "theirs", tags=made_by("theirs", OTHER_INSTANCE))
    assert ids(orphans(place)) == {ours}
    assert ids(orphans(place, all=True)) == {ours, by_hand}, "its host may be on the way"
    theirs = lost_bundle(place, "theirs", tags=made_by("theirs", OTHER_INSTANCE), days=8)
    assert ids(orphans(place, all=True)) == {ours, theirs, by_hand}
    result, details, _ = delete(place, theirs)
    assert result["error"] == ERROR + "InvalidArgument" and len(keys(place)) == 12
    assert delete(place, theirs, by_hand, all=True)[0]["result"] == "done"
    assert all("lost" in key for key in keys(place))


@pytest.mark.parametrize("point", ["parts-deleted", "manifest-deleted"])
def test_after_a_kill_the_deletion_is_finished(place, point):
    places = [lost_bundle(place, name) for name in ("a", "b")]
    job = place.new_job()
    place.start_until(point, "delete-orphans", job, ids=places).kill()
    result, worker = place.run("resume", job)
    assert result["result"] == "done" and keys(place) == set()
    assert len(worker.told("details")["removed"]) == 2


def test_one_that_an_image_was_registered_from_meanwhile_stays(place):
    places = [lost_bundle(place, name) for name in ("a", "b")]
    job = place.new_job()
    worker = place.start_until("parts-deleted", "delete-orphans", job, ids=places)
    image = register(place, places[1], "taken")
    worker.go_on()
    result = worker.wait()
    assert result["error"] == ERROR + "InUse" and places[1] in result["message"]
    assert place.images() == {image} and len(keys(place)) == 4


def none(place, location):
    assert orphans(place, all=True)["orphans"] == []
    before = keys(place)
    result, _, _ = delete(place, location, all=True)
    assert (result["result"], result["error"]) == ("failed", ERROR + "InvalidArgument")
    assert keys(place) == before


def test_what_is_young(place):
    none(place, lost_bundle(place, days=0.9))


def test_what_lies_outside_of_the_prefix_or_in_no_profile(place):
    none(place, lost_bundle(place, folder="weekly/"))
    write_profile(place)
    none(place, lost_bundle(place))


def test_what_is_of_another_account_or_no_manifest(place):
    none(place, lost_bundle(place, text=manifest("lost", user="210987654321")))
    none(place, lost_bundle(place, text=b"<html/>"))


def test_what_a_disabled_image_is_registered_from(place):
    location = lost_bundle(place)
    place.cloud.set_image(register(place, location), {"State": "disabled"})
    none(place, location)


def test_a_bucket_in_another_region_or_of_another_account(place):
    location = lost_bundle(place)
    place.cloud.set_bucket("bundles", region=AWAY)
    none(place, location)
    place.cloud.set_bucket("bundles", region=HOME)
    write_profile(place, "Bucket=lent")
    none(place, lost_bundle(place, bucket="lent"))


def test_a_profile_or_a_bucket_that_is_none_spoils_nothing(place):
    location = lost_bundle(place)
    (place.folder / "profiles/a.conf").write_text("[Bundle]\nBuckets=x\n")
    (place.folder / "profiles/b.conf").write_text("[Bundle]\nBucket=no-such-bucket\n")
    assert ids(orphans(place)) == {location}


@pytest.mark.parametrize("line", ["Bucket=s3://x", "Bucket=My_Bucket", "Prefix=/images", "Bukket=x"])
def test_keys_that_are_wrong_are_named(place, line):
    write_profile(place, line)
    result, _ = place.run("plan-prune", profile="nightly")
    assert result["error"] == ERROR + "ConfigInvalid" and "nightly.conf:2" in result["message"]


# Parts that no manifest names

def half_bundle(place, name="half", days=2, bucket="bundles", tags=None, **more):
    """What an upload has left that was interrupted; the place that its manifest would have."""
    put_parts(place.cloud, bucket, "nightly/", name,
              tags=made_by("half") if tags is None else tags, **more)
    age(place, bucket, days)
    return f"{bucket}/nightly/{name}.manifest.xml"


def age(place, bucket, days):
    for one in place.cloud.objects(bucket):
        place.cloud.age_object(bucket, one["key"], days * DAY)


def test_parts_that_an_upload_has_left(place):
    location = half_bundle(place, parts=12)
    size = sum(one["size"] for one in place.cloud.objects())
    whole = lost_bundle(place, "half.of.it")
    old_image(place)
    (found,) = [one for one in orphans(place)["orphans"] if one["id"] != whole]
    assert (found["kind"], found["id"], found["of"]) == ("bundle", location, "half")
    assert (found["own"], found["size-bytes"]) == (True, size)
    result, details, _ = delete(place, location)
    assert result["result"] == "done" and details["removed"] == [{"id": location}]
    assert len(keys(place)) == 8 and not any("half.part" in key for key in keys(place))


def test_parts_of_others_that_may_still_be_on_their_way(place):
    none(place, half_bundle(place, "theirs", tags=made_by("theirs", OTHER_INSTANCE), days=6))
    location = half_bundle(place, "theirs", tags=made_by("theirs", OTHER_INSTANCE), days=8)
    assert ids(orphans(place)) == set() and ids(orphans(place, all=True)) == {location}
    assert delete(place, location, all=True)[0]["result"] == "done" and keys(place) == set()


def test_parts_that_are_nobodys_or_young(place):
    none(place, half_bundle(place, tags={}))
    location = half_bundle(place, "young")
    key = f"nightly/{part_name('young', 2)}"
    place.cloud.put_object("bundles", key, b"just now", tags=made_by("half"))
    none(place, location)


def test_parts_of_a_job_that_goes_on(place):
    job = place.new_job()
    worker = place.start_until("parts-deleted", "delete-orphans", job, ids=[lost_bundle(place)])
    half_bundle(place, tags=made_by(job))
    assert orphans(place)["orphans"] == []
    worker.kill()


def test_among_ours_one_without_our_tags_stays(place):
    location = half_bundle(place)
    key = f"nightly/{part_name('half', 1)}"
    place.cloud.put_object("bundles", key, part_body("half", 1))
    age(place, "bundles", 2)
    assert delete(place, location)[0]["result"] == "done" and keys(place) == {key}


# Old versions

def test_what_is_only_hidden_is_found_and_deleted_for_good(place, kept):  # noqa: F811
    write_profile(place, f"Bucket={kept}", "Prefix=nightly/")
    location, live = tagged(place, kept), tagged(place, kept, "live")
    register(place, live, "live")
    tagged(place, kept, "live")
    age(place, kept, 2)
    size = sum(one["size"] for one in place.cloud.objects(kept) if "/web." in one["key"])
    for key in keys(place, kept):
        if "/web." in key:
            client_delete(place, key, kept)
    (found,) = orphans(place)["orphans"]
    assert (found["id"], found["size-bytes"], found["of"]) == (location, size, "made-1")
    assert delete(place, location)[0]["result"] == "done"
    assert all("/live." in key for key in left_of(place, kept))
    assert len(place.cloud.object_versions(kept)) == 8


def test_a_bundle_in_a_bucket_that_keeps_versions_goes_for_good(place, kept):  # noqa: F811
    write_profile(place, f"Bucket={kept}")
    location = tagged(place, kept)
    age(place, kept, 2)
    assert ids(orphans(place)) == {location}
    assert delete(place, location)[0]["result"] == "done" and left_of(place, kept) == set()


def test_hidden_versions_of_others_are_none(place, kept):  # noqa: F811
    write_profile(place, f"Bucket={kept}")
    location = put_bundle(place.cloud, kept, "nightly/", "web")
    age(place, kept, 30)
    for key in keys(place, kept):
        client_delete(place, key, kept)
    assert orphans(place, all=True)["orphans"] == []
    assert delete(place, location, all=True)[0]["error"] == ERROR + "InvalidArgument"
    place.cloud.configure(deny=["ListBucketVersions"])
    assert orphans(place)["orphans"] == []


# Images

def test_an_image_whose_manifest_is_gone(place):
    gone, location = old_image(place, "gone")
    old_image(place, "stays", job="made-2")
    client_delete(place, "nightly/gone.manifest.xml")
    (found,) = orphans(place)["orphans"]
    assert (found["kind"], found["id"], found["of"]) == ("image", gone, location)
    result, details, _ = delete(place, gone)
    assert result["result"] == "done" and details["removed"][0]["id"] == gone
    assert gone not in place.images() and not any("gone" in key for key in keys(place))
    assert len(keys(place)) == 4


def test_an_image_whose_manifest_is_back_by_the_time_stays(place):
    """Somebody has restored it, in the days that the host was off."""
    image, location = old_image(place, "back")
    client_delete(place, "nightly/back.manifest.xml")
    job = place.new_job()
    place.start_until("removing", "delete-orphans", job, ids=[image]).kill()
    put_bundle(place.cloud, "bundles", "nightly/", "back")
    result, worker = place.run("resume", job)
    assert (result["result"], result["error"]) == ("failed", ERROR + "InUse")
    assert [one["reason"] for one in worker.told("details")["left"]] == ["its bundle is there again"]
    assert image in place.images() and "nightly/back.manifest.xml" in keys(place)
    assert len(keys(place)) == 4, "with its parts"


@pytest.mark.parametrize("knobs", [{"deny": ["ListBucket"]}, {"deny": ["GetObject"]}])
def test_what_nobody_tells_is_not_gone(place, knobs):
    gone, _ = old_image(place, "gone")
    client_delete(place, "nightly/gone.manifest.xml")
    place.cloud.configure(**knobs)
    assert orphans(place)["orphans"] == []
    assert delete(place, gone)[0]["error"] == ERROR + "InvalidArgument"
    assert place.images() == {gone}


def test_an_image_that_is_young_or_has_a_bucket_of_another(place):
    young, _ = old_image(place, "young", days=0.5)
    client_delete(place, "nightly/young.manifest.xml")
    other, _ = old_image(place, "other", job="made-2")
    place.cloud.set_image(other, {"ImageLocation": "lent/nightly/other.manifest.xml"})
    assert orphans(place, all=True)["orphans"] == []
    assert part_name("young", 0) in {key.rpartition("/")[2] for key in keys(place)}
