# SPDX-License-Identifier: Apache-2.0
"""quiescectl doctor: what is amiss, and what AWS would not allow, without touching anything."""

import json
import re

import pytest
from cloud.model import model_load
from lab.lab import Lab
from lab.paths import TESTS
from lab.processes import wait_until

README = (TESTS.parent / "README.md").read_text()
PROFILE = """\
[Bake]
Name=golden-%t
Verify=launch
[Publish]
SsmParameter=/golden/web
ShareWith=210987654321
CopyTo=eu-west-1
DeprecateAfter=90d
DeregistrationProtection=yes
FastRestore=eu-central-1a
Lock=governance 7d
[Retain]
KeepLast=3
"""
BUCKETS = [{"name": "bundles", "acls": True}, {"name": "modern"},
           {"name": "away", "region": "eu-west-1", "acls": True},
           {"name": "lent", "owner": "210987654321", "shared": True, "acls": True},
           {"name": "kept", "acls": True, "versioning": "Enabled"}]
CHANGES = re.compile("ec2:(?!Describe|Get)")
CANNOT_TELL = {"ssm:PutParameter"}
# Tried only with what does not exist, since to be carried out it would cost something.
BY_TAG = {"ec2:UnlockSnapshot", "ec2:DisableImageDeregistrationProtection",
          "ec2:EnableImageDeprecation", "ec2:EnableImageDeregistrationProtection",
          "ec2:EnableFastSnapshotRestores", "ec2:LockSnapshot", "ec2:ModifySnapshotTier",
          "ec2:TerminateInstances"}


def policies():
    """{role: actions} of the README, whose policies stand in the order of the roles."""
    section = README.split("## IAM policy")[1].split("\n## ")[0]
    found = re.findall(r"^(    \{\n(?:    .*\n)+?    \})$", section, re.MULTILINE)
    roles = ("create", "delete", "publish", "verify", "retain")
    assert len(found) == len(roles)
    return {role: set(actions_of(json.loads(text))) for role, text in zip(roles, found)}


def actions_of(policy):
    for statement in policy["Statement"]:
        actions = statement["Action"]
        yield from [actions] if isinstance(actions, str) else actions


ACTIONS = sorted(set().union(*policies().values()) - CANNOT_TELL)


@pytest.fixture(scope="module")
def module_lab():
    with Lab(regions=["eu-west-1"], buckets=BUCKETS) as lab:
        folder = lab.folder / "etc/profiles"
        folder.mkdir()
        (folder / "golden.conf").write_text(PROFILE)
        yield lab


@pytest.fixture
def golden(lab):
    """There is an image of ours to try with."""
    return lab.bake("image", "golden")


def doctor(lab, *arguments):
    """(exit status, {(action, role): check})"""
    result = lab.ctl("doctor", *arguments, "--json")
    assert result.stdout, result.stderr
    return result.returncode, {(one["what"], one["for"]): one
                               for one in json.loads(result.stdout)["checks"]}


def results_of(checks, what):
    return {one["result"] for (name, _), one in checks.items() if name == what}


def state(lab):
    return [sorted(json.dumps(one, sort_keys=True) for one in what)
            for what in (lab.cloud.images(), lab.cloud.snapshots(), lab.cloud.parameters())]


def test_all_is_well_and_nothing_is_touched(lab, golden):
    before = state(lab)
    status, checks = doctor(lab, "golden")
    assert status == 0, checks
    bad = {key: one for key, one in checks.items() if one["result"] not in ("ok", "unknown")}
    assert bad == {}
    unknown = {what for (what, _), one in checks.items() if one["result"] == "unknown"}
    assert unknown == CANNOT_TELL
    assert {what for what, purpose in checks if purpose == "host"} == {
        "configuration", "profile golden", "freezer", "metadata", "credentials", "clock",
        "endpoint and certificate authorities"}
    assert state(lab) == before
    assert all(call["dry_run"] for call in lab.cloud.calls(service="ec2")
               if CHANGES.match(f"ec2:{call['action']}") and call["time"] > golden_end(golden))


def golden_end(job):
    return int(job["finished-usec"]) / 1e6


def test_each_policy_of_the_readme_is_checked_and_no_other_action(lab):
    _, checks = doctor(lab)
    found = {}
    for what, purpose in checks:
        found.setdefault(purpose, set()).add(what)
    del found["host"]
    assert found == policies()


def test_whatever_our_client_calls_stands_in_a_policy():
    words = set()
    for source in (TESTS.parent / "agent/aws").glob("*.c"):
        words |= set(re.findall(r'"(?:AmazonSSM\.)?([A-Z]\w+)"', source.read_text()))
    models = [model_load("ec2", "2016-11-15"), model_load("ssm", "2014-11-06"),
              model_load("autoscaling", "2011-01-01")]
    called = words & {name for model in models for name in model.operation_names}
    allowed = {action.partition(":")[2] for actions in policies().values() for action in actions}
    assert called == allowed


@pytest.mark.parametrize("action", ACTIONS)
def test_what_is_denied_is_said(lab, golden, action):
    lab.cloud.configure(deny=[action.partition(":")[2]])
    status, checks = doctor(lab, "golden")
    if action in BY_TAG:
        assert results_of(checks, action) == {"unknown"}
    else:
        assert results_of(checks, action) == {"denied"}
        assert any(action in one["message"] for (what, _), one in checks.items()
                   if what == action)
    assert status == (1 if any(one["needed"] and one["result"] == "denied"
                               for one in checks.values()) else 0)
    others = {what for (what, _), one in checks.items() if one["result"] == "denied"}
    # An image that is found by no list cannot be tried with; tags at creation need CreateTags.
    expected = {action, "ec2:RunInstances"} if action == "ec2:CreateTags" else {action}
    assert others <= expected


def test_without_a_profile_only_creating_is_needed(lab):
    lab.cloud.configure(deny=["DeleteSnapshot", "DeregisterImage", "RunInstances", "CopyImage"])
    status, checks = doctor(lab)
    assert status == 0
    assert {purpose for (_, purpose), one in checks.items() if one["needed"]} == {"create", "host"}
    lab.cloud.configure(deny=["CreateSnapshots"])
    assert doctor(lab)[0] == 1


@pytest.mark.parametrize("ignored", [
    ["*"], ["CreateTags"], ["CreateSnapshots"], ["DeleteSnapshot", "DeregisterImage"],
    ["DeregisterImage"], ["LockSnapshot", "EnableFastSnapshotRestores", "ModifySnapshotTier",
                          "CopyImage", "RunInstances", "EnableImageDeregistrationProtection"]],
    ids=lambda names: names[0])
def test_a_service_that_does_not_know_dry_run_is_not_harmed(lab, golden, ignored):
    before, instances = state(lab), lab.ec2.describe_instances()["Reservations"]
    lab.cloud.configure(ignore_dry_run=ignored, snapshot_seconds=0)
    _, checks = doctor(lab, "golden")
    if ignored == ["CreateSnapshots"]:       # the one that is made of this instance
        assert results_of(checks, "ec2:CreateSnapshots") == {"failed"}
        assert results_of(checks, "ec2:DeleteSnapshot") == {"unknown"}
        return
    assert state(lab) == before
    assert len(lab.ec2.describe_instances()["Reservations"]) == len(instances)
    if ignored == ["*"]:
        assert {one["result"] for (what, _), one in checks.items() if CHANGES.match(what)} == {
            "unknown"}


def test_nothing_of_ours_leaves_only_what_can_be_told(lab):
    lab.cloud.configure(deny=["DeregisterImage"])
    _, checks = doctor(lab)
    assert results_of(checks, "ec2:DeregisterImage") == {"unknown"}
    assert results_of(checks, "ec2:DeleteSnapshot") == {"ok"}


def test_a_profile_with_a_mistake_is_named(lab):
    path = lab.folder / "etc/profiles/broken.conf"
    path.write_text("[Bake]\nColour=red\n")
    status, checks = doctor(lab)
    path.unlink()
    assert status == 1
    one = checks["profile broken", "host"]
    assert one["result"] == "failed" and "broken.conf:2: unknown key 'Colour'" in one["message"]
    assert checks["ec2:CreateSnapshots", "create"]["result"] == "ok"


def test_a_profile_that_does_not_exist_is_an_error(lab):
    result = lab.ctl("doctor", "silver")
    assert result.returncode == 1
    assert "There is no profile 'silver'" in result.stderr


def test_a_freezer_that_is_not_there_is_named(lab):
    lab.stop_freezer()
    try:
        status, checks = doctor(lab)
    finally:
        lab.start_freezer()
    assert status == 1
    assert "quiesced-freezer.socket" in checks["freezer", "host"]["message"]


def test_a_clock_that_is_far_off_is_told(lab):
    lab.cloud.configure(clock_offset=3600)
    status, checks = doctor(lab)
    assert status == 1
    clock = checks["clock", "host"]
    assert clock["result"] == "failed" and "behind that of EC2" in clock["message"]
    assert checks["ec2:CreateSnapshots", "create"]["result"] == "ok"


def test_an_ec2_that_cannot_be_reached_is_told_once(lab):
    with lab.daemon_environment(AWS_ENDPOINT_URL_EC2="https://127.0.0.1:1/"):
        status, checks = doctor(lab)
    assert status == 1
    failed = {what for (what, _), one in checks.items() if one["result"] == "failed"}
    assert failed == {"ec2:DescribeInstances"}
    assert results_of(checks, "ec2:CreateSnapshots") == {"unknown"}
    assert results_of(checks, "clock") == {"unknown"}


@pytest.mark.parametrize("variables, what, message", [
    ({"AWS_CA_BUNDLE": "/nowhere/ca.pem"}, "endpoint and certificate authorities",
     "AWS_CA_BUNDLE=/nowhere/ca.pem cannot be read"),
    ({"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1/"}, "metadata", "no EC2 instance")],
    ids=["ca", "metadata"])
def test_what_the_environment_has_wrong_is_named(lab, variables, what, message):
    with lab.daemon_environment(**variables):
        status, checks = doctor(lab)
    assert status == 1
    assert checks[what, "host"]["result"] == "failed"
    assert message in checks[what, "host"]["message"]


def test_a_role_that_is_missing_is_told(lab):
    lab.cloud.configure(role_code="Failed")
    lab.cloud.expire_credentials()
    status, checks = doctor(lab)
    lab.cloud.configure(role_code="Success")
    assert status == 1
    assert checks["credentials", "host"]["result"] == "failed"
    wait_until(lambda: doctor(lab)[0] == 0, 20, "the role is back")


# Buckets

@pytest.fixture
def bundled(lab):
    """Tells what a doctor says of the bucket that a profile names: (exit status, check)."""
    path = lab.folder / "etc/profiles/bundled.conf"

    def ask(bucket):
        path.write_text(f"[Bundle]\nBucket={bucket}\n")
        status, checks = doctor(lab)
        return status, checks[f"bucket {bucket}", "host"]

    yield ask
    path.unlink(missing_ok=True)


@pytest.mark.parametrize("bucket, result, words", [
    ("bundles", "ok", None), ("kept", "ok", "s3:DeleteObjectVersion"),
    ("modern", "failed", "Object Ownership"), ("away", "failed", "region eu-west-1"),
    ("lent", "failed", "another account"), ("no-such-bucket", "failed", "there is no bucket")])
def test_the_bucket_of_a_profile_is_looked_at_and_left_alone(lab, bundled, bucket, result, words):
    status, check = bundled(bucket)
    assert check["result"] == result and check["needed"]
    assert status == (0 if result == "ok" else 1)
    assert words in check["message"] if words else "message" not in check
    calls = {call["action"] for call in lab.cloud.calls(service="s3")}
    assert all(name.startswith(("Head", "Get")) for name in calls), calls


def test_what_a_policy_hides_of_a_bucket_is_said(lab, bundled):
    lab.cloud.configure(deny=["GetBucketOwnershipControls"])
    status, check = bundled("modern")
    assert (status, check["result"]) == (0, "unknown")
    assert "s3:GetBucketOwnershipControls" in check["message"]
    lab.cloud.configure(deny=["ListBucket"])
    status, check = bundled("modern")
    assert (status, check["result"]) == (1, "denied") and "s3:ListBucket" in check["message"]
