# SPDX-License-Identifier: Apache-2.0
"""
[Publish] of a profile: each step as the real aws sees it afterwards, in every region; killed at every
step it goes on where it was, and what is refused is named while the rest is done.
"""

import functools
import json
import signal
import time

import pytest

from botocore.exceptions import ClientError

from cloud.account import images_of, service_client
from lab import processes
from lab.lab import Lab
from lab.processes import wait_until

HOME, AWAY, FAR = "eu-central-1", "us-east-1", "ap-south-1"
OTHER, STRANGER = "210987654321", "999999999999"
ORGANIZATION = "arn:aws:organizations::123456789012:organization/o-abcdefghij"
PARAMETER = "/golden/web"
KEY = "alias/golden"
IMAGE = f"""[Bake]
Type=image
Name=web-%t
[Tags]
team=web
[Publish]
CopyTo={AWAY} {FAR}:{KEY}
ShareWith={OTHER} {ORGANIZATION}
DeprecateAfter=90d
DeregistrationProtection=yes
FastRestore={HOME}a {AWAY}b
Lock=governance 7d
SsmParameter={PARAMETER}
"""
SETS = f"""[Bake]
Type=snapshots
[Publish]
ShareWith={OTHER}
FastRestore={HOME}a
Lock=compliance 1d
"""
STEPS = ["made", "copying", "copied", "shared", "deprecated", "protected", "restored", "locked",
         "published"]


@pytest.fixture(scope="module")
def module_lab():
    with Lab(regions=[AWAY, FAR]) as lab:
        yield lab


def install(lab, text, name="published"):
    folder = lab.config.parent / "profiles"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.conf").write_text(text)
    return name


@functools.lru_cache
def client(lab, region, service="ec2"):
    return service_client(lab.cloud, service, region=region)


def parameter(lab, region=HOME):
    return client(lab, region, "ssm").get_parameter(Name=PARAMETER)["Parameter"]


def has_parameter(lab, region=HOME):
    try:
        return bool(parameter(lab, region))
    except ClientError as error:
        assert "ParameterNotFound" in str(error)
        return False


def shown(lab, region):
    (image,) = client(lab, region).describe_images(Owners=["self"])["Images"]
    return image


def tags_of(resource):
    return {tag["Key"]: tag["Value"] for tag in resource["Tags"]}


def snapshots_of(lab, image, region):
    ids = [one["Ebs"]["SnapshotId"] for one in image["BlockDeviceMappings"]]
    return client(lab, region).describe_snapshots(SnapshotIds=ids)["Snapshots"]


def permissions(lab, image, region):
    return client(lab, region).describe_image_attribute(
        ImageId=image["ImageId"], Attribute="launchPermission")["LaunchPermissions"]


def zones(lab, region):
    return {one["AvailabilityZone"] for one in client(
        lab, region).describe_fast_snapshot_restores()["FastSnapshotRestores"]}


def locks(lab, region):
    return {one["id"]: one["lock"] and (one["lock"]["Mode"], one["lock"]["LockDuration"])
            for one in lab.cloud.snapshots(region)}


def steps_of(lab, job):
    return lab.records()[job["id"]]["publication"]["steps"]


def assert_published(lab, job):
    """All of IMAGE, and nothing twice."""
    assert job["result"] == "done", job
    name = lab.records()[job["id"]]["name"]
    home = tags_of(shown(lab, HOME))
    for region in (HOME, AWAY, FAR):
        image = shown(lab, region)
        origin = {} if region == HOME else {"quiesced:copy-of": job["images"][0]}
        assert (image["Name"], image["State"]) == (name, "available")
        assert tags_of(image) == home | origin
        assert home["quiesced:job"] == job["id"] and home["team"] == "web"
        snapshots = snapshots_of(lab, image, region)
        assert len(snapshots) == len(lab.volumes) == len(lab.cloud.snapshots(region))
        for snapshot in snapshots:
            tags = tags_of(snapshot)
            assert tags["quiesced:job"] == job["id"]
            assert tags["quiesced:consistency"] == "filesystem"
            assert origin.items() <= tags.items()
        mounts = {tags_of(snapshot)["quiesced:mounts"] for snapshot in snapshots}
        assert mounts == {str(volume.mount_point) for volume in lab.volumes}
        assert permissions(lab, image, region) == [
            {"UserId": OTHER}, {"OrganizationArn": ORGANIZATION}]
        assert 89 * 86400 < deprecation_in(image) < 91 * 86400
        (view,) = [one["view"] for one in images_of(lab.cloud, region)]
        assert view["DeregistrationProtection"] == "enabled-without-cooldown"
        assert set(locks(lab, region).values()) == {("governance", 7)}
        found = parameter(lab, region)
        assert (found["Value"], found["DataType"]) == (image["ImageId"], "aws:ec2:image")
        assert found["Version"] == 1
    assert (zones(lab, HOME), zones(lab, AWAY), zones(lab, FAR)) == ({HOME + "a"}, {AWAY + "b"}, set())
    keys = {snapshot.get("KmsKeyId") for snapshot in snapshots_of(lab, shown(lab, FAR), FAR)}
    assert keys == {f"arn:aws:kms:{FAR}:123456789012:{KEY}"}


def deprecation_in(image):
    at = time.strptime(image["DeprecationTime"], "%Y-%m-%dT%H:%M:00.000Z")
    return time.mktime(at) - time.timezone - time.time()


def test_every_step_is_done_everywhere_and_the_parameter_comes_last(lab):
    job = lab.bake("bake", install(lab, IMAGE))
    actions = [call["action"] for call in lab.cloud.calls()
               if call["service"] in ("ec2", "ssm") and not call["dry_run"]]
    assert_published(lab, job)
    assert all(state is True for state in steps_of(lab, job).values())
    assert set(actions[actions.index("PutParameter"):]) <= {"PutParameter", "GetParameter"}
    assert actions.count("CopyImage") == 2
    assert int(job["progress"]) == 100


def test_the_real_aws_reads_what_was_published(lab):
    lab.bake("bake", install(lab, IMAGE))
    for region in (HOME, AWAY):
        aws = functools.partial(lab.cloud.awscli, region=region)
        (image,) = aws("describe-images", "--owners", "self")["Images"]
        assert image["State"] == "available" and image["DeprecationTime"]
        assert len(aws("describe-image-attribute", "--image-id", image["ImageId"], "--attribute",
                       "launchPermission")["LaunchPermissions"]) == 2
        found = aws("describe-fast-snapshot-restores")["FastSnapshotRestores"]
        assert len(found) == len(lab.volumes)
        found = aws("get-parameter", "--name", PARAMETER, service="ssm")["Parameter"]
        assert (found["Value"], found["DataType"]) == (image["ImageId"], "aws:ec2:image")


def test_a_bake_replaces_the_value_of_the_parameter(lab):
    profile = install(lab, f"[Bake]\nName=web-%t-%d\n[Publish]\nSsmParameter={PARAMETER}\n")
    lab.bake("bake", profile)
    before = parameter(lab)
    lab.ec2.deregister_image(ImageId=before["Value"])
    time.sleep(1)        # %t is another second
    job = lab.bake("bake", profile)
    assert parameter(lab)["Value"] == job["images"][0] != before["Value"]


def test_a_set_of_snapshots_is_shared_locked_and_restored_fast(lab):
    job = lab.bake("bake", install(lab, SETS))
    for snapshot in job["snapshots"]:
        assert lab.cloud.awscli("describe-snapshot-attribute", "--snapshot-id", snapshot,
                                "--attribute", "createVolumePermission")[
            "CreateVolumePermissions"] == [{"UserId": OTHER}]
    assert locks(lab, HOME) == {snapshot: ("compliance", 1) for snapshot in job["snapshots"]}
    assert zones(lab, HOME) == {HOME + "a"}


def test_a_set_of_snapshots_is_archived(lab):
    job = lab.bake("bake", install(lab, "[Bake]\nType=snapshots\n[Publish]\nArchiveSnapshots=yes\n"))
    found = lab.cloud.awscli("describe-snapshots", "--snapshot-ids", *job["snapshots"])["Snapshots"]
    assert {one["StorageTier"] for one in found} == {"archive"}


# Killed

def pause_at(lab, step, profile=IMAGE):
    """A bake of it that stands still at `step`; the worker's id. Whoever goes on does not pause."""
    lab.pause_worker(step)
    client = lab.bake_in_background("bake", install(lab, profile))

    def stopped():
        assert client.poll() is None, f"it ends before {step}: {client.communicate()}"
        return next((worker for worker in lab.workers() if processes.is_stopped(worker)), None)

    worker = wait_until(stopped, 20, f"the worker stops at {step}")
    lab.pause_worker(None)
    return worker


def copy_by_hand(lab, image, region=FAR):
    """As somebody else does it, with the tags: it then looks like ours; what it is afterwards."""
    made = client(lab, region).copy_image(Name="by hand", SourceImageId=image, SourceRegion=HOME,
                                          CopyImageTags=True)["ImageId"]

    def done():
        return next((one for one in images_of(lab.cloud, region)
                     if (one["id"], one["state"]) == (made, "available")), None)

    return wait_until(done, 5, "it is copied")


def assert_untouched(lab, image, region=FAR):
    (found,) = [one for one in images_of(lab.cloud, region) if one["id"] == image["id"]]
    assert found == image
    assert {one["id"] for one in lab.cloud.snapshots(region)} >= set(image["snapshots"])


def job_after_the_end_of(lab, victim, worker):
    """Of a worker or a daemon that is killed while the worker stands still."""
    doomed = worker if victim == "worker" else lab.daemon.pid
    processes.send(doomed, signal.SIGKILL)
    wait_until(lambda: not processes.is_alive(doomed), 5, "it is dead")
    processes.send(worker, signal.SIGCONT)
    if victim == "daemon":
        lab.restart_daemon()
    (job,) = lab.wait_for_new_jobs(40)
    return job


@pytest.mark.parametrize("victim", ["worker", "daemon"])
@pytest.mark.parametrize("step", STEPS)
def test_sigkill_at_each_step_of_publishing(lab, step, victim):
    worker = pause_at(lab, step)
    job = job_after_the_end_of(lab, victim, worker)
    assert_published(lab, job)


@pytest.mark.parametrize("victim", ["worker", "daemon"])
@pytest.mark.parametrize("step", ["shared", "locked", "archived"])
def test_sigkill_at_each_step_of_publishing_a_set(lab, step, victim):
    lines = "ArchiveSnapshots=yes\n"
    if step != "archived":
        lines = f"ShareWith={OTHER}\nLock=governance 1d\n"
    worker = pause_at(lab, step, "[Bake]\nType=snapshots\n[Publish]\n" + lines)
    job = job_after_the_end_of(lab, victim, worker)
    assert job["result"] == "done", job
    assert set(steps_of(lab, job).values()) == {True}
    found = client(lab, HOME).describe_snapshots(SnapshotIds=job["snapshots"])["Snapshots"]
    assert len(found) == len(lab.cloud.snapshots(HOME)) == len(lab.volumes)
    if step == "archived":
        assert {one["StorageTier"] for one in found} == {"archive"}
    else:
        assert set(locks(lab, HOME).values()) == {("governance", 1)}


def test_a_copy_is_found_again_when_ec2_has_forgotten_the_client_token(lab):
    worker = pause_at(lab, "copying")
    other = copy_by_hand(lab, images_of(lab.cloud)[0]["id"], AWAY)
    lab.cloud.forget_client_tokens()
    processes.send(worker, signal.SIGKILL)
    (job,) = lab.wait_for_new_jobs(40)
    assert job["result"] == "done"
    assert [len(images_of(lab.cloud, region)) for region in (HOME, AWAY, FAR)] == [1, 2, 1]
    assert_untouched(lab, other, AWAY)


def test_a_copy_that_takes_days_is_followed_through_reboots(lab):
    worker = pause_at(lab, "made")
    lab.cloud.configure(snapshot_seconds=None)
    processes.send(worker, signal.SIGCONT)
    wait_until(lambda: images_of(lab.cloud, FAR), 10, "the copies are begun")
    for _ in range(2):
        lab.daemon.kill()
        lab.daemon.wait()
        lab.restart_daemon()
        wait_until(lab.workers, 10, "the job is taken up")
    lab.cloud.configure(snapshot_seconds=0)
    (job,) = lab.wait_for_new_jobs(40)
    copies = lab.cloud.calls("CopyImage")
    assert {(call["region"], call["form"]["ClientToken"]) for call in copies} == {
        (AWAY, job["id"]), (FAR, job["id"])}
    assert_published(lab, job)


# Refused

def failed(lab, profile):
    job, message = lab.failed_bake("bake", profile)
    assert job["error"] == "org.quiesced1.Error.PublishFailed"
    assert job["images"], "what was made stays"
    assert shown(lab, HOME)["ImageId"] == job["images"][0]
    assert job["images"][0] in message
    return job, message


DENIED = {
    "CopyImage": ["copy us-east-1", "copy ap-south-1", "parameter"],
    "ModifyImageAttribute": ["share", "share us-east-1", "share ap-south-1", "parameter"],
    "EnableImageDeprecation": ["deprecate", "deprecate us-east-1", "deprecate ap-south-1"],
    "EnableImageDeregistrationProtection": ["protect", "protect us-east-1", "protect ap-south-1"],
    "EnableFastSnapshotRestores": ["fast restore", "fast restore us-east-1"],
    "LockSnapshot": ["lock", "lock us-east-1", "lock ap-south-1"],
    "PutParameter": ["parameter", "parameter us-east-1", "parameter ap-south-1"],
}


@pytest.mark.parametrize("action", DENIED)
def test_what_is_denied_is_named_and_the_rest_is_done(lab, action):
    lab.cloud.configure(deny=[action])
    job, message = failed(lab, install(lab, IMAGE))
    steps = steps_of(lab, job)
    assert {step for step, state in steps.items() if state is not True} == set(DENIED[action])
    for step in DENIED[action]:
        assert f"{step}: " in message
    assert "IAM policy" in message
    assert action in message
    assert has_parameter(lab) == ("parameter" not in DENIED[action])
    assert lab.records()[job["id"]]["state"] == "failed"


def test_an_account_that_does_not_exist_stops_the_parameter_alone(lab):
    lab.cloud.configure(unknown_accounts=[STRANGER])
    job, message = failed(lab, install(lab, IMAGE.replace(OTHER, STRANGER)))
    assert STRANGER in message and "correct ShareWith=" in message
    assert f"{PARAMETER} was left as it is" in message
    assert steps_of(lab, job)["lock us-east-1"] is True
    assert not has_parameter(lab)


def test_a_copy_that_fails_is_deleted_and_nothing_else_is(lab):
    lab.cloud.configure(kms_keys=[])
    worker = pause_at(lab, "made")
    other = copy_by_hand(lab, images_of(lab.cloud)[0]["id"])
    processes.send(worker, signal.SIGCONT)
    (job,) = lab.wait_for_new_jobs()
    assert job["error"] == "org.quiesced1.Error.PublishFailed"
    assert f"copy {FAR}: " in job["message"]
    assert "can the key of CopyTo= be used there?" in job["message"]
    assert [one["id"] for one in images_of(lab.cloud, FAR)] == [other["id"]]
    assert {one["id"] for one in lab.cloud.snapshots(FAR)} == set(other["snapshots"])
    assert_untouched(lab, other)
    assert not has_parameter(lab) and not has_parameter(lab, AWAY)
    assert steps_of(lab, job)["share us-east-1"] is True


def test_what_cannot_be_deleted_of_a_failed_copy_is_named(lab):
    lab.cloud.configure(fail_copies=1, deny=["DeregisterImage"])
    _, message = failed(lab, install(lab, IMAGE))
    assert "could not all be deleted" in message and "quiesced:job=" in message


# Once more, by hand

def publish(lab, job, *options):
    result = lab.ctl("publish", job["images"][0], "--json", *options)
    return result, json.loads(result.stdout)


def test_what_was_refused_is_done_when_it_is_published_again(lab):
    lab.cloud.configure(deny=["CopyImage", "ModifyImageAttribute"])
    bake, message = failed(lab, install(lab, IMAGE))
    assert f"quiescectl publish {bake['images'][0]}" in message
    lab.cloud.configure(deny=[])
    result, again = publish(lab, bake)
    assert result.returncode == 0 and (again["kind"], again["result"]) == ("publish", "done")
    assert again["details"]["publication"]["copies"][AWAY]["image"] == shown(lab, AWAY)["ImageId"]
    assert_published(lab, {**bake, "result": "done"})
    before = [deprecation_in(shown(lab, region)) for region in (HOME, AWAY)]
    lab.cloud.clear_calls()
    assert publish(lab, bake)[0].returncode == 0
    assert_published(lab, {**bake, "result": "done"})
    assert not lab.cloud.calls("CopyImage") and not lab.cloud.calls("PutParameter")
    after = [deprecation_in(shown(lab, region)) for region in (HOME, AWAY)]
    assert all(abs(one - other) < 3600 for one, other in zip(before, after))


def test_a_publication_by_hand_that_was_killed_is_finished(lab):
    lab.cloud.configure(deny=["CopyImage"])
    bake, _ = failed(lab, install(lab, IMAGE))
    lab.cloud.configure(deny=[])
    lab.pause_worker("copying")
    lab.bake_in_background("publish", bake["images"][0])
    worker = wait_until(lambda: next((one for one in lab.workers() if processes.is_stopped(one)), None),
                        20, "it has asked for a copy")
    lab.pause_worker(None)
    processes.send(worker, signal.SIGKILL)
    wait_until(lambda: lab.new_jobs()[-1]["result"] == "done", 40, "it is finished")
    assert_published(lab, {**bake, "result": "done"})


# Regions

@pytest.mark.parametrize("fault", [
    dict(action="*Image*", error="RequestLimitExceeded", status=503, times=4),
    dict(action="CopyImage", answer="lost", times=2),
    dict(action="CopyImage", delay_after=3),
    dict(action="*Image*", error="Unavailable", status=503, times=3),
    dict(action="*Image*", delay_before=1.5, times=3),
], ids=["throttled", "lost", "late", "unavailable", "slow"])
def test_a_region_that_has_a_bad_day_is_waited_for(lab, fault):
    lab.cloud.fault(region=AWAY, **fault)
    assert_published(lab, lab.bake("bake", install(lab, IMAGE)))


def test_a_copy_that_is_not_seen_at_once_is_waited_for(lab):
    with lab.settings(Aws=["SettleSec=10s"]):
        lab.cloud.configure(visibility_seconds=1)
        assert_published(lab, lab.bake("bake", install(lab, IMAGE)))


def test_a_region_with_too_many_copies_in_progress_is_waited_for(lab):
    worker = pause_at(lab, "made")
    lab.cloud.configure(copies_at_once=0)
    processes.send(worker, signal.SIGCONT)
    wait_until(lambda: len(lab.cloud.calls("CopyImage")) > 4, 10, "it is asked again")
    lab.cloud.configure(**lab.knobs)
    (job,) = lab.wait_for_new_jobs()
    assert_published(lab, job)


def test_an_image_that_could_not_be_proved_is_not_published(lab):
    profile = install(lab, IMAGE.replace("Type=image\n", "Type=image\nVerify=launch\n"))
    lab.cloud.configure(impaired=["instance"])
    job, _ = lab.failed_bake("bake", profile)
    assert job["error"] == "org.quiesced1.Error.VerifyFailed"
    assert shown(lab, HOME)["ImageId"] == job["images"][0]
    assert [images_of(lab.cloud, region) for region in (AWAY, FAR)] == [[], []]
    assert permissions(lab, shown(lab, HOME), HOME) == [] and not has_parameter(lab)
    lab.cloud.configure(**lab.knobs)
    lab.empty_cloud()
    time.sleep(1)        # %t is another second
    assert_published(lab, lab.bake("bake", profile))
    assert tags_of(shown(lab, AWAY))["quiesced:verified"] != "no"


def test_regions_that_make_no_sense_are_refused_before_anything_is_frozen(lab):
    for text, piece in [
            (IMAGE.replace(AWAY, HOME), f"names {HOME}, where the image is made"),
            (IMAGE.replace(f"{AWAY}b", "sa-east-1a"), "names sa-east-1a, which lies neither in")]:
        assert piece in lab.ctl("plan", install(lab, text)).stderr
        job, message = lab.failed_bake("bake", "published")
        assert job["error"] == "org.quiesced1.Error.ConfigInvalid"
        assert piece in message
        assert int(job["frozen-usec"]) == 0
    assert lab.cloud.snapshots() == []


# Cancelled

def copies_under_way(lab, pause=None):
    """A bake whose two copies stay pending; its client. The worker stops at `pause`, once it gets there."""
    lab.pause_worker(pause)
    lab.cloud.configure(copies_at_once=0)
    bake = lab.bake_in_background("bake", install(lab, IMAGE))
    wait_until(lambda: lab.cloud.calls("CopyImage"), 20, "a copy is asked for")
    lab.cloud.configure(**{**lab.knobs, "image_seconds": 600})
    job = await_copies(lab)
    lab.pause_worker(None)
    return bake, job


def await_copies(lab):
    (job,) = lab.new_jobs()

    def known():
        copies = lab.records()[job["id"]]["publication"]["copies"]
        return all("image" in copy for copy in copies.values())

    wait_until(known, 20, "both copies are under way")
    return job


def assert_taken_back(lab, job, *others):
    assert job["result"] == "cancelled"
    assert shown(lab, HOME)["State"] == "available" and len(lab.cloud.snapshots(HOME)) > 0
    assert [one["id"] for region in (AWAY, FAR) for one in images_of(lab.cloud, region)] == [*others]
    assert [one for region in (AWAY, FAR) for one in lab.cloud.snapshots(region)
            if one["tags"].get("quiesced:copy-of")] == []
    assert not has_parameter(lab)
    assert lab.records()[job["id"]]["state"] == "cancelled"


def test_a_cancel_takes_back_the_copies_that_are_under_way(lab):
    worker = pause_at(lab, "made")
    other = copy_by_hand(lab, images_of(lab.cloud)[0]["id"])
    lab.cloud.configure(image_seconds=600)
    processes.send(worker, signal.SIGCONT)
    job = await_copies(lab)
    assert lab.ctl("cancel", job["id"]).returncode == 0
    (job,) = lab.wait_for_new_jobs()
    assert_taken_back(lab, job, other["id"])
    assert_untouched(lab, other)


def test_a_copy_whose_id_is_not_on_record_is_taken_back(lab):
    """The one in the other region was not asked for yet."""
    worker = pause_at(lab, "copying")
    (job,) = lab.new_jobs()
    assert lab.ctl("cancel", job["id"]).returncode == 0
    processes.send(worker, signal.SIGCONT)
    (job,) = lab.wait_for_new_jobs()
    assert_taken_back(lab, job)
    assert len(lab.cloud.calls("CopyImage")) == 1


def test_a_kill_while_copies_are_taken_back(lab):
    _, job = copies_under_way(lab, pause="taking-back")
    assert lab.ctl("cancel", job["id"]).returncode == 0
    worker = wait_until(lambda: next((one for one in lab.workers() if processes.is_stopped(one)), None),
                        20, "it is about to take them back")
    processes.send(worker, signal.SIGKILL)
    (job,) = lab.wait_for_new_jobs(40)
    assert_taken_back(lab, job)


def test_copies_that_may_not_be_deleted_are_named_and_taken_back_later(lab):
    _, job = copies_under_way(lab)
    lab.cloud.configure(deny=["DeregisterImage"])
    assert lab.ctl("cancel", job["id"]).returncode == 0
    (job,) = lab.wait_for_new_jobs()
    assert job["result"] == "cancelled" and "could not all be deleted" in job["message"]
    assert len(images_of(lab.cloud, AWAY)) == 1
    lab.cloud.configure(deny=[])
    lab.restart_daemon()
    wait_until(lambda: lab.records()[job["id"]]["state"] == "cancelled", 20, "it is finished")
    assert_taken_back(lab, job)


def test_a_job_tells_what_became_of_its_publication(lab):
    job = lab.bake("bake", install(lab, IMAGE))
    details = lab.records()[job["id"]]["details"]["publication"]
    assert details["copies"][AWAY]["image"] == shown(lab, AWAY)["ImageId"]
    assert json.dumps(details["steps"]).count("true") == len(details["steps"])
