# SPDX-License-Identifier: Apache-2.0
"""Deregister: the image and all that belongs to it, nothing else, and also after a kill."""

import time

import pytest

from lab import processes
from lab.processes import wait_until
from lab.worker import INSTANCE_ID

ERROR = "org.quiesced1.Error."
OTHER = "ami-0fedcba9876543210"


def deregister(place, *images, **options):
    job = place.new_job()
    result, worker = place.run("deregister", job, ids=list(images), options=options)
    return result, worker.told("details"), job


def test_an_image_goes_with_its_snapshots_and_another_stays(place):
    image, snapshots = place.make_image("gone")
    other, others = place.make_image("stays", job="made-2")
    result, details, job = deregister(place, image)
    assert result["result"] == "done" and "consistency" not in result
    assert place.images() == {other} and place.snapshots() == set(others)
    (removed,) = details["removed"]
    assert (removed["id"], removed["name"]) == (image, "gone")
    assert sorted(removed["snapshots"]) == sorted(snapshots)
    assert details["left"] == [] and details["instances"] == []
    record = place.record(job)
    assert (record["state"], record["kind"]) == ("done", "deregister")
    assert record["details"] == details


def test_several_images_and_a_cloud_that_knows_nothing_of_deleting_snapshots(place):
    images = [place.make_image(f"image {i}", job=f"made-{i}")[0] for i in range(3)]
    place.cloud.fault("DeregisterImage", error="UnknownParameter", times=-1,
                      where={"DeleteAssociatedSnapshots": "true"})
    result, details, _ = deregister(place, *images, images[0])
    assert result["result"] == "done"
    assert place.images() == place.snapshots() == set()
    assert [len(one["snapshots"]) for one in details["removed"]] == [2, 2, 2]


@pytest.fixture
def plain(place):
    """A cloud that does not know how to delete snapshots with their image."""
    place.cloud.fault("DeregisterImage", error="UnknownParameter", times=-1,
                      where={"DeleteAssociatedSnapshots": "true"})
    return place


def finish(place, job):
    """What a later start makes of the job."""
    result, worker = place.run("resume", job)
    return result, worker.told("details")


@pytest.mark.parametrize("point, times", [
    ("removing", 1), ("deregistered", 1), ("snapshot-deleted", 1), ("snapshot-deleted", 2),
    ("removing", 2), ("deregistered", 2), ("snapshot-deleted", 3), ("snapshot-deleted", 4)])
def test_after_a_kill_at_any_step_it_is_finished(plain, point, times):
    images = [plain.make_image(f"image {i}", job=f"made-{i}")[0] for i in range(2)]
    other, others = plain.make_image("other", job="made-9")
    job = plain.new_job()
    plain.start_until(point, "deregister", job, times, ids=images).kill()
    assert plain.record(job)["state"] == "removing"
    result, details = finish(plain, job)
    assert result["result"] == "done"
    assert plain.images() == {other} and plain.snapshots() == set(others)
    assert [one["id"] for one in details["removed"]] == images
    assert details["left"] == []
    calls = len(plain.called("DeregisterImage"))
    assert finish(plain, job)[0]["result"] == "done", "what is done is done"
    assert len(plain.called("DeregisterImage")) == calls


def test_the_record_of_many_is_not_written_anew_for_each(place):
    """What becomes of one is appended, and is there for whoever finishes it after a kill."""
    images = [place.make_image(f"image {i}", job=f"made-{i}")[0] for i in range(3)]
    job = place.new_job()
    record = place.folder / "jobs" / f"{job}.json"
    worker = place.start_until("removing", "deregister", job, ids=images)
    whole = record.stat()
    worker.go_on()
    wait_until(lambda: len(place.images()) == 2 and processes.is_stopped(worker.pid), 20,
               "it stops at the second image")
    assert record.stat().st_ino == whole.st_ino
    worker.kill()
    assert "deregistered" not in record.read_text()
    assert "deregistered" in record.with_suffix(".journal").read_text()
    result, details = finish(place, job)
    assert result["result"] == "done" and place.images() == place.snapshots() == set()
    assert [one["id"] for one in details["removed"]] == images
    assert all(len(one["snapshots"]) == 2 for one in details["removed"])
    assert not record.with_suffix(".journal").exists()


def test_after_a_kill_while_ec2_deletes_them_itself(place):
    image, _ = place.make_image("gone")
    job = place.new_job()
    place.start_until("deregistered", "deregister", job, ids=[image]).kill()
    result, details = finish(place, job)
    assert result["result"] == "done" and place.images() == place.snapshots() == set()


@pytest.mark.parametrize("knows", [True, False], ids=["ec2", "plain"])
def test_a_snapshot_that_another_image_uses_stays_and_is_named(place, knows):
    if not knows:
        place.cloud.fault("DeregisterImage", error="UnknownParameter", times=-1,
                          where={"DeleteAssociatedSnapshots": "true"})
    image, (shared, alone) = place.make_image("gone")
    other = place.register("of the same snapshot", shared)
    result, details, _ = deregister(place, image)
    assert result["result"] == "done"
    assert place.images() == {other} and place.snapshots() == {shared}
    (removed,) = details["removed"]
    assert removed["snapshots"] == [alone]
    assert removed["skipped"] == [{"id": shared, "reason": f"image {other} uses it"}]


def test_two_images_of_one_snapshot_leave_nothing(plain):
    image, (shared, _) = plain.make_image("first")
    second = plain.register("second", shared)
    result, details, _ = deregister(plain, image, second, force=True)
    assert result["result"] == "done" and plain.images() == plain.snapshots() == set()


@pytest.mark.parametrize("knows", [True, False], ids=["ec2", "plain"])
def test_two_hosts_that_remove_two_images_of_one_snapshot_leave_nothing(place, tmp_path, knows):
    """Each sees the other's image for a while after it is gone."""
    place.write_config(Aws=["SettleSec=30s"])
    place.cloud.configure(linger_seconds=1.5)
    if not knows:
        place.cloud.fault("DeregisterImage", error="UnknownParameter", times=-1,
                          where={"DeleteAssociatedSnapshots": "true"})
    image, (shared, _) = place.make_image("first")
    second = place.register("second", shared)
    workers = [place.start_until("removing", "deregister", "job-a", ids=[image]),
               place.start_until("removing", "deregister", "job-b", ids=[second],
                                 options={"force": True}, state=tmp_path)]
    for worker in workers:
        worker.go_on()
    assert [worker.wait()["result"] for worker in workers] == ["done", "done"]
    assert place.images() == place.snapshots() == set()
    assert all(one["skipped"] == [] for worker in workers
               for one in worker.told("details")["removed"] if "skipped" in one)


def test_what_turns_out_to_be_unused_and_may_not_go_is_left_and_tried_again(place):
    image, (shared, _) = place.make_image("first")
    second = place.register("second", shared)
    place.cloud.configure(linger_seconds=1, deny=["DeleteSnapshot"])
    job = place.new_job()
    worker = place.start_until("deregistered", "deregister", job, ids=[image])
    place.ec2.deregister_image(ImageId=second)
    worker.go_on()
    result = worker.wait()
    assert result["error"] == ERROR + "LeftOver" and "ec2:DeleteSnapshot" in result["message"]
    place.cloud.configure(deny=[])
    assert finish(place, job)[0]["result"] == "done" and place.snapshots() == set()


def test_in_use_right_after_the_image_went_is_waited_for(plain):
    image, (first, _) = plain.make_image("gone")
    plain.cloud.fault("DeleteSnapshot", error="InvalidSnapshot.InUse", times=2,
                      where={"SnapshotId": first})
    result, _, _ = deregister(plain, image)
    assert result["result"] == "done" and plain.snapshots() == set()


def test_in_use_for_ever_is_left_and_named_and_tried_again(plain):
    image, (first, second) = plain.make_image("gone")
    plain.cloud.fault("DeleteSnapshot", error="InvalidSnapshot.InUse", times=-1,
                      where={"SnapshotId": first})
    result, details, job = deregister(plain, image)
    assert (result["result"], result["error"]) == ("failed", ERROR + "LeftOver")
    assert first in result["message"] and "InvalidSnapshot.InUse" in result["message"]
    assert details["removed"][0]["snapshots"] == [second]
    assert details["left"][0]["id"] == image and first in details["left"][0]["reason"]
    assert (plain.record(job)["state"], plain.record(job)["error"]) == ("removing", "LeftOver")
    plain.cloud.clear_faults()
    result, details = finish(plain, job)
    assert result["result"] == "done" and plain.snapshots() == set()
    assert details["left"] == [] and "error" not in plain.record(job)


def test_of_three_one_may_not_go(place):
    images = [place.make_image(f"image {i}", job=f"made-{i}") for i in range(3)]
    place.cloud.fault("DeregisterImage", error="UnauthorizedOperation", status=403, times=-1,
                      where={"ImageId": images[1][0]})
    result, details, job = deregister(place, *[image for image, _ in images])
    assert (result["result"], result["error"]) == ("failed", ERROR + "LeftOver")
    assert images[1][0] in result["message"] and "ec2:DeregisterImage" in result["message"]
    assert place.images() == {images[1][0]} and place.snapshots() == set(images[1][1])
    assert [one["id"] for one in details["removed"]] == [images[0][0], images[2][0]]
    assert [one["id"] for one in details["left"]] == [images[1][0]]
    place.cloud.clear_faults()
    assert finish(place, job)[0]["result"] == "done"
    assert place.images() == place.snapshots() == set()


def test_without_the_permission_to_delete_snapshots_they_are_named(place):
    image, snapshots = place.make_image("gone")
    place.cloud.configure(deny=["DeleteSnapshot"])
    result, details, job = deregister(place, image)
    assert result["error"] == ERROR + "LeftOver" and "ec2:DeleteSnapshot" in result["message"]
    assert place.images() == set() and place.snapshots() == set(snapshots)
    place.cloud.configure(deny=[])
    assert finish(place, job)[0]["result"] == "done" and place.snapshots() == set()


@pytest.mark.parametrize("action", ["DeregisterImage", "DeleteSnapshot"])
@pytest.mark.parametrize("fault", [{"answer": "lost"}, {"error": "RequestLimitExceeded",
                                                        "status": 503, "times": 3},
                                   {"error": "InternalError", "status": 500}],
                         ids=["lost", "throttled", "internal"])
def test_lost_answers_and_throttling_change_nothing(plain, action, fault):
    image, _ = plain.make_image("gone")
    plain.cloud.fault(action, **fault)
    result, details, _ = deregister(plain, image)
    assert result["result"] == "done" and plain.images() == plain.snapshots() == set()


def test_an_ec2_that_is_away_stops_it_and_it_goes_on_later(place):
    images = [place.make_image(f"image {i}", job=f"made-{i}")[0] for i in range(3)]
    place.cloud.fault("DeregisterImage", error="ServiceUnavailable", status=503, times=-1)
    result, details, job = deregister(place, *images)
    assert result["error"] == ERROR + "LeftOver" and len(details["left"]) == 3
    assert {call["params"]["ImageId"] for call in place.called("DeregisterImage")} == {images[0]}
    place.cloud.clear_faults()
    assert finish(place, job)[0]["result"] == "done" and place.images() == set()


# What is refused before anything is touched

def refused(place, error, words, *images, **options):
    images_before, snapshots = place.images(), place.snapshots()
    result, details, job = deregister(place, *images, **options)
    assert (result["result"], result["error"]) == ("failed", ERROR + error), result
    for word in words:
        assert word in result["message"]
    assert place.images() == images_before and place.snapshots() == snapshots
    assert not place.called("DeregisterImage") and not place.called("DeleteSnapshot")
    assert not (place.folder / "jobs" / f"{job}.json").exists()


def test_an_image_that_is_not_ours_needs_force(place):
    ours, _ = place.make_image("ours")
    image, _ = place.make_image("by hand", job=None)
    refused(place, "Protected", [image, "quiesced:job", "force"], ours, image)
    assert deregister(place, image, force=True)[0]["result"] == "done"
    assert place.images() == {ours}


def test_an_image_of_another_account_is_never_touched(place):
    ours, _ = place.make_image("ours")
    foreign = place.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    refused(place, "InvalidArgument", [foreign, "account"], ours, foreign, force=True)


def test_an_image_that_is_absent_is_named(place):
    ours, _ = place.make_image("ours")
    refused(place, "NoSuchImage", [OTHER, "eu-central-1"], ours, OTHER)


def test_a_protected_image_stays(place):
    image, _ = place.make_image("protected")
    place.ec2.enable_image_deregistration_protection(ImageId=image)
    refused(place, "Protected", [image, "enabled-without-cooldown"], image)
    refused(place, "Protected", [image], image, force=True, override=["locked"])
    assert deregister(place, image, override=["protected"])[0]["result"] == "done"
    assert place.images() == place.snapshots() == set()


def test_a_protection_with_a_cooldown_is_taken_off_and_the_image_goes_later(place):
    image, snapshots = place.make_image("protected")
    place.ec2.enable_image_deregistration_protection(ImageId=image, WithCooldown=True)
    place.cloud.configure(cooldown_seconds=3)
    result, details, job = deregister(place, image, override=["protected"])
    assert result["error"] == ERROR + "LeftOver" and "cooldown" in result["message"]
    assert place.images() == {image} and place.snapshots() == set(snapshots)
    time.sleep(3)
    assert finish(place, job)[0]["result"] == "done" and place.images() == set()
    assert len(place.called("DisableImageDeregistrationProtection")) == 1


def test_a_locked_snapshot_keeps_its_image(place):
    ours, _ = place.make_image("ours")
    image, (locked, _) = place.make_image("locked", job="made-2")
    place.ec2.lock_snapshot(SnapshotId=locked, LockMode="governance", LockDuration=1)
    refused(place, "Protected", [image, locked], ours, image, force=True, override=["protected"])
    assert deregister(place, image, override=["locked"])[0]["result"] == "done"
    assert place.images() == {ours} and len(place.snapshots()) == 2


def test_a_lock_that_came_while_many_go_keeps_its_image(place):
    images, _ = place.cloud.fill(images=[
        {"tags": {"quiesced:job": f"made-{i}"}, "snapshots": int(i in (20, 52))} for i in range(54)])
    place.cloud.fault("DeregisterImage", error="UnknownParameter", times=-1,
                      where={"ImageId": images[20], "DeleteAssociatedSnapshots": "true"})
    worker = place.start_until("snapshot-deleted", "deregister", place.new_job(), ids=images)
    (locked,) = place.image(images[52])["snapshots"]
    place.ec2.lock_snapshot(SnapshotId=locked, LockMode="governance", LockDuration=1)
    worker.go_on()
    assert worker.wait()["error"] == ERROR + "Protected"
    assert place.images() == {images[52]} and place.snapshots() == {locked}
    assert len(place.called("DescribeLockedSnapshots")) == 2


def test_a_lock_that_nobody_can_take_off_leaves_all_of_it(place):
    image, (locked, _) = place.make_image("locked")
    place.ec2.lock_snapshot(SnapshotId=locked, LockMode="compliance", LockDuration=1)
    result, details, job = deregister(place, image, override=["locked"])
    assert result["error"] == ERROR + "LeftOver" and place.images() == {image}
    assert len(place.snapshots()) == 2 and details["removed"] == []


def test_an_image_of_a_job_that_has_not_ended_is_that_jobs(place):
    image, _ = place.make_image("claimed")
    place.start_until("removing", "deregister", place.new_job(), ids=[image]).kill()
    result, details, _ = deregister(place, image)
    assert result["error"] == ERROR + "InUse" and image in result["message"]
    assert place.images() == {image}


@pytest.mark.parametrize("ids", [[], ["ami-1"], ["snap-0123456789abcdef0"], [5], ["ami-0123456*"],
                                 ["ami-0123456789abcdef0"] * 2501])
def test_bad_requests(place, ids):
    result, _ = place.run("deregister", place.new_job(), ids=ids)
    assert result["error"] == ERROR + "InvalidArgument" and place.cloud.calls("Describe*") == []


def test_images_of_more_snapshots_than_a_record_holds_are_refused(place):
    images, _ = place.cloud.fill(images=[
        {"tags": {"quiesced:job": f"made-{i}"}, "snapshots": 500} for i in range(41)])
    refused(place, "InvalidArgument", ["fewer of them at a time"], *images)


# What is none of ours to touch

def test_an_image_that_goes_meanwhile_is_success(plain):
    image, _ = plain.make_image("gone")
    job = plain.new_job()
    worker = plain.start_until("removing", "deregister", job, ids=[image])
    plain.ec2.deregister_image(ImageId=image)
    worker.go_on()
    assert worker.wait()["result"] == "done" and plain.snapshots() == set()


def test_instances_are_listed_and_untouched(place):
    image, _ = place.make_image("launched")
    instance = place.ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]
    result, details, _ = deregister(place, image)
    assert result["result"] == "done"
    assert details["instances"] == [{"id": instance["InstanceId"], "image": image}]
    state = place.ec2.describe_instances(InstanceIds=[instance["InstanceId"]])
    assert state["Reservations"][0]["Instances"][0]["State"]["Name"] == "running"
    assert len(place.cloud.volumes()) == 4
    place.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])


def test_without_the_permission_to_see_instances_it_works(place):
    image, _ = place.make_image("gone")
    place.cloud.configure(deny=["DescribeInstances"])
    result, details, _ = deregister(place, image)
    assert result["result"] == "done" and details["instances"] == []


def test_a_disabled_image_goes_too(place):
    image, _ = place.make_image("disabled")
    place.ec2.disable_image(ImageId=image)
    assert deregister(place, image)[0]["result"] == "done" and place.images() == set()


def test_a_cancel_ends_it_between_two_images(place):
    images = [place.make_image(f"image {i}", job=f"made-{i}")[0] for i in range(2)]
    job = place.new_job()
    worker = place.start_until("deregistered", "deregister", job, ids=images)
    worker.cancel()
    worker.go_on()
    result = worker.wait()
    assert (result["result"], place.images()) == ("cancelled", {images[1]})
    assert place.record(job)["state"] == "cancelled" and len(place.snapshots()) == 2


def test_what_is_half_gone_at_a_cancel_is_finished_and_nothing_else_is_begun(place):
    images = [place.make_image(f"image {i}", job=f"made-{i}")[0] for i in range(3)]
    place.cloud.fault("DeregisterImage", error="UnknownParameter", times=-1,
                      where={"DeleteAssociatedSnapshots": "true"})
    place.cloud.configure(deny=["DeleteSnapshot"])
    job = place.new_job()
    worker = place.start_until("deregistered", "deregister", job, times=2, ids=images)
    worker.cancel()
    worker.go_on()
    assert worker.wait()["result"] != "done" and place.images() == {images[2]}
    assert place.record(job)["state"] == "removing"
    place.cloud.configure(deny=[])
    assert finish(place, job)[0]["result"] == "done"
    assert place.images() == {images[2]} and len(place.snapshots()) == 2


def test_one_that_is_resumed_and_cancelled_has_ended(place):
    image, snapshots = place.make_image("kept")
    job = place.new_job()
    place.start_until("removing", "deregister", job, ids=[image]).kill()
    assert place.cancel_resumed(job)["result"] == "cancelled"
    record = place.record(job)
    assert (record["state"], record["error"]) == ("cancelled", "Cancelled")
    assert record["finished-usec"] > 0
    assert place.run("resume", job)[0]["result"] == "done", "there is nothing to go on with"
    assert place.images() == {image} and place.snapshots() == set(snapshots)


@pytest.mark.parametrize("point", ["deregistered", "snapshot-deleted"])
def test_one_that_is_resumed_half_done_and_cancelled_finishes_that_image_later(plain, point):
    images = [plain.make_image(f"image {i}", job=f"made-{i}")[0] for i in range(3)]
    job = plain.new_job()
    plain.start_until(point, "deregister", job, ids=images).kill()
    result = plain.cancel_resumed(job)
    assert result["result"] == "cancelled" and images[0] in result["message"]
    assert images[1] not in result["message"] and plain.record(job)["state"] == "removing"
    assert [one["id"] for one in plain.record(job)["removal"]["images"]] == images[:1]
    assert finish(plain, job)[0]["result"] == "done"
    assert plain.images() == set(images[1:]) and len(plain.snapshots()) == 4


def test_a_record_on_another_instance_is_none_of_its_business(place):
    image, _ = place.make_image("kept")
    job = place.new_job()
    place.start_until("removing", "deregister", job, ids=[image]).kill()
    record = place.folder / "jobs" / f"{job}.json"
    record.write_text(record.read_text().replace(INSTANCE_ID, "i-0fedcba9876543210"))
    assert finish(place, job)[0]["result"] == "failed"
    assert place.images() == {image} and place.record(job)["state"] == "failed"


def test_calls_for_one_image(place):
    """What the figures say of a pruned image: one call to read, one for instances, one to go."""
    image, _ = place.make_image("gone")
    place.cloud.clear_calls()
    deregister(place, image)
    assert [call["action"] for call in place.cloud.calls(service="ec2")] == [
        "DescribeLockedSnapshots", "DescribeImages", "DescribeInstances", "DeregisterImage"]
