# SPDX-License-Identifier: Apache-2.0
"""
Several jobs under way: the next one begins once the point in time of the one before is taken, one call
of EC2 looks at the snapshots of all, and none of them gets into the way of another, whoever is killed.
"""

import signal
import time

import pytest

from cloud.account import service_client
from lab import processes
from lab.processes import wait_until

PARAMETER = "/golden/web"
PROFILE = """[Bake]
Type=image
Name={name}
[Publish]
SsmParameter=/golden/web
[Retain]
KeepLast=1
AfterBake=yes
"""
HANG = {"snapshot_seconds": None}
COMPLETE = {"snapshot_seconds": 0, "image_seconds": 0}


def secure(lab, *arguments):
    """A bake as far as its point in time: its id."""
    before = {job["id"] for job in lab.jobs()}
    done = lab.ctl(*arguments, "--wait=secured", "--no-progress")
    assert done.returncode == 0, done.stderr
    (job,) = [job["id"] for job in lab.jobs() if job["id"] not in before]
    return job


def states(lab):
    return {job["id"]: job["state"] for job in lab.new_jobs()}


def looks(lab):
    """The ids that each DescribeSnapshots so far was about."""
    found = []
    for call in lab.cloud.calls("DescribeSnapshots"):
        filters = {one["Name"]: one["Values"] for one in call["params"].get("Filters", [])}
        found.append(set(call["params"].get("SnapshotIds") or filters.get("snapshot-id", [])))
    return found


def await_common_look(lab):
    """A look at all that there is, after this: the ids."""
    everything = {one["id"] for one in lab.cloud.snapshots()}
    lab.cloud.clear_calls()
    wait_until(lambda: everything in looks(lab), 60, f"a look at all: {looks(lab)}")
    return everything


def assert_all_made(lab, names):
    """The images of these names, and nothing twice, left over or mixed up."""
    jobs = {job["id"]: job for job in lab.wait_for_new_jobs(60)}
    assert [job["result"] for job in jobs.values()] == ["done"] * len(names), jobs
    images = lab.images_in_cloud()
    assert sorted(image["name"] for image in images) == sorted(names)
    owners = {one["id"]: one["tags"]["quiesced:job"] for one in lab.cloud.snapshots()}
    assert len(owners) == len(names) * len(lab.volumes)
    for image in images:
        job = image["tags"]["quiesced:job"]
        assert jobs[job]["images"] == [image["id"]] and jobs[job]["name"] == image["name"]
        assert {owners[one] for one in image["snapshots"]} == {job}


def test_the_host_is_free_once_the_point_in_time_is_taken_and_one_call_follows_all(lab):
    lab.cloud.configure(**HANG)
    names = ["first", "second", "third"]
    ids = [secure(lab, "image", name) for name in names]
    assert states(lab) == {job: "secured" for job in ids}
    everything = await_common_look(lab)
    assert len(everything) == len(names) * len(lab.volumes)
    # A look or two are for one job alone, as long as they follow each other within parts of a second.
    wait_until(lambda: looks(lab)[-4:] == [everything] * 4, 90, "nobody looks for himself any more")
    listed = lab.ctl("jobs").stdout
    assert listed.count("complete") == len(names), listed
    lab.cloud.configure(**COMPLETE)
    assert_all_made(lab, names)
    assert lab.workers() == [], "the one that looks has ended, too"


def test_images_that_ec2_makes_are_followed_by_one_call_as_well(lab):
    lab.cloud.configure(snapshot_seconds=0, image_seconds=6)
    names = ["one", "two"]
    for name in names:
        secure(lab, "image", name, "--method=create-image")
    images = {image["id"] for image in lab.images_in_cloud()}

    def common():
        asked = [call["params"].get("Filters") for call in lab.cloud.calls("DescribeImages")]
        return any(set(one[0]["Values"]) == images for one in asked if one)

    wait_until(common, 30, "a look at both")
    lab.cloud.configure(**COMPLETE)
    assert_all_made(lab, names)


def test_a_snapshot_that_is_gone_keeps_no_other_job_waiting(lab):
    """EC2 refuses to describe any of several ids when it does not know one of them."""
    lab.cloud.configure(**HANG)
    first, second = secure(lab, "image", "robbed"), secure(lab, "image", "whole")
    await_common_look(lab)
    lost = next(one["id"] for one in lab.cloud.snapshots() if one["tags"]["quiesced:job"] == first)
    lab.ec2.delete_snapshot(SnapshotId=lost)
    lab.cloud.configure(**COMPLETE)
    wait_until(lambda: states(lab)[second] == "done", 30, "the other ends")
    assert lab.ctl("cancel", first).returncode == 0


def test_a_volume_keeps_its_pace_across_jobs(lab):
    with lab.settings(Aws=["SettleSec=1s", "VolumeSpacingSec=4s"]):
        lab.cloud.configure(volume_rate_seconds=4, **HANG)
        secure(lab, "snapshot")
        secure(lab, "snapshot")
    calls = [call for call in lab.cloud.calls("CreateSnapshots") if not call["dry_run"]]
    assert [call["code"] for call in calls] == [None, None]
    assert calls[1]["time"] - calls[0]["time"] >= 4
    lab.cloud.configure(**COMPLETE)


def test_a_name_is_taken_from_the_moment_that_a_job_makes_it(lab):
    lab.cloud.configure(**HANG)
    first = secure(lab, "image", "the-name")
    job, said = lab.failed_bake("image", "the-name")
    assert job["error"] == "org.quiesced1.Error.NameTaken" and first in said
    assert len(lab.cloud.snapshots()) == len(lab.volumes), "nothing was made for it"
    lab.cloud.configure(**COMPLETE)
    jobs = lab.wait_for_new_jobs()
    assert [one["result"] for one in jobs] == ["done", "failed"]


def test_a_cancel_takes_back_one_and_leaves_the_other(lab):
    lab.cloud.configure(**HANG)
    first, second = secure(lab, "image", "doomed"), secure(lab, "image", "kept")
    await_common_look(lab)
    assert lab.ctl("cancel", first).returncode == 0
    wait_until(lambda: states(lab)[first] == "cancelled", 20, "it is taken back")
    assert {one["tags"]["quiesced:job"] for one in lab.cloud.snapshots()} == {second}
    lab.cloud.configure(**COMPLETE)
    wait_until(lambda: states(lab)[second] == "done", 20, "the other ends")
    assert [image["name"] for image in lab.images_in_cloud()] == ["kept"]


def test_one_that_fails_harms_no_other(lab):
    lab.cloud.configure(**HANG)
    first, second = secure(lab, "image", "broken"), secure(lab, "image", "whole")
    everything = await_common_look(lab)
    broken = next(one["id"] for one in lab.cloud.snapshots() if one["tags"]["quiesced:job"] == first)
    lab.cloud.set_snapshot(broken, state="error")
    wait_until(lambda: states(lab)[first] == "failed", 30, "it is told")
    assert states(lab)[second] == "secured"
    assert len(lab.cloud.snapshots()) == len(everything) - len(lab.volumes)
    lab.cloud.configure(**COMPLETE)
    wait_until(lambda: states(lab)[second] == "done", 20, "the other ends")


# Killed

def pause_two(lab, step, *arguments):
    """Two jobs that stand still at `step`: their workers."""
    lab.pause_worker(step)
    names = [f"{step}-one", f"{step}-two"]

    def stopped(count):
        found = [worker for worker in lab.workers() if processes.is_stopped(worker)]
        return len(found) == count and found

    for count, name in enumerate(names, 1):
        lab.bake_in_background("image", name, *arguments)
        workers = wait_until(lambda: stopped(count), 20, f"{count} stop at {step}")
    lab.pause_worker(None)
    return names, workers


@pytest.mark.parametrize("victims", ["one", "both", "daemon"])
@pytest.mark.parametrize("step", ["completing", "registered", "made"])
def test_sigkill_with_two_under_way(lab, step, victims):
    names, workers = pause_two(lab, step)
    doomed = {"one": workers[:1], "both": workers, "daemon": [lab.daemon.pid]}[victims]
    for pid in doomed:
        processes.send(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(processes.is_alive, doomed)), 5, "they are dead")
    for worker in workers:
        processes.send(worker, signal.SIGCONT)
    if victims == "daemon":
        lab.restart_daemon()
    assert_all_made(lab, names)


@pytest.mark.parametrize("victim", ["one", "daemon"])
def test_sigkill_while_two_are_taken_back(lab, victim):
    lab.cloud.configure(fail_snapshots=2 * len(lab.volumes), **{"snapshot_seconds": 0})
    _, workers = pause_two(lab, "undoing")
    assert len(lab.cloud.snapshots()) == 2 * len(lab.volumes)
    processes.send(workers[0] if victim == "one" else lab.daemon.pid, signal.SIGKILL)
    for worker in workers:
        processes.send(worker, signal.SIGCONT)
    if victim == "daemon":
        wait_until(lambda: not any(map(processes.is_alive, workers)), 20, "they end with it")
        lab.restart_daemon()
    jobs = lab.wait_for_new_jobs(40)
    assert [job["error"] for job in jobs] == ["org.quiesced1.Error.SnapshotFailed"] * 2
    assert lab.cloud.snapshots() == []


@pytest.mark.parametrize("victim", ["looker", "daemon", "all"])
def test_sigkill_while_two_are_followed_by_one(lab, victim):
    lab.cloud.configure(**HANG)
    names = [f"followed-{victim}-{n}" for n in (1, 2)]
    for name in names:
        secure(lab, "image", name)
    await_common_look(lab)
    *jobs, looker = sorted(lab.workers(), key=processes.began_at)
    assert len(jobs) == len(names)
    doomed = {"looker": [looker], "daemon": [lab.daemon.pid],
              "all": [lab.daemon.pid, looker, *jobs]}[victim]
    for pid in doomed:
        processes.send(pid, signal.SIGKILL)
    if victim != "looker":
        wait_until(lambda: not any(map(processes.is_alive, [*jobs, looker])), 20, "they end too")
        lab.restart_daemon()
    await_common_look(lab)
    lab.cloud.configure(**COMPLETE)
    assert_all_made(lab, names)


def test_a_daemon_that_is_stopped_leaves_both_to_the_next(lab):
    lab.cloud.configure(**HANG)
    names = ["left-one", "left-two"]
    for name in names:
        secure(lab, "image", name)
    began = time.monotonic()
    lab.stop_daemon()
    assert time.monotonic() - began < 20, "it waits for none of them"
    lab.start_daemon()
    lab.cloud.configure(**COMPLETE)
    assert_all_made(lab, names)


# What they share

def install(lab, name):
    folder = lab.config.parent / "profiles"
    folder.mkdir(exist_ok=True)
    (folder / "shared.conf").write_text(PROFILE.format(name=name))
    return "shared"


def parameter(lab):
    found = service_client(lab.cloud, "ssm").get_parameter(Name=PARAMETER)
    return found["Parameter"]["Value"]


@pytest.mark.parametrize("point, killed", [
    ("made", False), ("made", True), ("completing", False)],
    ids=["alive", "killed", "registered-later"])
def test_what_ends_late_takes_nothing_from_what_was_cut_later(lab, point, killed):
    """Its parameter stays with the newer image, and the newer one's retention spares it."""
    lab.pause_worker(point)
    lab.bake_in_background("bake", install(lab, "web-1"))
    late = wait_until(
        lambda: next((w for w in lab.workers() if processes.is_stopped(w)), None), 20, "it stops")
    lab.pause_worker(None)
    newer = lab.bake("bake", install(lab, "web-2"))
    assert newer["result"] == "done" and parameter(lab) == newer["images"][0]
    assert len(lab.images_in_cloud()) == 1 + (point == "made"), "a job keeps what it has made"
    processes.send(late, signal.SIGKILL if killed else signal.SIGCONT)
    old, _ = lab.wait_for_new_jobs()
    assert old["result"] == "done" and parameter(lab) == newer["images"][0]
    steps = lab.records()[old["id"]]["publication"]["steps"]
    assert steps == {"parameter": {"later": newer["id"]}}
    # The next one has both behind it, and keeps itself alone.
    last = lab.bake("bake", install(lab, "web-3"))
    assert parameter(lab) == last["images"][0]
    assert [image["id"] for image in lab.images_in_cloud()] == last["images"]


def test_a_bake_goes_on_beside_an_image_that_is_published_by_hand(lab):
    """Its retention spares that image, and its own has the parameter, since it was cut after the request."""
    older = lab.bake("bake", install(lab, "web-1"))["images"][0]
    profile = lab.config.parent / "profiles/shared.conf"
    profile.write_text(profile.read_text().replace("[Retain]", "DeprecateAfter=90d\n[Retain]"))
    lab.pause_worker("deprecated")
    client = lab.bake_in_background("publish", older)
    publisher = wait_until(
        lambda: next((w for w in lab.workers() if processes.is_stopped(w)), None), 20, "it stops")
    lab.pause_worker(None)
    newer = lab.bake("bake", install(lab, "web-2"))
    assert newer["result"] == "done" and parameter(lab) == newer["images"][0]
    assert {image["id"] for image in lab.images_in_cloud()} == {older, newer["images"][0]}
    processes.send(publisher, signal.SIGCONT)
    said, _ = client.communicate(timeout=20)
    assert client.returncode == 0 and f"the image of job {newer['id']}" in said, said
    assert parameter(lab) == newer["images"][0]
