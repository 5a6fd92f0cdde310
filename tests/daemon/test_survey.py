# SPDX-License-Identifier: Apache-2.0
"""What is known of the machine, and plans."""

import json

import pytest
from gi.repository import GLib
from harness import MANAGER, Host, wait_until
from test_jobs import bake, fails

IDENTITY = {
    "instance_id": "i-0123456789abcdef0",
    "region": "eu-central-1",
    "zone": "eu-central-1a",
    "account_id": "123456789012",
    "partition": "aws",
    "architecture": "x86_64",
    "instance_type": "m5.large",
    "image_id": "ami-base",
}
VOLUMES = [
    {"id": "vol-1", "device": "/dev/nvme0n1", "size-bytes": 8 << 30, "attached-as": "/dev/sda1", "covered": True},
    {"id": "", "device": "/dev/nvme2n1", "size-bytes": 1 << 40, "covered": False, "reason": "instance store"},
]
FILESYSTEMS = [
    {
        "mount-point": "/da\nta",
        "type": "ext4",
        "uuid": None,
        "device": "/dev/nvme1n1",
        "volumes": ["vol-2", "vol-3"],
        "freeze": True,
        "covered": True,
        "read-only": False,
    }
]


@pytest.fixture
def fresh():
    """The first survey is still to be answered."""
    with Host(survey=False) as running:
        yield running


def test_nothing_is_known_before_the_survey(fresh):
    assert fresh.client.get("InstanceId") == "" and fresh.client.get("Volumes") == []
    assert fresh.client.get("SurveyError") == "" and fresh.client.get("LastBake") == {}


def test_the_survey_fills_the_properties(fresh):
    worker = fresh.worker("survey")
    assert "job" not in worker.request
    worker.report("identity", **IDENTITY)
    worker.report("topology", volumes=VOLUMES, filesystems=FILESYSTEMS)
    worker.result()
    wait_until(lambda: fresh.client.get("InstanceId"), "the identity")
    get = fresh.client.get
    assert get("InstanceId") == "i-0123456789abcdef0" and get("Region") == "eu-central-1"
    assert get("AvailabilityZone") == "eu-central-1a" and get("AccountId") == "123456789012"
    assert get("Architecture") == "x86_64" and get("InstanceType") == "m5.large"
    assert get("ImageId") == "ami-base"
    assert get("Volumes") == VOLUMES
    (filesystem,) = get("FileSystems")
    assert filesystem == {k: v for k, v in FILESYSTEMS[0].items() if v is not None}
    changed = dict(fresh.client.changes(MANAGER))
    assert changed["InstanceId"] == "i-0123456789abcdef0" and changed["Volumes"] == VOLUMES


def test_not_being_on_ec2_is_said(fresh):
    fresh.worker("survey").result("failed", error="NotOnEC2", message="No metadata service answers")
    wait_until(lambda: fresh.client.get("SurveyError"), "the error")
    assert fresh.client.get("SurveyError") == "No metadata service answers"
    assert ("SurveyError", "No metadata service answers") in fresh.client.changes(MANAGER)


def test_a_survey_that_dies_says_so(fresh):
    fresh.worker("survey").kill()
    wait_until(lambda: fresh.client.get("SurveyError"), "the error")
    assert "killed by signal 9" in fresh.client.get("SurveyError")


def test_rescan_asks_anew_and_answers_when_it_is_done(host):
    call = host.client.begin("Rescan")
    worker = host.worker("survey")
    again = host.client.begin("Rescan")
    host.client.wait_until_admitted()
    host.no_worker()
    worker.report("identity", **IDENTITY)
    assert not call.done()
    worker.result()
    assert call.result() == [] and again.result() == []
    assert host.client.get("Region") == "eu-central-1"


def test_a_rescan_that_fails_has_the_workers_error(host):
    call = host.client.begin("Rescan")
    worker = host.worker("survey")
    worker.result("failed", error="NotOnEC2", message="No metadata service answers")
    assert fails(call, "NotOnEC2") == "No metadata service answers"
    worker.wait()
    call = host.client.begin("Rescan")
    host.worker("survey").result()
    call.result()
    assert host.client.get("SurveyError") == ""


def test_a_bake_refreshes_what_is_known(host):
    bake(host)
    worker = host.worker("bake")
    worker.report("identity", **IDENTITY)
    worker.report("topology", volumes=VOLUMES, filesystems=[])
    wait_until(lambda: host.client.get("Volumes"), "the volumes")
    assert host.client.get("Region") == "eu-central-1"


def test_a_plan_is_the_workers_json(host):
    call = host.client.begin("Plan", "(sa{sv})", "nightly", {"no-freeze": GLib.Variant("b", True)})
    worker = host.worker("plan")
    assert worker.request == {
        "verb": "plan", "kind": "bake", "profile": "nightly", "options": {"no-freeze": True},
    }
    worker.report("plan", plan={"method": "register", "groups": [[{"mount-point": "/data"}]]})
    worker.result()
    assert json.loads(call.result()[0]) == {"method": "register", "groups": [[{"mount-point": "/data"}]]}
    assert host.client.call("ListJobs")[0] == []


def test_a_plan_of_a_profile_takes_no_kind(host):
    options = {"kind": GLib.Variant("s", "image")}
    call = host.client.begin("Plan", "(sa{sv})", "nightly", options)
    assert "Type= of 'nightly'" in fails(call, "InvalidArgument")


def test_a_plan_without_a_profile_has_a_kind_and_a_name(host):
    options = {"kind": GLib.Variant("s", "snapshots"), "name": GLib.Variant("s", "web-1")}
    host.client.begin("Plan", "(sa{sv})", "", options)
    assert host.worker("plan").request == {
        "verb": "plan", "kind": "snapshots", "name": "web-1", "options": {},
    }
    host.client.begin("Plan", "(sa{sv})", "", {})
    assert host.worker("plan").request == {"verb": "plan", "kind": "image", "options": {}}


def test_a_plan_that_fails_has_the_workers_error(host):
    call = host.client.begin("Plan", "(sa{sv})", "nightly", {})
    host.worker("plan").result("failed", error="NoSuchProfile", message="nightly.conf: no such file")
    assert fails(call, "NoSuchProfile") == "nightly.conf: no such file"


def test_a_planner_that_ends_well_without_a_plan_has_failed(host):
    call = host.client.begin("Plan", "(sa{sv})", "nightly", {})
    host.worker("plan").result()
    fails(call, "WorkerDied")


def test_a_plan_may_be_made_beside_a_bake_but_not_while_frozen(host):
    bake(host)
    worker = host.worker("bake")
    call = host.client.begin("Plan", "(sa{sv})", "", {})
    planner = host.worker("plan")
    planner.report("plan", plan={})
    planner.result()
    call.result()
    worker.freeze()
    wait_until(lambda: host.client.get("Frozen"), "Frozen")
    assert worker.request["job"] in fails(host.client.begin("Plan", "(sa{sv})", "", {}), "Busy")


def test_plans_are_limited(host):
    calls = [host.client.begin("Plan", "(sa{sv})", "", {}) for _ in range(4)]
    planners = [host.worker("plan") for _ in calls]
    fails(host.client.begin("Plan", "(sa{sv})", "", {}), "Busy")
    for planner in planners:
        planner.result("failed", error="NotOnEC2", message="no")
    for call in calls:
        fails(call, "NotOnEC2")
