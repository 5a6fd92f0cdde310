# SPDX-License-Identifier: Apache-2.0
"""Orphans of each kind, and everything that looks like one and is none."""

import json
import time

import pytest

from lab.worker import INSTANCE_ID, ROOT

ERROR = "org.quiesced1.Error."
OTHER_INSTANCE = "i-0fedcba9876543210"
GONE = "ami-0fedcba9876543210"
COPY_VOLUME = "vol-ffffffff"
DAY = 86400


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


def old(place, days=2):
    """All snapshots are that old."""
    for snapshot in place.cloud.snapshots():
        place.cloud.set_snapshot(snapshot["id"], start_time=time.time() - days * DAY)


@pytest.fixture
def left_behind(place):
    """The snapshots of an image that somebody deregistered by hand: two orphans of our own."""
    image, snapshots = place.make_image("gone")
    place.ec2.deregister_image(ImageId=image)
    old(place)
    return image, snapshots


def lone_snapshot(place, description="", volume=None, days=2, **tags):
    spec = [{"ResourceType": "snapshot", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}]
    snapshot = place.ec2.create_snapshot(VolumeId=ROOT, Description=description,
                                         **({"TagSpecifications": spec} if tags else {}))
    place.cloud.set_snapshot(snapshot["SnapshotId"], start_time=time.time() - days * DAY,
                             **({"volume": volume} if volume else {}))
    return snapshot["SnapshotId"]


def made_by(job, kind="image", instance=INSTANCE_ID):
    return {"quiesced:job": job, "quiesced:kind": kind, "quiesced:instance": instance}


# What is one

def test_snapshots_of_an_image_that_is_gone_and_what_they_cost(place, left_behind):
    image, snapshots = left_behind
    answer = orphans(place)
    assert ids(answer) == set(snapshots)
    assert answer["price-per-gib-month"] == 0.05
    root = next(one for one in answer["orphans"] if one["size-bytes"] == 8 << 30)
    assert (root["kind"], root["of"], root["own"]) == ("snapshot", image, True)
    assert root["monthly-cost"] == 0.4 and image in root["reason"]
    assert abs(root["created-usec"] / 1e6 - (time.time() - 2 * DAY)) < 60
    assert answer["total-bytes"] == 9 << 30
    assert answer["total-monthly-cost"] == 0.45


def test_another_price(place, left_behind):
    place.write_config(Orphans=["PricePerGiBMonth=0.123456"])
    answer = orphans(place)
    assert answer["price-per-gib-month"] == 0.123456
    assert answer["total-monthly-cost"] == 1.111104


def test_a_set_whose_image_never_came(place):
    lost = lone_snapshot(place, **made_by("lost"))
    (found,) = orphans(place)["orphans"]
    assert (found["id"], found["of"]) == (lost, "lost") and "lost" in found["reason"]


def test_those_of_others_are_found_when_asked_for(place):
    ours = lone_snapshot(place, **made_by("lost"))
    theirs = lone_snapshot(place, days=8, **made_by("theirs", instance=OTHER_INSTANCE))
    lone_snapshot(place, days=6, **made_by("may be resumed", instance=OTHER_INSTANCE))
    by_hand = lone_snapshot(place, f"Created by CreateImage({OTHER_INSTANCE}) for {GONE}")
    copied = lone_snapshot(place, f"Copied for DestinationAmi {GONE} from SourceAmi {GONE} for "
                           "SourceSnapshot snap-0123456789abcdef0. Task created on 1,612,345.",
                           volume=COPY_VOLUME)
    assert ids(orphans(place)) == {ours}
    answer = orphans(place, all=True)
    assert ids(answer) == {ours, theirs, by_hand, copied}
    assert {one["id"] for one in answer["orphans"] if one["own"]} == {ours}


def launch(place, image, age, **tags):
    spec = [{"ResourceType": "instance", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}]
    instance = place.ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1,
                                       TagSpecifications=spec)["Instances"][0]["InstanceId"]
    place.cloud.set_instance({}, instance=instance, launched=time.time() - age)
    return instance


def test_a_verification_that_was_left_over(place):
    image, _ = place.make_image("proved")
    verify = {"quiesced:verify": image, **made_by("verify-1")}
    left = launch(place, image, 3700, **verify)
    launch(place, image, 3500, **verify)
    launch(place, image, 3700, Name="of the user")
    others = {**verify, "quiesced:instance": OTHER_INSTANCE}
    launch(place, image, 3700, **others)  # may be under way still, for all that is known here
    theirs = launch(place, image, 8 * 3600, **others)
    (found,) = orphans(place)["orphans"]
    assert (found["kind"], found["id"], found["of"]) == ("instance", left, image)
    assert ids(orphans(place, all=True)) == {left, theirs}
    result, details, _ = delete(place, left)
    assert result["result"] == "done" and details["removed"] == [{"id": left}]
    state = place.ec2.describe_instances(InstanceIds=[left])["Reservations"][0]["Instances"][0]
    assert state["State"]["Name"] in ("shutting-down", "terminated")
    assert ids(orphans(place)) == set()


# What only looks like one

def none(place, **options):
    assert orphans(place, all=True)["orphans"] == []
    kept = place.snapshots()
    result, details, _ = delete(place, *kept, all=True)
    assert (result["result"], result["error"]) == ("failed", ERROR + "InvalidArgument")
    assert {one["id"] for one in details["left"]} == kept and details["removed"] == []
    assert place.snapshots() == kept


def test_what_an_image_uses(place):
    place.make_image("there")
    snapshot = lone_snapshot(place, f"Created by CreateImage({INSTANCE_ID}) for {GONE}",
                             **made_by("other"))
    place.register("of a snapshot that says otherwise", snapshot)
    old(place)
    none(place)


def test_what_a_disabled_image_uses(place):
    image, _ = place.make_image("disabled")
    place.ec2.disable_image(ImageId=image)
    old(place)
    none(place)


def test_an_image_that_is_another_accounts(place):
    foreign = place.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    lone_snapshot(place, f"Created by CreateImage({INSTANCE_ID}) for {foreign}")
    none(place)


def test_what_is_young(place):
    lone_snapshot(place, days=0.9, **made_by("lost"))
    none(place)
    place.write_config(Orphans=["MinAgeSec=1h"])
    assert len(orphans(place)["orphans"]) == 1


def test_what_is_under_way(place):
    pending = lone_snapshot(place, **made_by("slow"))
    lone_snapshot(place, **made_by("slow"))
    place.cloud.configure(snapshot_seconds=None)
    place.cloud.set_snapshot(pending, state="pending", progress=1)
    assert orphans(place, all=True)["orphans"] == [], "also what is complete of the same job"


def test_snapshot_sets_and_what_says_nothing(place):
    lone_snapshot(place, **made_by("set", kind="snapshots"))
    lone_snapshot(place, **{"quiesced:job": "of an older version"})
    lone_snapshot(place, "a backup of ami-0fedcba9876543210")
    lone_snapshot(place, f"[Copied snap-01234567 from us-east-1] Created by CreateImage("
                         f"{INSTANCE_ID}) for {GONE}", volume=COPY_VOLUME)
    lone_snapshot(place, f"Created by CreateImage({INSTANCE_ID}) for {GONE}", volume=COPY_VOLUME)
    lone_snapshot(place, f"Created by CreateImage({INSTANCE_ID}) for {GONE} - keep!")
    none(place)


def test_what_is_shared_or_locked(place):
    shared, locked = (lone_snapshot(place, **made_by("lost")) for _ in range(2))
    place.ec2.modify_snapshot_attribute(SnapshotId=shared, CreateVolumePermission={
        "Add": [{"UserId": "210987654321"}]})
    place.ec2.lock_snapshot(SnapshotId=locked, LockMode="governance", LockDuration=1)
    assert orphans(place)["orphans"] == []
    result, details, _ = delete(place, shared, locked)
    assert result["result"] == "failed" and place.snapshots() == {shared, locked}


def test_what_an_unfinished_job_here_names(place):
    mine, its = lone_snapshot(place, **made_by("lost")), lone_snapshot(place, **made_by("late"))
    image, _ = place.make_image("other", job="made-7")
    job = place.new_job()
    place.start_until("removing", "deregister", job, ids=[image]).kill()
    record = place.record(job)
    record["snapshots"] = [mine]
    for name, content in ((job, record), ("late", {**record, "id": "late", "snapshots": []})):
        (place.folder / "jobs" / f"{name}.json").write_text(json.dumps(content))
    none_of = orphans(place)["orphans"]
    assert none_of == []
    for name, content in ((job, record), ("late", {**record, "id": "late", "snapshots": []})):
        (place.folder / "jobs" / f"{name}.json").write_text(
            json.dumps({**content, "state": "failed"}))
    assert ids(orphans(place)) == {mine, its}


def test_a_record_that_nobody_can_read_is_named(place, left_behind):
    (place.folder / "jobs").mkdir()
    (place.folder / "jobs" / "torn.json").write_text("{")
    result, _ = place.run("orphans")
    assert result["error"] == ERROR + "Internal" and "torn" in result["message"]


# Deletion

def test_they_are_deleted_and_nothing_else(place, left_behind):
    _, snapshots = left_behind
    _, kept = place.make_image("stays", job="made-2")
    wanted = [*snapshots, kept[0]]
    result, details, job = delete(place, *wanted)
    assert result["error"] == ERROR + "InvalidArgument" and kept[0] in result["message"]
    assert {one["id"] for one in details["removed"]} == set(snapshots)
    assert [one["id"] for one in details["left"]] == [kept[0]]
    assert place.snapshots() == set(kept) and place.record(job)["state"] == "failed"


@pytest.mark.parametrize("times", [1, 2])
def test_after_a_kill_the_deletion_is_finished(place, left_behind, times):
    job = place.new_job()
    place.start_until("snapshot-deleted", "delete-orphans", job, times, ids=left_behind[1]).kill()
    result, worker = place.run("resume", job)
    assert result["result"] == "done" and place.snapshots() == set()
    assert len(worker.told("details")["removed"]) == 2


def test_one_that_is_shared_by_the_time_the_deletion_is_resumed_stays(place, left_behind):
    shared, free = left_behind[1]
    job = place.new_job()
    place.start_until("snapshot-deleted", "delete-orphans", job, ids=[free, shared]).kill()
    place.ec2.modify_snapshot_attribute(SnapshotId=shared, CreateVolumePermission={
        "Add": [{"UserId": "210987654321"}]})
    result, worker = place.run("resume", job)
    assert result["result"] == "failed" and place.snapshots() == {shared}
    assert worker.told("details")["left"] == [{"id": shared, "reason": "it is shared with others"}]
    assert place.record(job)["state"] == "failed"


def test_one_that_an_image_took_meanwhile_stays(place, left_behind):
    taken, free = left_behind[1]
    job = place.new_job()
    worker = place.start_until("snapshot-deleted", "delete-orphans", job, ids=[free, taken])
    image = place.register("of an orphan", taken)
    worker.go_on()
    result = worker.wait()
    assert result["error"] == ERROR + "InUse" and image in result["message"]
    assert place.snapshots() == {taken}


def test_what_may_not_be_deleted_is_left_and_tried_again(place, left_behind):
    place.cloud.configure(deny=["DeleteSnapshot"])
    result, details, job = delete(place, *left_behind[1])
    assert result["error"] == ERROR + "LeftOver" and "ec2:DeleteSnapshot" in result["message"]
    assert len(details["left"]) == 2
    place.cloud.configure(deny=[])
    assert place.run("resume", job)[0]["result"] == "done" and place.snapshots() == set()


@pytest.mark.parametrize("wanted", [[], ["ami-0123456789abcdef0"], ["snap-*"], [None]])
def test_bad_requests(place, wanted):
    assert delete(place, *wanted)[0]["error"] == ERROR + "InvalidArgument"
    assert place.cloud.calls("Describe*") == []


@pytest.mark.parametrize("line, word", [("MinAgeSec=5min", "MinAgeSec"),
                                        ("PricePerGiBMonth=1e3", "price"),
                                        ("PricePerGiBMonth=0.1234567", "price"),
                                        ("PricePerGiBMonth=-1", "price"), ("Price=1", "Price")])
def test_bad_settings(place, line, word):
    place.write_config(Orphans=[line])
    result, _ = place.run("orphans")
    assert result["error"] == ERROR + "ConfigInvalid" and word in result["message"]


def test_a_cloud_that_knows_neither_locks_nor_pages(place, left_behind):
    place.cloud.fault("DescribeLockedSnapshots", error="InvalidAction", times=-1)
    place.cloud.fault("DescribeImages", error="UnknownParameter", times=-1,
                      where={"IncludeDisabled": "true"})
    assert ids(orphans(place)) == set(left_behind[1])


def test_age_is_by_ec2s_clock_and_not_by_a_wrong_one_here(place):
    lone_snapshot(place, days=100.5, **made_by("young"))
    past = lone_snapshot(place, days=102, **made_by("past"))
    place.cloud.configure(clock_offset=-100 * DAY)
    assert ids(orphans(place)) == {past}
