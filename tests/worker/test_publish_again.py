# SPDX-License-Identifier: Apache-2.0
"""An image that was made earlier is published: by which profile, and what is refused."""

import fcntl
import json
import threading
import time

import pytest

from cloud.account import service_client
from lab.processes import wait_until
from lab.worker import INSTANCE_ID, Workplace

ERROR = "org.quiesced1.Error."
HOME, AWAY = "eu-central-1", "us-east-1"


@pytest.fixture(scope="module")
def module_place():
    with Workplace(regions=[AWAY]) as place:
        (place.folder / "profiles").mkdir()
        yield place


@pytest.fixture
def place(module_place):
    yield module_place
    ssm = service_client(module_place.cloud, "ssm")
    for one in module_place.cloud.parameters():
        ssm.delete_parameter(Name=one["name"])
    module_place.recover()


def write_profile(place, *publish, name="nightly"):
    (place.folder / f"profiles/{name}.conf").write_text("\n".join(
        ["[Bake]", "Type=image", "[Retain]", "KeepLast=1", "[Publish]", *publish, ""]))


def make(place, days=1, **tags):
    labels = {"quiesced:job": f"made-{days}", "quiesced:kind": "image", "quiesced:profile": "nightly",
              "quiesced:instance": INSTANCE_ID, "quiesced:consistency": "application",
              "quiesced:frozen-usec": "1234", **tags}
    (image,), _ = place.cloud.fill(images=[{
        "name": f"web-{days}", "tags": {key: value for key, value in labels.items() if value},
        "created": time.time() - days * 86400, "snapshots": 1}])
    return image


def publish(place, image, **request):
    job = place.new_job()
    result, worker = place.run("publish", job, ids=[image], **request)
    return result, worker.told("details"), job


def refused(place, error, words, image, **request):
    place.cloud.clear_calls()
    result, _, job = publish(place, image, **request)
    assert (result["result"], result["error"]) == ("failed", ERROR + error), result
    for word in words:
        assert word in result["message"]
    assert not place.called("CopyImage") and not place.called("ModifyImageAttribute")
    assert not (place.folder / "jobs" / f"{job}.json").exists()


def values(place):
    return {one["name"]: list(one["versions"].values()) for one in place.cloud.parameters()}


def test_by_the_profile_that_made_it_or_by_the_one_that_is_named(place):
    write_profile(place, "SsmParameter=/golden/web", "ShareWith=210987654321")
    write_profile(place, "SsmParameter=/golden/other", name="other")
    image = make(place)
    result, details, job = publish(place, image)
    assert result["result"] == "done", place.log()
    assert details["publication"]["steps"] == {"share": True, "parameter": True}
    assert values(place) == {"/golden/web": [image]}
    record = place.record(job)
    assert (record["kind"], record["state"], record["profile"]) == ("publish", "done", "nightly")
    assert place.image(image)["tags"]["quiesced:parameter"] == "/golden/web"
    assert publish(place, image, profile="other")[0]["result"] == "done"
    assert values(place) == {"/golden/web": [image], "/golden/other": [image]}
    assert place.image(image)["tags"]["quiesced:parameter"] == "/golden/web /golden/other"
    for _ in range(2):
        assert publish(place, image)[0]["result"] == "done"
    assert values(place)["/golden/web"] == [image], "no new version of what it is already"


def test_retention_heeds_every_parameter_that_it_was_published_under(place):
    write_profile(place)
    image, _ = make(place, 3, **{"quiesced:parameter": "/golden/web /golden/other"}), make(place, 1)
    ssm = service_client(place.cloud, "ssm")
    ssm.put_parameter(Name="/golden/other", Value=image, Type="String")
    _, worker = place.run("plan-prune", profile="nightly")
    (line,) = [one for one in worker.told("answer")["objects"] if one["id"] == image]
    assert (line["decision"], line["reason"]) == ("keep", "the parameter /golden/other names it")


def test_a_copy_says_what_the_image_says(place):
    write_profile(place, f"CopyTo={AWAY}")
    image, (snapshot, _) = place.make_image("web", **{
        "team": "web", "quiesced:consistency": "application", "quiesced:frozen-usec": "1234",
        "quiesced:cut": "2026-11-23T10:44:00Z"})
    place.ec2.create_tags(Resources=[snapshot], Tags=[
        {"Key": "quiesced:mounts", "Value": "/"}, {"Key": "quiesced:device", "Value": "/dev/xvda"}])
    assert publish(place, image)[0]["result"] == "done", place.log()
    (copy,) = [one for one in place.cloud.images(AWAY) if one["state"] != "deregistered"]
    assert copy["tags"] == {**place.image(image)["tags"], "quiesced:copy-of": image}
    for one in place.cloud.snapshots(AWAY):
        tags = one["tags"]
        assert (tags["quiesced:consistency"], tags["quiesced:frozen-usec"]) == ("application", "1234")
        assert (tags["quiesced:job"], tags["team"]) == ("made-1", "web")
        assert tags["quiesced:cut"] == "2026-11-23T10:44:00Z"
    mounts = [one["tags"].get("quiesced:mounts") for one in place.cloud.snapshots(AWAY)]
    assert sorted(mounts, key=str) == ["/", None]


def test_by_hand_one_goes_back_to_an_older_image(place):
    write_profile(place, "SsmParameter=/golden/web")
    older, newer = make(place, 2), make(place, 1)
    for image in newer, older:
        assert publish(place, image)[0]["result"] == "done"
    assert values(place) == {"/golden/web": [newer, older]}


def test_a_cancel_leaves_the_copy_that_an_earlier_job_made(place):
    write_profile(place, f"CopyTo={AWAY}")
    image, _ = place.make_image("web", **{
        "quiesced:consistency": "application", "quiesced:frozen-usec": "1234"})
    assert publish(place, image)[0]["result"] == "done", place.log()
    copies = place.cloud.images(AWAY)
    worker = place.start_until("copying", "publish", place.new_job(), ids=[image])
    worker.cancel()
    worker.go_on()
    assert worker.wait()["result"] == "cancelled"
    assert place.cloud.images(AWAY) == copies


def test_what_is_refused_before_anything_is_done(place):
    write_profile(place, "ShareWith=210987654321")
    write_profile(place, name="quiet")
    image = make(place)
    refused(place, "NoSuchImage", ["ami-0fedcba9876543210"], "ami-0fedcba9876543210")
    refused(place, "InvalidArgument", ["'web'"], "web")
    refused(place, "InvalidArgument", ["no tag quiesced:job"], make(place, 2, **{"quiesced:job": None}))
    refused(place, "InvalidArgument", ["without a profile"], make(place, 3, **{"quiesced:profile": None}))
    refused(place, "VerifyFailed", ["did not verify"], make(place, 4, **{"quiesced:verified": "no"}))
    refused(place, "ConfigInvalid", ["'quiet' wants nothing published"], image, profile="quiet")
    refused(place, "NoSuchProfile", ["missing"], image, profile="missing")
    foreign = place.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    refused(place, "InvalidArgument", [foreign, "account"], foreign)
    place.ec2.disable_image(ImageId=image)
    refused(place, "InvalidArgument", ["not available"], image)


def test_an_image_of_a_job_that_has_not_ended_is_that_jobs(place):
    write_profile(place, "ShareWith=210987654321")
    image = make(place)
    place.start_until("removing", "deregister", place.new_job(), ids=[image]).kill()
    refused(place, "InUse", [image], image)


def test_what_a_removal_has_let_go_of_is_nobodys(place):
    """Retention has found a reason to keep it, and is not at its end with the others."""
    write_profile(place, "ShareWith=210987654321")
    images, job = [make(place, days) for days in (1, 2)], place.new_job()
    place.start_until("removing", "deregister", job, ids=images).kill()
    record = place.record(job)
    record["removal"]["images"][0]["stays"] = "it is shared"
    record["details"] = {"stays": [{"id": images[0], "reason": "it is shared"}]}
    (place.folder / f"jobs/{job}.json").write_text(json.dumps(record))
    (place.folder / f"jobs/{job}.journal").unlink(missing_ok=True)
    assert publish(place, images[0])[0]["result"] == "done", place.log()
    refused(place, "InUse", [images[1]], images[1])


# Beside other jobs of this host

def turn_of(place, what):
    """The lock of a turn, once it is free; whoever closes the file gives it back."""
    lock = (place.folder / f"jobs/.{what}.lock").open("r+")
    taking = threading.Thread(target=fcntl.flock, args=(lock, fcntl.LOCK_EX), daemon=True)
    taking.start()
    taking.join(40)
    assert not taking.is_alive(), f"the turn of {what}"
    return lock


def test_a_parameter_that_is_not_taken_yet_keeps_no_other_job_waiting(place):
    write_profile(place, "SsmParameter=/golden/web")
    image = make(place)
    place.cloud.fault("PutParameter", error="InternalServerError", status=500, times=-1)
    worker = place.start("publish", place.new_job(), ids=[image])
    wait_until(lambda: place.called("PutParameter"), 20, "an attempt")
    with turn_of(place, f"parameter-{HOME}"):
        assert not place.has_ended(worker), "it tries again, once we have had our turn"
        place.cloud.clear_faults()
    assert worker.wait()["result"] == "done"
    assert values(place) == {"/golden/web": [image]}


def test_a_region_that_does_not_answer_keeps_no_parameter_elsewhere_waiting(place):
    write_profile(place, "SsmParameter=/golden/web", f"CopyTo={AWAY}")
    write_profile(place, "SsmParameter=/golden/other", name="other")
    copied, _ = place.make_image("web", **{"quiesced:consistency": "crash"})
    place.cloud.fault("GetParameter", region=AWAY, error="InternalServerError", status=500, times=-1)
    stuck = place.start("publish", place.new_job(), ids=[copied])
    wait_until(lambda: [call for call in place.called("GetParameter") if call["region"] == AWAY],
               40, f"it asks there: {place.log()}")
    image = make(place)
    other = place.start("publish", place.new_job(), ids=[image], profile="other")
    wait_until(lambda: place.has_ended(other), 30, f"its end: {place.log()}")
    assert other.wait()["result"] == "done"
    assert values(place)["/golden/other"] == [image] and not place.has_ended(stuck)
    stuck.cancel()
    assert stuck.wait()["result"] == "cancelled"


NEWER = "j-20991231T235959Z-0a0b0c"       # an id as the daemon gives it: its time is in it


def test_what_is_asked_for_by_hand_takes_nothing_from_what_was_cut_since(place):
    write_profile(place, "SsmParameter=/golden/web", "DeprecateAfter=9d")
    older, newer = make(place, 2), make(place, 1, **{"quiesced:job": NEWER, "quiesced:profile": "weekly"})
    job = "j-20261231T235959Z-0a0b0c"
    worker = place.start_until("deprecated", "publish", job, ids=[older])
    service_client(place.cloud, "ssm").put_parameter(Name="/golden/web", Value=newer, Type="String")
    worker.go_on()
    assert worker.wait()["result"] == "done"
    assert place.record(job)["publication"]["steps"]["parameter"] == {"later": NEWER}
    assert values(place) == {"/golden/web": [newer]}


def test_of_two_that_are_asked_for_by_hand_the_later_has_the_parameter(place):
    write_profile(place, "SsmParameter=/golden/web", "DeprecateAfter=9d")
    first, second = make(place, 1), make(place, 2)
    early = place.start_until("deprecated", "publish", place.new_job(), ids=[first])
    result, _, later = publish(place, second)
    assert result["result"] == "done", place.log()
    early.go_on()
    assert early.wait()["result"] == "done"
    assert early.told("details")["publication"]["steps"]["parameter"] == {"later": later}
    assert values(place) == {"/golden/web": [second]}


def test_a_later_one_that_was_cancelled_asks_for_nothing(place):
    write_profile(place, "SsmParameter=/golden/web", "DeprecateAfter=9d")
    first, second = make(place, 1), make(place, 2)
    assert publish(place, second)[0]["result"] == "done"
    early = place.start_until("deprecated", "publish", "j-20260101T000000Z-000001", ids=[first])
    later = place.start_until("deprecated", "publish", place.new_job(), ids=[second])
    later.cancel()
    later.go_on()
    assert later.wait()["result"] == "cancelled"
    early.go_on()
    assert early.wait()["result"] == "done"
    assert values(place) == {"/golden/web": [second, first]}


def test_it_has_the_host_for_a_moment_only_and_is_on_record_between_two_removals(place):
    write_profile(place, "ShareWith=210987654321")
    image = make(place)
    place.cloud.fault("DescribeSnapshots", delay_before=2)
    job, told = place.new_job(), place.log().count("Another job is at the removal")
    worker = place.start("publish", job, pause="shared", ids=[image])
    wait_until(lambda: place.called("DescribeSnapshots"), 20, "it reads what it publishes")
    result, _ = place.run("deregister", place.new_job(), ids=[image])
    assert place.log().count("Another job is at the removal") == told + 1, "it waited"
    assert (result["result"], result.get("error")) == ("failed", ERROR + "InUse")
    worker.go_on()
    assert worker.wait()["result"] == "done" and place.images() == {image}
    order = [one["report"] for one in worker.reports if one.get("step") == "publish"
             or one["report"] == "followed"]
    assert order == ["followed", "step"]


def test_a_removal_that_has_begun_is_seen(place):
    write_profile(place, "ShareWith=210987654321")
    image = make(place)
    removal = place.start_until("deregistered", "deregister", place.new_job(), ids=[image])
    told = place.log().count("Another job is at the removal")
    worker = place.start("publish", place.new_job(), ids=[image])
    wait_until(lambda: place.log().count("Another job is at the removal") > told, 20, "it waits")
    assert not place.called("ModifyImageAttribute")
    removal.go_on()
    assert removal.wait()["result"] == "done"
    assert worker.wait()["error"] == ERROR + "NoSuchImage"
