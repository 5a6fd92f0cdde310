# SPDX-License-Identifier: Apache-2.0
"""An image is proved by one instance that is launched from it, and that ends whatever happens."""

import re
import time

import pytest

from lab.processes import wait_until
from lab.worker import INSTANCE_ID, Workplace

ERROR = "org.quiesced1.Error."
MARKER = "web login: quiesced[612]: quiesced: {instance} runs {image} (running)\r\n"
POINTS = ["launching", "launched", "verified", "terminating"]


@pytest.fixture(scope="module")
def module_place():
    with Workplace() as place:
        yield place


@pytest.fixture
def place(module_place):
    configure(module_place)
    yield module_place
    module_place.cloud.clear_faults()
    module_place.cloud.configure(**module_place.knobs)
    module_place.cloud.empty()
    module_place.cloud.clear_calls()


@pytest.fixture
def image(place):
    return place.make_image("golden")[0]


def configure(place, *lines, settle="2s", timeout="1min"):
    place.write_config(Aws=[f"SettleSec={settle}"], Verify=[f"TimeoutSec={timeout}", *lines])


def verify(place, *images, job=None):
    job = job or place.new_job()
    result, worker = place.run("verify", job, ids=list(images))
    return result, worker.told("details"), job


def launched(place):
    return [one for one in place.cloud.instances() if one["id"] != INSTANCE_ID]


def assert_ended(place, count=1):
    """So many were launched, and none runs; no volume of theirs is left."""
    instances = launched(place)
    assert len(instances) == count
    assert {one["state"] for one in instances} <= {"shutting-down", "terminated"}
    assert all(one["volumes"] == [] for one in instances)
    assert len(place.cloud.volumes()) == 2
    return instances


def verified_tag(place, image):
    return place.image(image)["tags"].get("quiesced:verified")


def assert_proved(place, image):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", verified_tag(place, image))


def assert_failed(place, image, result, *pieces, error="VerifyFailed", tag="no"):
    assert (result["result"], result["error"]) == ("failed", ERROR + error), result
    for piece in pieces:
        assert piece in result["message"], result["message"]
    assert place.image(image)["state"] == "available", "it is kept"
    assert verified_tag(place, image) == tag


def test_an_image_whose_instance_passes_the_checks_is_verified(place, image):
    place.cloud.configure(launch_seconds=0.3, check_seconds=0.5)
    result, details, job = verify(place, image)
    assert result["result"] == "done" and "consistency" not in result
    (instance,) = assert_ended(place)
    assert_proved(place, image)
    assert details == {"image": image, "instance": instance["id"], "by": "status",
                       "verified": verified_tag(place, image)}
    record = place.record(job)
    assert (record["state"], record["kind"]) == ("done", "verify")
    assert record["details"] == details
    assert instance["type"] == "m6i.large", "as this instance"
    assert instance["tags"] == {
        "Name": f"verification of {image}", "quiesced:verify": image, "quiesced:job": job,
        "quiesced:instance": INSTANCE_ID}
    assert instance["token"] == job
    (call,) = place.called("RunInstances")
    tags = {call["form"][f"TagSpecification.{n}.ResourceType"] for n in (1, 2)}
    assert tags == {"instance", "volume"}


def test_the_instance_is_as_configured(place, image):
    configure(place, "InstanceType=c6i.large", "SubnetId=subnet-0fedcba9876543210",
              "SecurityGroups=sg-0123456789abcdef0 sg-0fedcba9876543210", "InstanceProfile=web")
    assert verify(place, image)[0]["result"] == "done"
    form = place.called("RunInstances")[0]["form"]
    assert (form["InstanceType"], form["SubnetId"]) == ("c6i.large", "subnet-0fedcba9876543210")
    assert form["SecurityGroupId.2"] == "sg-0fedcba9876543210"
    assert form["IamInstanceProfile.Name"] == "web"
    assert_ended(place)


@pytest.mark.parametrize("old", [False, True], ids=["nitro", "xen"])
def test_an_image_may_be_verified_by_its_marker(place, image, old):
    configure(place, "Wait=marker", *(["InstanceType=t2.micro"] if old else []))
    place.cloud.configure(console=MARKER, check_seconds=None)
    result, details, _ = verify(place, image)
    assert result["result"] == "done" and details["by"] == "marker"
    assert_proved(place, image)
    assert_ended(place)


def test_the_marker_of_another_image_proves_nothing(place, image):
    configure(place, "Wait=marker", timeout="2s")
    place.cloud.configure(console=MARKER.replace("{image}", "ami-0123456789abcdef0"))
    result, _, _ = verify(place, image)
    assert_failed(place, image, result, "has not written the marker to its console within 2.00s")
    assert_ended(place)


def test_a_system_that_came_up_with_failed_units_is_not_verified(place, image):
    configure(place, "Wait=marker")
    place.cloud.configure(console=MARKER.replace("running", "degraded"))
    result, _, _ = verify(place, image)
    assert_failed(place, image, result, "says that its system is degraded")
    assert_ended(place)


@pytest.mark.parametrize("check, words", [
    ("instance", "fails EC2's instance status check"),
    ("system", "a machine that fails EC2's system status check")])
def test_a_failed_check_fails_and_the_console_is_in_the_journal(place, image, check, words):
    place.cloud.configure(impaired=[check], console="\x1b[1mKernel panic\x1b[0m - not syncing\r\n")
    before = len(place.log())
    result, _, job = verify(place, image)
    (instance,) = assert_ended(place)
    assert_failed(place, image, result, words, instance["id"], f"JOB_ID={job}")
    assert f"{instance['id']}: Kernel panic - not syncing" in place.log()[before:]


def test_checks_that_are_never_made_end_with_the_time_allowed(place, image):
    configure(place, timeout="2s")
    place.cloud.configure(check_seconds=None)
    since = time.monotonic()
    result, _, _ = verify(place, image)
    assert time.monotonic() - since < 40
    assert_failed(place, image, result, "has not passed EC2's status checks within 2.00s",
                  "TimeoutSec=")
    assert_ended(place)


def test_an_instance_that_ends_by_itself_fails_with_ec2s_reason(place, image):
    place.cloud.configure(launches_fail="Client.InternalError: Client error on launch",
                          terminate_seconds=1)
    result, _, _ = verify(place, image)
    assert_failed(place, image, result, "has ended by itself", "Client error on launch")
    assert_ended(place)


def test_a_shutdown_from_inside_ends_it_and_is_seen(place, image):
    place.cloud.configure(check_seconds=None)
    worker = place.start("verify", place.new_job(), ids=[image])
    (instance,) = wait_until(lambda: launched(place), 10, "it is launched")
    place.cloud.power_off(instance["id"])
    assert_failed(place, image, worker.wait(), "Instance initiated shutdown")
    assert_ended(place)


def test_one_that_is_gone_without_a_trace_fails(place, image):
    configure(place, settle="1s")
    place.cloud.configure(check_seconds=None)
    worker = place.start("verify", place.new_job(), ids=[image])
    (instance,) = wait_until(lambda: launched(place), 10, "it is launched")
    place.ec2.terminate_instances(InstanceIds=[instance["id"]])
    place.cloud.configure(terminated_seconds=0)
    result = worker.wait()
    assert_failed(place, image, result, instance["id"])
    assert_ended(place)


# What EC2 shows late, loses or refuses


def test_an_instance_that_is_not_seen_at_once_is_waited_for(place, image):
    configure(place, settle="10s")
    time.sleep(1.1)      # by now the image itself is seen
    place.cloud.configure(visibility_seconds=1)
    assert verify(place, image)[0]["result"] == "done"
    assert_proved(place, image)
    assert_ended(place)


@pytest.mark.parametrize("answer", ["lost", "cut", "truncated"])
def test_a_lost_answer_launches_no_second_instance(place, image, answer):
    place.cloud.fault("RunInstances", answer=answer)
    assert verify(place, image)[0]["result"] == "done"
    assert_ended(place)


def test_want_of_capacity_is_waited_for(place, image):
    place.cloud.fault("RunInstances", error="InsufficientInstanceCapacity", status=500, times=2)
    assert verify(place, image)[0]["result"] == "done"
    assert len(place.called("RunInstances")) == 3
    assert_ended(place)


def test_want_of_capacity_without_end_says_nothing_of_the_image(place, image):
    configure(place, timeout="2s")
    place.cloud.fault("RunInstances", error="InsufficientInstanceCapacity", status=500, times=-1)
    result, _, _ = verify(place, image)
    assert_failed(place, image, result, "had no machine to launch", "InstanceType=",
                  error="ApiError", tag=None)
    assert_ended(place, count=0)
    assert place.called("TerminateInstances") == []


@pytest.mark.parametrize("denied", ["RunInstances", "CreateTags", "DescribeInstanceStatus"])
def test_what_is_not_allowed_is_named_and_nothing_runs_on(place, image, denied):
    place.cloud.configure(deny=[denied])
    result, _, _ = verify(place, image)
    assert_failed(place, image, result, f"ec2:{denied}", error="AccessDenied", tag=None)
    assert_ended(place, count=1 if denied == "DescribeInstanceStatus" else 0)


def test_a_role_that_may_not_be_passed_on_is_named(place, image):
    configure(place, "InstanceProfile=web")
    place.cloud.configure(deny=["PassRole"])
    result, _, _ = verify(place, image)
    assert_failed(place, image, result, "iam:PassRole", error="AccessDenied", tag=None)


def test_a_console_that_may_not_be_read_is_no_verdict(place, image):
    configure(place, "Wait=marker")
    place.cloud.configure(deny=["GetConsoleOutput"])
    result, _, _ = verify(place, image)
    assert_failed(place, image, result, "GetConsoleOutput", error="AccessDenied", tag=None)
    assert_ended(place)


@pytest.mark.parametrize("impaired", [[], ["instance"]], ids=["good", "bad"])
def test_a_refused_termination_names_the_instance_and_is_made_good_later(place, image, impaired):
    place.cloud.configure(deny=["TerminateInstances"], impaired=impaired)
    result, _, job = verify(place, image)
    (instance,) = launched(place)
    assert instance["state"] == "running"
    assert result["result"] == "failed" and instance["id"] in result["message"]
    assert "TerminateInstances" in result["message"]
    assert result["error"] == ERROR + ("VerifyFailed" if impaired else "AccessDenied")
    assert place.record(job)["state"] == "made", "it is not finished"
    place.cloud.configure(deny=[])
    result, worker = place.run("resume", job)
    assert_ended(place)
    if impaired:
        assert_failed(place, image, result, "instance status check")
        assert place.record(job)["state"] == "failed"
    else:
        assert result["result"] == "done" and worker.told("details")["verified"]
        assert_proved(place, image)


def test_a_cloud_that_is_away_does_not_keep_the_instance_running(place, image):
    worker = place.start_until("verified", "verify", place.new_job(), ids=[image])
    place.cloud.fault("TerminateInstances", error="Unavailable", status=503, times=4)
    worker.go_on()
    assert worker.wait()["result"] == "done"
    assert_ended(place)


def test_an_image_that_is_being_deleted_is_not_launched(place, image):
    place.cloud.configure(deny=["DeregisterImage"])
    job = place.new_job()
    result, _ = place.run("deregister", job, ids=[image])
    assert result["error"] == ERROR + "LeftOver", "it is tried again later"
    result, _, _ = verify(place, image)
    assert (result["result"], result["error"]) == ("failed", ERROR + "InUse")
    assert job in result["message"] and launched(place) == []


@pytest.mark.parametrize("image_id, error", [
    ("ami-0fffffffffffffff0", "NoSuchImage"), ("i-0123456789abcdef0", "InvalidArgument")])
def test_what_is_no_image_is_refused(place, image_id, error):
    result, _, _ = verify(place, image_id)
    assert result["error"] == ERROR + error and image_id in result["message"]
    assert place.called("RunInstances") == []


def test_an_image_that_is_not_complete_is_refused(place):
    place.cloud.configure(snapshot_seconds=None)
    image, _ = place.make_image("pending")
    result, _, _ = verify(place, image)
    assert result["error"] == ERROR + "InvalidArgument" and "not complete yet" in result["message"]
    assert place.called("RunInstances") == []


def test_an_image_of_another_architecture_is_told_in_ec2s_words(place, image):
    configure(place, "InstanceType=m6g.large")
    result, _, _ = verify(place, image)
    assert_failed(place, image, result, "does not match the architecture", error="ApiError", tag=None)


# Interrupted


@pytest.mark.parametrize("point", POINTS)
def test_after_a_kill_it_goes_on_with_the_same_instance(place, image, point):
    job = place.new_job()
    place.start_until(point, "verify", job, ids=[image]).kill()
    result, worker = place.run("resume", job)
    assert result["result"] == "done"
    assert worker.told("details")["image"] == image
    assert_proved(place, image)
    assert_ended(place)
    calls = len(place.called("TerminateInstances"))
    assert place.run("resume", job)[0]["result"] == "done", "what is done is done"
    assert len(place.called("TerminateInstances")) == calls


@pytest.mark.parametrize("point", ["verified", "terminating"])
def test_a_verdict_outlives_its_worker(place, image, point):
    """An instance that was terminated by us must not count as one that ended by itself."""
    place.cloud.configure(impaired=["instance"])
    job = place.new_job()
    place.start_until(point, "verify", job, ids=[image]).kill()
    place.cloud.configure(impaired=[])
    assert_failed(place, image, place.run("resume", job)[0], "instance status check")
    assert_ended(place)


def test_a_launch_that_was_out_when_the_worker_died_is_found_again(place, image):
    place.cloud.fault("RunInstances", answer="never")
    job = place.new_job()
    worker = place.start("verify", job, ids=[image])
    wait_until(lambda: launched(place), 10, "it is launched")
    worker.kill()
    assert "instance" not in place.record(job)["verification"]
    assert place.run("resume", job)[0]["result"] == "done"
    assert_ended(place)
    assert len(place.called("RunInstances")) == 1, "it was found by its tags"


def test_other_settings_do_not_change_a_launch_that_is_repeated(place, image):
    job = place.new_job()
    place.start_until("launching", "verify", job, ids=[image]).kill()
    configure(place, "InstanceType=c6i.large")
    assert place.run("resume", job)[0]["result"] == "done"
    assert assert_ended(place)[0]["type"] == "m6i.large"


@pytest.mark.parametrize("point", ["launching", "launched", "verified"])
def test_a_cancel_ends_the_instance_as_well(place, image, point):
    place.cloud.configure(check_seconds=None if point != "verified" else 0)
    job = place.new_job()
    worker = place.start_until(point, "verify", job, ids=[image])
    worker.cancel()
    worker.go_on()
    result = worker.wait()
    if point == "verified":
        assert result["result"] == "done", "it was proved before"
    else:
        assert result["result"] == "cancelled"
        assert place.record(job)["state"] == "cancelled"
        assert verified_tag(place, image) is None
    assert_ended(place, count=len(launched(place)))


def test_a_cancel_whose_launch_is_not_answered_finds_what_it_launched(place, image):
    place.cloud.fault("RunInstances", answer="lost", times=-1)
    worker = place.start("verify", place.new_job(), ids=[image])
    wait_until(lambda: launched(place), 10, "it is launched")
    worker.cancel()
    assert worker.wait()["result"] == "cancelled"
    assert_ended(place)


def test_nothing_that_others_launched_is_ended(place, image):
    job = place.new_job()
    for tags in ({"quiesced:job": "another", "quiesced:verify": image}, {"quiesced:job": job}):
        place.ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}])
    place.cloud.configure(ignore_filters=True)
    place.cloud.fault("RunInstances", answer="lost", times=-1)
    worker = place.start("verify", job, ids=[image])
    wait_until(lambda: len(launched(place)) == 3, 10, "it is launched")
    worker.cancel()
    assert worker.wait()["result"] == "cancelled"
    assert sorted(one["state"] == "running" for one in launched(place)) == [False, True, True]
