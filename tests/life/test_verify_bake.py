# SPDX-License-Identifier: Apache-2.0
"""Verify=launch: a bake whose image is proved before it is published, and kept if it is not."""

import json
import signal
import subprocess

import pytest

from lab import processes
from lab.lab import INSTANCE_ID
from lab.processes import wait_until

PROFILE = "[Bake]\nName=golden\nVerify=launch\n"
POINTS = ["made", "launching", "launched", "verified", "terminating"]
VERIFY_FAILED = "org.quiesced1.Error.VerifyFailed"


@pytest.fixture
def golden(lab):
    (lab.folder / "etc/profiles").mkdir(exist_ok=True)
    (lab.folder / "etc/profiles/golden.conf").write_text(PROFILE)
    with lab.settings(Verify=["TimeoutSec=2min"], Aws=["SettleSec=2s"]):
        yield lab


def launched(lab):
    return [one for one in lab.cloud.instances() if one["id"] != INSTANCE_ID]


def assert_ended(lab, count=1):
    instances = launched(lab)
    assert len(instances) == count
    assert {one["state"] for one in instances} <= {"shutting-down", "terminated"}
    assert len(lab.cloud.volumes()) == len(lab.volumes)
    return instances


def assert_verified(lab):
    assert lab.cloud_image("golden")["tags"]["quiesced:verified"].startswith("2")
    assert len(lab.cloud.snapshots()) == len(lab.volumes)


def pause_at(lab, point):
    lab.pause_worker(point)
    lab.bake_in_background("bake", "golden")
    worker = wait_until(
        lambda: next((w for w in lab.workers() if processes.is_stopped(w)), None), 20,
        f"the worker stops at {point}")
    lab.pause_worker(None)
    return worker


def test_an_image_is_verified_before_it_is_published(golden):
    assert "RunInstances" in golden.json("plan", "golden")["calls"][-1]
    job = golden.bake("bake", "golden")
    assert (job["result"], job["consistency"]) == ("done", "filesystem")
    (instance,) = assert_ended(golden)
    assert_verified(golden)
    assert instance["image"] == job["images"][0]
    assert instance["tags"]["quiesced:profile"] == "golden"
    assert instance["tags"]["quiesced:job"] == job["id"]


def test_an_image_that_does_not_verify_is_kept_and_the_bake_fails(golden):
    golden.cloud.configure(impaired=["instance"])
    job, message = golden.failed_bake("bake", "golden")
    assert job["error"] == VERIFY_FAILED and "instance status check" in message
    image = golden.cloud_image("golden")
    assert image["state"] == "available" and image["tags"]["quiesced:verified"] == "no"
    assert sorted(image["snapshots"]) == sorted(s["id"] for s in golden.cloud.snapshots())
    assert_ended(golden)
    assert golden.records()[job["id"]]["state"] == "failed"


@pytest.mark.parametrize("impaired", [[], ["instance"]], ids=["good", "bad"])
def test_only_what_is_verified_is_published(golden, impaired):
    (golden.folder / "etc/profiles/golden.conf").write_text(
        PROFILE + "[Publish]\nDeprecateAfter=30d\n")
    golden.cloud.configure(impaired=impaired)
    golden.ctl("bake", "golden", "--wait=completed", "--no-progress")
    actions = [call["action"] for call in golden.cloud.calls(service="ec2")
               if call["action"] in ("TerminateInstances", "EnableImageDeprecation")]
    assert actions == ["TerminateInstances"] + ([] if impaired else ["EnableImageDeprecation"])


def test_without_it_nothing_is_launched(golden):
    (golden.folder / "etc/profiles/golden.conf").write_text(PROFILE.replace("launch", "no"))
    assert golden.bake("bake", "golden")["result"] == "done"
    assert launched(golden) == []
    assert "quiesced:verified" not in golden.cloud_image("golden")["tags"]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("victim", ["worker", "daemon"])
def test_after_a_kill_the_job_is_done_with_one_instance(golden, victim, point):
    worker = pause_at(golden, point)
    doomed = worker if victim == "worker" else golden.daemon.pid
    processes.send(doomed, signal.SIGKILL)
    wait_until(lambda: not processes.is_alive(doomed), 5, "it is dead")
    if victim == "daemon":
        processes.send(worker, signal.SIGCONT)
        wait_until(lambda: not processes.is_alive(worker), 10, "the worker leaves it to others")
        golden.restart_daemon()
    (job,) = golden.wait_for_new_jobs(30)
    assert (job["result"], job["error"]) == ("done", "")
    assert_ended(golden)
    assert_verified(golden)


def test_a_stop_of_the_daemon_does_not_lose_the_instance(golden):
    golden.cloud.configure(check_seconds=None)
    golden.bake_in_background("bake", "golden")
    wait_until(lambda: launched(golden), 20, "it is launched")
    golden.restart_daemon()
    golden.cloud.configure(check_seconds=0)
    (job,) = golden.wait_for_new_jobs(30)
    assert job["result"] == "done"
    assert_ended(golden)
    assert_verified(golden)


def test_a_cancel_keeps_the_image_and_ends_the_instance(golden):
    golden.cloud.configure(check_seconds=None)
    golden.bake_in_background("bake", "golden")
    wait_until(lambda: launched(golden), 20, "it is launched")
    assert golden.ctl("cancel", golden.new_jobs()[-1]["id"]).returncode == 0
    (job,) = golden.wait_for_new_jobs(30)
    assert job["result"] == "cancelled"
    assert_ended(golden)
    assert "quiesced:verified" not in golden.cloud_image("golden")["tags"]


def test_an_instance_on_trial_makes_nothing(golden):
    """Its timers are those of the host that it is a copy of."""
    golden.ec2.create_tags(Resources=[INSTANCE_ID], Tags=[
        {"Key": "quiesced:verify", "Value": "ami-0123456789abcdef0"}])
    try:
        job = golden.bake("bake", "golden")
        assert (job["result"], job["images"], job["snapshots"]) == ("done", [], [])
        assert "this instance was launched to verify ami-0123456789abcdef0" in golden.log()
        _, message = golden.failed_bake("image", "by-hand")
        assert "is terminated after that" in message
    finally:
        golden.ec2.delete_tags(Resources=[INSTANCE_ID], Tags=[{"Key": "quiesced:verify"}])
    assert golden.images_in_cloud() == [] and golden.cloud.snapshots() == []


def busctl(lab, *arguments):
    done = subprocess.run(["busctl", "--system", "--json=short", *arguments], check=True,
                          env=lab.environment(), capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout)["data"]


def test_over_the_bus_an_image_is_verified_by_a_job_of_its_own(golden):
    image = golden.bake("image", "by-hand")["images"][0]
    (path,) = busctl(golden, "call", "org.quiesced1", "/org/quiesced1", "org.quiesced1.Manager",
                     "Verify", "sa{sv}", image, "0")
    job = golden.wait_for_new_jobs(30)[-1]
    assert (job["kind"], job["result"], job["images"]) == ("verify", "done", [image])
    details = busctl(golden, "get-property", "org.quiesced1", path, "org.quiesced1.Job", "Details")
    record = golden.records()[job["id"]]
    assert json.loads(details) == record["details"]
    assert record["details"]["verified"] == golden.cloud_image("by-hand")["tags"]["quiesced:verified"]
    assert_ended(golden)
