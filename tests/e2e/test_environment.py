# SPDX-License-Identifier: Apache-2.0
"""Hosts on which the job cannot be done: one message each, which says why and what to do."""

import subprocess
import time

import pytest

from lab.lab import Lab
from lab.processes import wait_until


@pytest.fixture(scope="module")
def lab_without_role():
    with Lab(role=None) as lab:
        yield lab


def not_on_ec2_sec(lab):
    """How long it takes to say so, this time: a machine that is busy can only make it longer."""
    began = time.monotonic()
    result = lab.ctl("snapshot", "--wait=completed", "--no-progress")
    assert result.returncode == 1 and "NotOnEC2" in result.stderr
    return time.monotonic() - began


def test_not_on_ec2_is_said_within_three_seconds(lab):
    with lab.daemon_environment(AWS_EC2_METADATA_SERVICE_ENDPOINT="http://127.0.0.1:9"):
        wait_until(lambda: not_on_ec2_sec(lab) < 3, 60, "it is said within three seconds")
        status = lab.ctl("status")
    assert "EC2" in status.stdout + status.stderr


def test_metadata_that_never_answers_is_not_ec2_either(lab):
    lab.cloud.fault("/latest/api/token", answer="never", times=-1)
    wait_until(lambda: not_on_ec2_sec(lab) < 3, 60, "it is said within three seconds")


def test_an_instance_without_a_role_is_shown_the_readme(lab_without_role):
    lab_without_role.recover()
    result = lab_without_role.ctl("snapshot", "--wait=completed", "--no-progress")
    assert result.returncode == 1
    assert "NoCredentials" in result.stderr
    assert "README" in result.stderr


def test_a_missing_permission_is_named(lab):
    lab.cloud.configure(deny=["CreateSnapshots"])
    job, message = lab.failed_bake("snapshot")
    assert job["error"].endswith(".AccessDenied")
    assert "CreateSnapshots" in message
    assert int(job["frozen-usec"]) == 0, "the permission is asked for before the freeze"


def test_a_foreign_certificate_is_refused(lab):
    with lab.daemon_environment(AWS_ENDPOINT_URL_EC2=lab.cloud.addresses["ec2-foreign-ca"]):
        job, message = lab.failed_bake("snapshot")
    assert "ertificate" in message
    assert lab.cloud.snapshots() == []


def test_without_the_freezer_nothing_is_cut(lab):
    lab.stop_freezer()
    try:
        job, message = lab.failed_bake("snapshot")
    finally:
        lab.start_freezer()
    assert job["error"].endswith(".FreezerUnavailable")
    assert "quiesced-freezer.socket" in message
    assert lab.cloud.snapshots() == []


def test_a_wrong_setting_is_named_with_file_and_line(lab):
    good = lab.config.read_text()
    lab.config.write_text(good + "[Freeze]\nBudgetSeconds=4\n")
    try:
        job, message = lab.failed_bake("snapshot")
    finally:
        lab.config.write_text(good)
    assert job["error"].endswith(".ConfigInvalid")
    assert "BudgetSeconds" in message
    assert f"{lab.config}:{good.count(chr(10)) + 2}" in message


def test_the_volumes_and_the_plan_are_shown(lab):
    volumes = lab.json("volumes")
    assert {v["id"] for v in volumes["volumes"] if v["covered"]} == {v.id for v in lab.volumes}
    plan = lab.json("plan")
    frozen = {m["mount-point"] for group in plan["groups"] for m in group}
    assert frozen == {v.mount_point for v in lab.volumes}
    assert plan["refusals"] == []


def test_a_profile_is_baked_by_name(lab):
    profiles = lab.folder / "etc/profiles"
    profiles.mkdir(exist_ok=True)
    (profiles / "nightly.conf").write_text(
        "[Bake]\nType=image\nName=nightly-%i-%d-%t\n[Tags]\nTeam=storage\n"
    )
    job = lab.bake("bake", "nightly")
    (image,) = lab.images_in_cloud()
    assert image["name"].startswith(f"nightly-{lab.instance_id}-")
    assert image["tags"]["Team"] == "storage"
    assert image["tags"]["quiesced:profile"] == job["profile"] == "nightly"


def test_a_command_runs_while_everything_is_frozen(lab):
    probe = f"import sys; sys.path.insert(0, {str(lab.tests)!r}); from lab.loopfs import accepts_write"
    check = f"{probe}; sys.exit(7 if accepts_write({lab.volumes[0].mount_point!r}, 0.3) else 3)"
    result = lab.ctl("freeze", "--", "/usr/bin/python3", "-c", check)
    assert result.returncode == 3, result.stderr
    assert lab.volumes[0].fs.accepts_write()


def test_a_command_that_outlives_its_freeze_is_told_and_its_job_has_failed(lab):
    result = lab.ctl("freeze", "--budget=2s", "--", "sh", "-c", "sleep 3; echo made")
    assert lab.volumes[0].fs.accepts_write()
    assert result.returncode == 1
    assert result.stdout == "made\n"
    assert "ended before the command did" in result.stderr
    job = lab.new_jobs()[-1]
    assert job["result"] == "failed" and job["error"].endswith(".FreezeTimeout")


def test_a_freeze_that_is_cancelled_is_not_called_done(lab):
    command = ["/bin/sh", "-c", "echo begun; exec sleep 20"]
    holder = subprocess.Popen([lab.program("quiescectl"), "freeze", "--", *command],
                              env=lab.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True)
    lab.clients.append(holder)
    assert holder.stdout.readline() == "begun\n"
    assert not lab.volumes[0].fs.accepts_write(0.1)
    (job,) = lab.new_jobs()
    assert lab.ctl("cancel", job["id"]).returncode == 0
    assert lab.volumes[0].fs.accepts_write(5)
    (job,) = lab.wait_for_new_jobs()
    assert (job["result"], job["error"]) == ("cancelled", "org.quiesced1.Error.Cancelled")
    assert "ended before the command did" in holder.stderr.readline()
