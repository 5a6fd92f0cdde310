# SPDX-License-Identifier: Apache-2.0
"""
An image of an instance-store root: a disk on a loop device under writers, read by the real capture
in the window of the real freezer, bundled to the simulated S3, and registered.
"""

import contextlib
import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from lab import processes
from lab.certificates import make_pair
from lab.loopfs import LoopFs
from lab.processes import wait_until
from lab.storelab import BUCKET, KEPT, MARK, PREFIX, SECRETS, StoreLab
from lab.written import boottime_usec

ERROR = "org.quiesced1.Error."
# Of the worker: before the window, in it, and with an image that is whole on disk.
EARLY_STEPS = ["frozen", "kept"]
LATE_STEPS = [("cut", "daemon"), ("part-given", "worker"), ("uploaded", "worker"),
              ("registered", "worker")]


@pytest.fixture(scope="module")
def module_store():
    with StoreLab(budget="10s") as lab:
        yield lab


@pytest.fixture
def store(module_store):
    module_store.recover()
    yield module_store
    module_store.recover()


def pause_at(store, step, *arguments):
    """A bake that stands still at `step`: (its client, the worker's id)."""
    store.pause_worker(step)
    client = store.bake_in_background("bake", "store", *arguments)

    def stopped():
        assert client.poll() is None, (client.communicate(), store.log())
        return next((w for w in store.workers() if processes.is_stopped(w)), None)

    worker = wait_until(stopped, 30, f"the worker stops at {step}")
    store.pause_worker(None)
    return client, worker


def kill(worker):
    processes.send(worker, signal.SIGKILL)
    wait_until(lambda: not processes.is_alive(worker), 5, "it is dead")


def assert_nothing_is_left(store):
    wait_until(lambda: not store.captures(), 5, "every capture ends")
    assert store.images_in_cloud() == []
    assert store.objects() == {} and store.staged() == []
    assert store.disk.accepts_write()


def assert_one_image(store, job):
    """One image of one bundle: the manifest and what it names, each once, and nothing staged."""
    assert (job["result"], job["consistency"]) == ("done", "filesystem"), job
    (image,) = store.images_in_cloud()
    assert job["images"] == [image["id"]]
    assert image["tags"]["quiesced:job"] == job["id"]
    manifests = [key for key in store.objects() if key.endswith(".manifest.xml")]
    (view,) = store.ec2.describe_images(ImageIds=[image["id"]])["Images"]
    assert [f"{BUCKET}/{key}" for key in manifests] == [view["ImageLocation"]]
    assert store.staged() == []
    assert len([call for call in store.cloud.calls("RegisterImage") if call["code"] is None]) == 1
    return view


def refused(store, *arguments):
    job, message = store.failed_bake("bake", "store", *arguments)
    assert_nothing_is_left(store)
    return job["error"].removeprefix(ERROR), message


# What comes of it

def test_a_disk_under_load_becomes_an_image(store):
    folders = [Path(partition.mount_point) / "written" for partition in store.disk.mounted]
    for folder in folders:
        folder.mkdir(exist_ok=True)
    specs = [("append", folders[0]), ("sync", folders[1]), ("pairs", *folders)]
    with store.writers(specs) as writers:
        writers.wait_for_writes(20)
        client, worker = pause_at(store, "prepared")
        writers.wait_for_writes(40)     # after the live passes: only the window has them
        cut_usec = boottime_usec()
        processes.send(worker, signal.SIGCONT)
        assert client.wait(60) == 0, client.communicate()
        with store.unbundled() as image:
            verdict = store.judge_image(image, writers, cut_usec)
            raw = image.read_bytes()
    assert verdict.problems == [] and verdict.returned >= 40
    assert MARK not in raw, "what was scrubbed is in the raw bytes"
    (job,) = store.new_jobs()
    view = assert_one_image(store, job)
    assert (view["RootDeviceType"], view["VirtualizationType"]) == ("instance-store", "hvm")
    assert job["frozen-usec"] > 0
    for name in (*SECRETS, *KEPT):
        assert (store.root / name).exists(), "the disk itself is not scrubbed"


def test_the_job_lists_what_was_removed_and_whose_the_bundle_is(store):
    job = store.bake("bake", "store", "--scrub-include=/root/.bash_history")
    scrubbed = job["details"]["scrubbed"]
    assert sorted(scrubbed["paths"]) == sorted(
        f"/{name}" for name in SECRETS if name != "root/.bash_history")
    assert scrubbed["count"] == len(scrubbed["paths"])
    assert_one_image(store, job)
    objects = store.cloud.objects(BUCKET)
    assert {one["acl"] for one in objects} == {"aws-exec-read"}
    for one in objects:
        assert one["tags"]["quiesced:job"] == job["id"]
        assert one["tags"]["quiesced:instance"] == store.instance_id
    keys = [call["params"]["Key"] for call in store.puts()]
    assert keys[-1].endswith(".manifest.xml") and len(keys) == len(objects) >= 3
    # The image goes with all of it.
    assert store.ctl("deregister", job["images"][0], "--quiet").returncode == 0
    assert_nothing_is_left(store)


def test_a_long_list_of_what_was_removed_is_in_a_file_as_long_as_its_job(store):
    folder = store.root / "srv/many"
    folder.mkdir()
    names = [f"{number:03}-{'x' * 150}\n~" for number in range(400)]
    try:
        for name in names:
            (folder / name).touch()
        job = store.bake("bake", "store")
    finally:
        shutil.rmtree(folder)
    scrubbed = job["details"]["scrubbed"]
    assert len(scrubbed["paths"]) < scrubbed["count"] == 400 + len(SECRETS)
    lines = [json.loads(line) for line in Path(scrubbed["file"]).read_text().splitlines()]
    assert set(scrubbed["paths"]) < set(lines) and len(lines) == scrubbed["count"]
    assert {f"/srv/many/{name}" for name in names} < set(lines)


def test_without_a_scrub_secrets_stay_and_what_is_excluded_goes(store):
    job = store.bake("bake", "store", "--no-scrub", "--scrub-exclude=*.bash_history")
    assert sorted(job["details"]["scrubbed"]["paths"]) == [
        "/root/.bash_history", "/srv/keep.bash_history", "/srv/password.txt"]
    with store.unbundled() as image:
        raw = image.read_bytes()
    assert MARK + b"1" in raw and MARK + b"4" not in raw


def test_the_plan_says_what_is_read_frozen_and_put_where(store):
    plan = store.json("plan", "store")
    assert (plan["method"], plan["refusals"]) == ("bundle", [])
    assert "instance store" in plan["method-reason"]
    assert [[one["mount-point"] for one in group] for group in plan["groups"]] == [
        sorted(str(partition.mount_point) for partition in store.disk.mounted)]
    assert store.disk.device in plan["calls"][0] and f"{BUCKET}/{PREFIX}" in plan["calls"][2]
    assert store.volumes[0].mount_point in [gap["what"] for gap in plan["not-covered"]]
    assert store.puts() == [] and store.staged() == []


# What becomes of it then

def test_it_is_verified_by_an_instance_that_is_launched_from_it(store):
    with store.settings(Verify=["TimeoutSec=30s"], Aws=["SettleSec=2s"]):
        store.write_profile(bake=["Verify=launch"])
        store.cloud.fault("RunInstances", error="InvalidAMIID.NotFound", status=400)
        job = store.bake("bake", "store")
        assert_one_image(store, job)
        (image,) = store.images_in_cloud()
        assert image["tags"]["quiesced:verified"].startswith("2")
        (launched,) = [one for one in store.cloud.instances() if one["image"] == image["id"]]
        assert launched["state"] in ("shutting-down", "terminated")
        # An image that does not come up stays, and so does its bundle.
        store.cloud.configure(impaired=["instance"])
        job, message = store.failed_bake("bake", "store")
        assert job["error"] == f"{ERROR}VerifyFailed" and len(store.images_in_cloud()) == 2


def test_copies_of_a_bundle_are_refused_before_anything_is_read_and_later(store):
    job = store.bake("bake", "store")
    with (store.folder / "etc/profiles/store.conf").open("a") as profile:
        profile.write("[Publish]\nCopyTo=eu-west-1\n")
    for arguments in (("bake", "store"), ("publish", job["images"][0])):
        failed, message = store.failed_bake(*arguments)
        assert failed["error"] == f"{ERROR}NotSupported" and "CopyTo= in [Publish]" in message
    assert store.cloud.calls("CopyImage") == [] and len(store.images_in_cloud()) == 1


def test_what_is_written_to_a_partition_that_nothing_is_mounted_from_costs_the_class(store):
    (watched,) = store.json("plan", "store")["watched"]
    assert watched["what"] == store.raw
    for label in ("fail", "label"):
        store.write_profile(bake=[f"OnDegrade={label}"])
        client, worker = pause_at(store, "frozen")
        fd = os.open(store.raw, os.O_WRONLY | os.O_SYNC)
        try:
            os.pwrite(fd, b"in the window", 4096)
        finally:
            os.close(fd)
        processes.send(worker, signal.SIGCONT)
        assert client.wait(30) == (label == "fail"), client.communicate()
        job = store.wait_for_new_jobs()[-1]
        assert job["consistency"] == "crash" or job["error"] == f"{ERROR}ConsistencyNotReached"
        if label == "fail":
            assert f"{store.raw}, which is not frozen, was written to meanwhile" in job["message"]
            assert_nothing_is_left(store)
    (image,) = store.images_in_cloud()
    assert image["tags"]["quiesced:consistency"] == "crash"


# What dies on the way

@pytest.mark.parametrize("step", EARLY_STEPS)
def test_killed_before_the_image_is_whole_nothing_is_left(store, step):
    _, worker = pause_at(store, step)
    kill(worker)
    (job,) = store.wait_for_new_jobs(30)
    assert job["error"] == f"{ERROR}WorkerDied"
    assert_nothing_is_left(store)


@pytest.mark.parametrize("step, victim", LATE_STEPS)
def test_killed_later_it_goes_on_and_the_disk_is_not_read_again(store, step, victim):
    _, worker = pause_at(store, step)
    before = [call["params"]["Key"] for call in store.puts()]
    kill(worker if victim == "worker" else store.daemon.pid)
    if victim == "daemon":
        processes.send(worker, signal.SIGCONT)
        wait_until(lambda: not processes.is_alive(worker), 20, "the worker follows its daemon")
        store.restart_daemon()
    (job,) = store.wait_for_new_jobs(60)
    assert_one_image(store, job)
    keys = [call["params"]["Key"] for call in store.puts()]
    # At most what was under way at that moment is sent twice: four parts, and the manifest.
    assert set(before) <= set(keys)
    assert len(keys) - len(set(keys)) <= (5 if step == "part-given" else 1)
    if step == "part-given":
        with store.unbundled() as image:
            assert MARK not in image.read_bytes()


def test_a_freeze_that_a_net_has_ended_makes_nothing_whatever_the_label(store):
    store.write_profile(bake=["FreezeBudgetSec=3s", "OnDegrade=label"])
    client, worker = pause_at(store, "frozen")
    wait_until(store.disk.accepts_write, 10, "the freezer's deadline")
    processes.send(worker, signal.SIGCONT)
    assert client.wait(60) == 1
    (job,) = store.wait_for_new_jobs()
    assert job["error"] == f"{ERROR}FreezeTimeout"
    assert_nothing_is_left(store)


def test_what_cannot_be_deleted_at_once_goes_later(store):
    with store.settings(Daemon=["ResumeDelaySec=1s"]):
        store.restart_daemon()
        client, worker = pause_at(store, "part-given")
        store.cloud.fault("DeleteObject", error="AccessDenied", status=403)
        assert store.ctl("cancel", store.jobs()[-1]["id"]).returncode == 0
        processes.send(worker, signal.SIGCONT)
        assert client.wait(60) == 1
        assert f"{BUCKET}/{PREFIX}" in client.communicate()[1], "what is left is named"
        wait_until(lambda: not store.objects() and not store.staged(), 30, "it goes later")
        store.wait_for_new_jobs()
    store.restart_daemon()
    assert_nothing_is_left(store)


def test_a_capture_that_dies_leaves_nothing_and_is_named(store):
    client, worker = pause_at(store, "prepared")
    (capture,) = store.captures()
    kill(capture)
    processes.send(worker, signal.SIGCONT)
    assert client.wait(60) == 1
    (job,) = store.wait_for_new_jobs()
    assert job["error"] == f"{ERROR}CaptureFailed" and "quiesced-capture" in job["message"]
    assert_nothing_is_left(store)


@pytest.mark.parametrize("step", ["prepared", "part-given"])
def test_cancelled_nothing_is_left(store, step):
    client, worker = pause_at(store, step)
    job = store.jobs()[-1]["id"]
    assert store.ctl("cancel", job).returncode == 0
    processes.send(worker, signal.SIGCONT)
    assert client.wait(60) == 1
    (job,) = store.wait_for_new_jobs(30)
    assert job["result"] == "cancelled", job
    assert_nothing_is_left(store)


# What S3 and EC2 do

def test_what_s3_does_for_a_while_only_takes_longer(store):
    """Busy, broken, reset, silent after it has stored what came, and slow: one part after another."""
    faults = [{"error": "SlowDown", "status": 503}, {"error": "InternalError", "status": 500},
              {"answer": "reset"}, {"answer": "lost"}, {"delay_after": 1.0}]
    for number, fault in enumerate(faults):
        store.cloud.fault("PutObject", skip=number, **fault)
    job = store.bake("bake", "store")
    assert_one_image(store, job)
    assert len([call for call in store.puts() if call["fault"]]) == len(faults)
    with store.unbundled():
        pass


def test_a_lost_answer_of_register_image_makes_no_second_one(store):
    store.cloud.fault("RegisterImage", answer="lost")
    assert_one_image(store, store.bake("bake", "store"))


def test_what_ec2_does_not_register_leaves_nothing(store):
    store.cloud.set_bucket(BUCKET, versioning="Enabled")
    store.cloud.fault("RegisterImage", error="InvalidManifest", message="HTTP 403 (Forbidden)")
    try:
        kind, message = refused(store)
        assert kind == "ApiError" and "InvalidManifest" in message
        assert store.cloud.object_versions(BUCKET) == [], "old versions are paid for, too"
    finally:
        store.cloud.set_bucket(BUCKET, versioning=None)


def test_what_s3_denies_is_named_and_leaves_nothing(store):
    store.cloud.fault("PutObject", error="AccessDenied", status=403, skip=1, times=-1)
    kind, message = refused(store)
    assert kind == "AccessDenied" and "s3:PutObjectAcl" in message


def test_below_the_class_that_is_demanded_nothing_is_left(store):
    store.write_profile(bake=["Consistency=application"])
    kind, _ = refused(store)
    assert kind == "ConsistencyNotReached"
    assert store.puts() == []


# What is wrong before anything is read

def test_bad_papers_and_buckets_are_refused_before_anything_is_read(store):
    other_key, _ = make_pair(store.pki, "other")
    other_key.chmod(0o644)
    _, short = make_pair(store.pki, "short", key=("rsa:1023",))
    store.cloud.add_bucket(name="no-acls")
    store.cloud.add_bucket(name="theirs", owner="210987654321", acls=True, shared=True)
    cases = [
        ({"PrivateKey": other_key}, "ConfigInvalid", "certificate of another key"),
        ({"PrivateKey": store.pki / "none"}, "ConfigInvalid", str(store.pki / "none")),
        ({"PrivateKey": "bundle.key"}, "ConfigInvalid", "LoadCredential=bundle.key"),
        ({"Certificate": store.user_key}, "ConfigInvalid", str(store.user_key)),
        ({"Ec2Certificate": "/dev/null"}, "ConfigInvalid",
         "Ec2Certificate=/dev/null, for partition aws: The file /dev/null is no X.509 certificate"),
        ({"Ec2Certificate": [f"aws:{short}", f"aws-cn:{store.ec2_certificate}"]}, "ConfigInvalid",
         f"Ec2Certificate=aws:{short}, for partition aws: The file {short} has an RSA key of 1023 bits"),
        ({"Ec2Certificate": f"aws-cn:{store.ec2_certificate}"}, "ConfigInvalid",
         "has no certificate for partition aws,"),
        ({"Ec2Certificate": store.user_certificate}, "ConfigInvalid", "nobody's but EC2's"),
        ({"Bucket": "no-such-bucket"}, "ApiError", "there is no bucket no-such-bucket"),
        ({"Bucket": "no-acls"}, "ConfigInvalid", "Bucket owner preferred"),
        ({"Bucket": "theirs"}, "ApiError", "belongs to another account"),
        ({"Bucket": None}, "NotSupported", "to say Bucket= as well"),
        ({"FileSystem": "/none"}, "PlanRefused", "No file system is mounted at /none"),
        ({"StagingFolder": store.folder / "none"}, "CaptureFailed", str(store.folder / "none")),
    ]
    for keys, kind, words in cases:
        store.write_profile(**keys)
        found, message = refused(store)
        assert (found, words in message) == (kind, True), (keys, found, message)


def test_of_ec2s_certificates_that_of_the_partition_is_used(store):
    store.write_profile(Ec2Certificate=["/none", "aws-cn:/none/cn", f"aws:{store.ec2_certificate}"])
    assert_one_image(store, store.bake("bake", "store"))
    with store.unbundled():     # by its key
        pass
    (check,) = [one for one in json.loads(store.ctl("doctor", "--json").stdout)["checks"]
                if one["what"] == "profile store"]
    assert check["result"] == "failed" and "Ec2Certificate=/none: The file /none" in check["message"]


def test_the_private_key_may_be_a_credential_of_systemd(store):
    with store.daemon_environment(CREDENTIALS_DIRECTORY=str(store.pki)):
        store.write_profile(PrivateKey=store.user_key.name)
        assert_one_image(store, store.bake("bake", "store"))


def test_a_staging_folder_that_is_full_is_named(store, scratch):
    with contextlib.ExitStack() as stack:
        fs = LoopFs.make("ext4", str(scratch), size=16 << 20, name="full")
        stack.callback(fs.cleanup)
        store.write_profile(StagingFolder=fs.mount_point)
        kind, message = refused(store)
        assert kind == "CaptureFailed" and fs.mount_point in message


def test_without_a_capture_nothing_is_frozen(store):
    store.stop_capture()
    try:
        job, message = store.failed_bake("bake", "store")
        assert job["error"] == f"{ERROR}CaptureFailed" and "quiesced-capture.socket" in message
        assert job["frozen-usec"] == 0
        (check,) = [one for one in json.loads(store.ctl("doctor", "--json").stdout)["checks"]
                    if one["what"] == "profile store"]
        assert check["result"] == "failed" and "quiesced-capture.socket" in check["message"]
    finally:
        store.start_capture()
