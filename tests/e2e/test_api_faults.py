# SPDX-License-Identifier: Apache-2.0
"""The API misbehaves while everything is frozen: thawed in time, and said so by name."""

import pytest

BUDGET_SEC = 3.0
BUDGET = f"{BUDGET_SEC:.0f}s"
LATE_SEC = BUDGET_SEC + 0.6
# What is late by this much has been ended by something else.
SLACK_SEC = 5

# The answer is not there when the budget ends.
TOO_LATE = {
    "late": dict(delay_after=LATE_SEC),
    "never": dict(answer="never"),
    "drip": dict(answer="drip", seconds=20),
}
# It is known at once that the answer will not come, or is none.
LOST = {
    "lost": dict(answer="lost"),
    "reset": dict(answer="reset"),
    "cut": dict(answer="cut"),
    "truncated": dict(answer="truncated"),
    "malformed": dict(answer="malformed"),
    "rubbish": dict(answer="rubbish"),
    "html": dict(answer="html"),
    "huge": dict(answer="huge"),
    "error-although-done": dict(error="InternalError", status=500, act=True),
}


def names(*short):
    return {f"org.quiesced1.Error.{name}" for name in short}


def frozen_in_budget(job):
    return 0 < int(job["frozen-usec"]) <= (BUDGET_SEC + SLACK_SEC) * 1_000_000


def creations(lab):
    return [c for c in lab.cloud.calls("CreateSnapshots") if not c["dry_run"]]


@pytest.mark.parametrize("fault", TOO_LATE.values(), ids=TOO_LATE.keys())
def test_an_answer_after_the_budget_fails_by_name_and_leaves_nothing(lab, fault):
    """The snapshots were made, but nobody saw it while everything was frozen."""
    lab.cloud.fault("CreateSnapshots", **fault)
    with lab.writers() as writers:
        writers.wait_for_writes(5)
        job, message = lab.failed_bake("snapshot")
        longest = writers.longest_stall_usec()
    assert job["error"] in names("ApiTimeout")
    assert job["message"] in message
    assert frozen_in_budget(job)
    assert longest <= (BUDGET_SEC + SLACK_SEC) * 1_000_000
    assert len(creations(lab)) == 1
    assert lab.cloud.snapshots() == []


def test_or_is_labelled_as_what_it_is(lab):
    lab.cloud.fault("CreateSnapshots", **TOO_LATE["never"])
    job = lab.bake("image", "labelled", "--on-degrade=label")
    assert len(creations(lab)) == 1, "a create call is never sent twice"
    assert sorted(job["snapshots"]) == sorted(s["id"] for s in lab.cloud.snapshots())
    image = lab.cloud_image("labelled")
    assert image["tags"]["quiesced:consistency"] == job["consistency"] == "crash"


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST.keys())
def test_what_a_lost_answer_made_is_found_by_its_tag(lab, fault):
    """While everything is frozen still: then it was cut in the window, and the bytes prove it."""
    lab.cloud.fault("CreateSnapshots", **fault)
    with lab.writers() as writers:
        writers.wait_for_writes(5)
        job = lab.bake("snapshot")
        longest = writers.longest_stall_usec()
        verdict = lab.judge(job, writers)
    assert len(creations(lab)) == 1, "a create call is never sent twice"
    assert sorted(job["snapshots"]) == sorted(s["id"] for s in lab.cloud.snapshots())
    assert job["consistency"] == "filesystem"
    assert verdict.problems == []
    assert longest <= (BUDGET_SEC + SLACK_SEC) * 1_000_000


def test_what_is_listed_only_after_the_thaw_is_taken_back(lab):
    with lab.settings(Aws=["SettleSec=8s"]):
        lab.cloud.configure(visibility_seconds=BUDGET_SEC + 1)
        lab.cloud.fault("CreateSnapshots", **LOST["lost"])
        job, _ = lab.failed_bake("snapshot")
    assert job["error"] in names("ApiUnreachable")
    assert frozen_in_budget(job)
    assert lab.cloud.snapshots() == []


@pytest.mark.parametrize(
    "code, name",
    [
        ("UnauthorizedOperation", "AccessDenied"),
        ("InternalError", "ApiError"),
    ],
)
def test_a_refusal_is_reported_with_its_code(lab, code, name):
    lab.cloud.fault("CreateSnapshots", error=code)
    job, message = lab.failed_bake("snapshot")
    assert job["error"] in names(name)
    assert code in message
    assert lab.cloud.snapshots() == []
    assert frozen_in_budget(job)


def test_an_ec2_that_is_too_busy_is_asked_again_with_a_freeze_of_its_own(lab):
    lab.cloud.fault("CreateSnapshots", error="RequestLimitExceeded", status=503)
    with lab.writers() as writers:
        writers.wait_for_writes(5)
        job = lab.bake("snapshot")
        verdict = lab.judge(job, writers)
    assert [c["code"] for c in creations(lab)] == ["RequestLimitExceeded", None]
    assert job["consistency"] == "filesystem"
    assert verdict.problems == []
    assert len(lab.cloud.snapshots()) == len(lab.volumes)


def test_a_server_that_is_slow_but_in_time_is_waited_for(lab):
    lab.cloud.fault("CreateSnapshots", delay_after=1.0)
    with lab.settings(Freeze=["BudgetSec=20s"]), lab.writers() as writers:
        writers.wait_for_writes(5)
        job = lab.bake("snapshot")
        longest = writers.longest_stall_usec()
        verdict = lab.judge(job, writers)
    assert job["consistency"] == "filesystem"
    assert verdict.problems == []
    assert 1_000_000 <= longest < 15_000_000


def test_errors_outside_the_window_are_retried(lab):
    lab.cloud.fault("DescribeInstances", error="RequestLimitExceeded", status=503, times=2)
    lab.cloud.fault("DescribeSnapshots", answer="reset", times=2)
    lab.cloud.fault("RegisterImage", error="InternalError", status=500, times=1)
    lab.bake("image", "retried")
    assert lab.cloud_image("retried")["state"] == "available"


def test_an_answer_that_registering_loses_makes_no_second_image(lab):
    lab.cloud.fault("RegisterImage", answer="lost")
    lab.bake("image", "registered-once")
    assert [i["name"] for i in lab.images_in_cloud()] == ["registered-once"]


def test_a_snapshot_that_fails_takes_the_others_along(lab):
    lab.cloud.configure(fail_snapshots=1)
    job, message = lab.failed_bake("image", "half")
    assert job["error"] in names("SnapshotFailed")
    assert "snap-" in message
    assert lab.cloud.snapshots() == []
    assert lab.images_in_cloud() == []


def test_a_name_that_is_taken_is_refused_before_anything_is_frozen(lab):
    lab.bake("image", "taken")
    job, message = lab.failed_bake("image", "taken")
    assert job["error"] in names("NameTaken")
    assert "taken" in message
    assert int(job["frozen-usec"]) == 0
