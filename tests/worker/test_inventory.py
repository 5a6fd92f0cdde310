# SPDX-License-Identifier: Apache-2.0
"""What there is: our own by default, page by page, and however much it is."""

import time

import pytest

from lab.worker import INSTANCE_ID, ROOT, Workplace

OTHER_INSTANCE = "i-0fedcba9876543210"


def listed(place, verb, **options):
    result, worker = place.run(verb, options=options)
    assert result["result"] == "done", result
    return {one["id"]: one for one in worker.told("answer")[verb.removeprefix("list-")]}


def test_images_with_what_their_tags_say(place):
    image, snapshots = place.make_image("ours", **{"quiesced:consistency": "filesystem"})
    other, _ = place.make_image("weekly", job="made-2", profile="weekly")
    theirs, _ = place.make_image("theirs", job="made-3", instance=OTHER_INSTANCE)
    by_hand, _ = place.make_image("by hand", job=None)
    found = listed(place, "list-images")
    assert set(found) == {image, other}
    created = found[image].pop("created-usec")
    assert abs(created / 1e6 - time.time()) < 60
    assert found[image] == {
        "id": image, "name": "ours", "state": "available", "profile": "nightly",
        "instance": INSTANCE_ID, "job": "made-1", "consistency": "filesystem",
        "snapshots": snapshots, "size-gib": 9}
    assert set(listed(place, "list-images", profile="weekly")) == {other}
    everything = listed(place, "list-images", all=True)
    assert set(everything) == {image, other, theirs, by_hand}
    assert "job" not in everything[by_hand]


def test_a_disabled_image_is_listed(place):
    image, _ = place.make_image("disabled")
    place.ec2.disable_image(ImageId=image)
    assert listed(place, "list-images")[image]["state"] == "disabled"


def test_snapshots_with_the_image_that_uses_them(place):
    image, snapshots = place.make_image("ours")
    lone = place.ec2.create_snapshot(VolumeId=ROOT)["SnapshotId"]
    found = listed(place, "list-snapshots")
    assert set(found) == set(snapshots)
    root = next(one for one in found.values() if one["volume"] == ROOT)
    assert abs(root.pop("start-usec") / 1e6 - time.time()) < 60
    assert root == {"id": root["id"], "volume": ROOT, "state": "completed", "progress": 100,
                    "size-gib": 8, "job": "made-1", "kind": "image", "profile": "nightly",
                    "instance": INSTANCE_ID, "image": image}
    everything = listed(place, "list-snapshots", all=True)
    assert set(everything) == {*snapshots, lone} and "image" not in everything[lone]


def test_a_cloud_without_filters_shows_no_more(place):
    image, snapshots = place.make_image("ours")
    place.make_image("theirs", job="made-3", instance=OTHER_INSTANCE)
    place.cloud.configure(ignore_filters=True)
    assert set(listed(place, "list-images")) == {image}
    assert set(listed(place, "list-snapshots")) == set(snapshots)


@pytest.mark.parametrize("verb", ["list-images", "list-snapshots"])
def test_without_the_permission_it_fails_by_name(place, verb):
    place.cloud.configure(deny=["DescribeImages"])
    result, _ = place.run(verb)
    assert result["error"] == "org.quiesced1.Error.AccessDenied"


def test_many_come_in_pages(place):
    place.cloud.configure(page_cap=7)
    for number in range(20):
        place.make_image(f"image {number}", job=f"made-{number}")
    assert len(listed(place, "list-images")) == 20
    assert len(listed(place, "list-snapshots")) == 40


@pytest.fixture(scope="module")
def crowded():
    """12,000 images of five snapshots each, and the snapshots of 400 images that are gone."""
    with Workplace(knobs={"snapshot_seconds": 0, "image_seconds": 0}) as place:
        place.cloud.fill(images=[
            {"created": time.time() - 7 * 86400, "snapshots": 5, "gone": number >= 12000, "tags": {
                "quiesced:job": f"job-{number}", "quiesced:instance": INSTANCE_ID,
                "quiesced:kind": "image"}} for number in range(12400)])
        yield place


@pytest.mark.parametrize("verb, count, megabytes", [
    ("list-images", 12000, 60), ("list-snapshots", 62000, 200)])
def test_an_account_of_thousands_is_listed(crowded, verb, count, megabytes):
    result, worker = crowded.run(verb, options={"all": True})
    assert result["result"] == "done"
    assert len(worker.told("answer")[verb.removeprefix("list-")]) == count
    assert 1 << 20 < worker.most_bytes < megabytes << 20


def test_orphans_of_an_account_of_thousands(crowded):
    """Only what is an orphan is kept in memory, and a page at a time of all else."""
    result, worker = crowded.run("orphans", options={"all": True})
    assert result["result"] == "done"
    assert len(worker.told("answer")["orphans"]) == 2000
    assert 1 << 20 < worker.most_bytes < 40 << 20
