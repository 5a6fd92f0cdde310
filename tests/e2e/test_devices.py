# SPDX-License-Identifier: Apache-2.0
"""Disks and volumes that are not as they should be: each is named, and the profile decides."""

import contextlib
import mmap
import os
import signal
import subprocess
from pathlib import Path

import pytest

from lab import processes
from lab.checkers import ext4_needs_recovery
from lab.loopfs import LOG_BYTES, LoopFs, loop_device, run
from lab.processes import wait_until

STRANGE_ID = "vol-00000000000000bad"
PROFILES = {
    "strict": "[Bake]\nType=snapshots\n",
    "lenient": "[Bake]\nType=snapshots\nOnDegrade=label\n",
}


@pytest.fixture(autouse=True)
def profiles(lab):
    folder = lab.config.parent / "profiles"
    folder.mkdir(exist_ok=True)
    for name, text in PROFILES.items():
        write_profile(lab, name, text)


def write_profile(lab, name, text):
    (lab.config.parent / "profiles" / f"{name}.conf").write_text(text)


def write_exclusion(lab, entry):
    write_profile(lab, "without", f"[Bake]\nType=snapshots\nExclude={entry}\n")


def refusals(lab, profile):
    done = lab.ctl("plan", profile)
    assert (done.returncode, "\nRefused:\n" in done.stdout) in [(0, False), (1, True)], done
    return done.stdout.partition("\nRefused:\n")[2]


def row(lab, **wanted):
    """The volume of `quiescectl volumes --json`; its reason stands in the table, too."""
    (found,) = [one for one in lab.json("volumes")["volumes"]
                if wanted.items() <= one.items()]
    assert found["reason"] in lab.ctl("volumes").stdout
    return found


@contextlib.contextmanager
def detached(lab, volume):
    """As far as EC2 knows."""
    lab.cloud.detach_volume(volume.id)
    try:
        yield volume
    finally:
        lab.cloud.attach_volume(id=volume.id, path=volume.fs.image, device=volume.device_name)


@contextlib.contextmanager
def attached_without_a_device(lab):
    lab.cloud.attach_volume(id=STRANGE_ID, path=lab.volumes[1].fs.image, device="/dev/sdq")
    try:
        yield
    finally:
        lab.cloud.detach_volume(STRANGE_ID)


def test_a_device_with_an_id_that_ec2_does_not_list(lab):
    with detached(lab, lab.volumes[1]) as data:
        found = row(lab, id=data.id)
        assert not found["covered"] and "EC2 does not list it" in found["reason"]
        (fs,) = [one for one in lab.json("volumes")["filesystems"]
                 if one["mount-point"] == data.mount_point]
        assert not fs["covered"] and data.id in fs["reason"]
        assert f"{data.fs.device} says it is {data.id}" in refusals(lab, "strict")
        job, message = lab.failed_bake("bake", "strict")
        assert job["error"].endswith(".TopologyMismatch") and data.id in message
        assert lab.cloud.snapshots() == []
        assert lab.bake("bake", "lenient")["consistency"] == "crash"
        for entry in (data.id, data.fs.device, data.mount_point):
            write_exclusion(lab, entry)
            assert refusals(lab, "without") == ""
        job = lab.bake("bake", "without")
        assert (job["consistency"], len(job["snapshots"])) == ("filesystem", 1)


def test_a_volume_that_ec2_lists_and_no_device_shows(lab):
    with attached_without_a_device(lab):
        found = row(lab, id=STRANGE_ID)
        assert not found["covered"] and "device" not in found
        assert found["attached-as"] == "/dev/sdq"
        assert f"{STRANGE_ID} is attached as /dev/sdq" in refusals(lab, "strict")
        job, message = lab.failed_bake("bake", "strict")
        assert job["error"].endswith(".TopologyMismatch") and STRANGE_ID in message
        job = lab.bake("bake", "lenient")
        assert (job["consistency"], len(job["snapshots"])) == ("crash", len(lab.volumes) + 1)
        write_exclusion(lab, "/dev/sdq")
        job = lab.bake("bake", "without")
        assert (job["consistency"], len(job["snapshots"])) == ("filesystem", len(lab.volumes))


def test_a_file_system_on_no_volume_is_listed_or_refused(lab, scratch):
    with LoopFs.make("ext4", str(scratch), name="scratch") as fs:
        (found,) = [one for one in lab.json("volumes")["filesystems"]
                    if one["mount-point"] == fs.mount_point]
        assert not found["covered"] and found["volumes"] == []
        plan = lab.json("plan", "strict")
        (gap,) = [gap for gap in plan["not-covered"] if gap["what"] == fs.mount_point]
        assert gap["reason"] == found["reason"]
        assert lab.bake("bake", "strict")["consistency"] == "filesystem"
        write_profile(lab, "whole", PROFILES["strict"] + "OnUncovered=fail\n")
        said = refusals(lab, "whole")
        assert f"{fs.mount_point} would be in no snapshot: " in said
        assert f"Exclude={fs.mount_point}" in said
        job, _ = lab.failed_bake("bake", "whole")
        assert job["error"].endswith(".NotCovered")
        # What this machine itself is mounted from is on no volume either.
        write_profile(lab, "whole",
                      PROFILES["strict"] + f"OnUncovered=fail\nExclude={fs.mount_point}\n")
        assert f"{fs.mount_point} would be" not in refusals(lab, "whole")


@pytest.fixture
def raw(lab):
    """A volume that nothing is mounted from, as of a database that does without a file system."""
    data = lab.volumes[1]
    mount_point = data.mount_point
    data.fs.umount()
    yield data
    data.fs.mount(mount_point)


def write_past_the_cache(device):
    block = mmap.mmap(-1, 4096)
    fd = os.open(device, os.O_RDWR | os.O_DIRECT)
    try:
        os.preadv(fd, [block], 0)
        os.pwrite(fd, block, 0)
    finally:
        os.close(fd)


def bake_with_a_write_at(lab, point, device, profile):
    """The job, and what quiescectl said."""
    lab.pause_worker(point)
    client = lab.bake_in_background("bake", profile)
    worker = wait_until(lambda: next((w for w in lab.workers() if processes.is_stopped(w)), None),
                        10, "it pauses")
    lab.pause_worker(None)
    write_past_the_cache(device)
    processes.send(worker, signal.SIGCONT)
    _, message = client.communicate(timeout=60)
    (job,) = lab.wait_for_new_jobs()
    return job, message


def at_rest(lab, job):
    """The tags that say so."""
    return {lab.cloud_snapshot(one)["tags"].get("quiesced:at-rest") for one in job["snapshots"]}


def test_a_volume_without_a_file_system_counts_if_nobody_writes_to_it(lab, raw):
    assert "watched for writes" in row(lab, id=raw.id)["reason"]
    (watched,) = lab.json("plan", "strict")["watched"]
    assert (watched["what"], watched["volumes"]) == (raw.fs.device, [raw.id])
    assert raw.fs.device in lab.ctl("plan", "strict").stdout.partition("\nNot frozen")[2]
    write_past_the_cache(raw.fs.device)
    job = lab.bake("bake", "strict")
    assert (job["consistency"], len(job["snapshots"])) == ("filesystem", len(lab.volumes))
    assert at_rest(lab, job) == {raw.fs.device}


def test_a_write_to_it_while_the_rest_is_frozen_is_seen(lab, raw):
    job, message = bake_with_a_write_at(lab, "frozen", raw.fs.device, "strict")
    assert job["error"].endswith(".ConsistencyNotReached")
    assert f"{raw.fs.device}, which is not frozen, was written to" in message
    assert lab.cloud.snapshots() == []


def test_and_labelled_where_the_profile_says_so(lab, raw):
    job, _ = bake_with_a_write_at(lab, "frozen", raw.fs.device, "lenient")
    assert (job["result"], job["consistency"]) == ("done", "crash")
    assert at_rest(lab, job) == {None}
    assert f"{raw.fs.device}, which is not frozen" in lab.log()


def test_a_write_before_the_freeze_is_none_of_its_business(lab, raw):
    job, _ = bake_with_a_write_at(lab, "synced", raw.fs.device, "strict")
    assert (job["result"], job["consistency"]) == ("done", "filesystem")


def test_a_device_whose_writes_nobody_counts_proves_nothing(lab, raw):
    switch = Path("/sys/block", raw.fs.device.removeprefix("/dev/"), "queue/iostats")
    switch.write_text("0")
    try:
        job, message = lab.failed_bake("bake", "strict")
    finally:
        switch.write_text("1")
    assert job["error"].endswith(".ConsistencyNotReached")
    assert f"nobody counts the writes to {raw.fs.device}" in message
    write_exclusion(lab, raw.fs.device)
    assert lab.bake("bake", "without")["consistency"] == "filesystem"


def test_a_mount_point_may_be_any_bytes(lab):
    data = lab.volumes[1]
    original = data.mount_point
    odd = os.fsdecode(os.fsencode(f"{lab.mounts}/caf") + b"\xe9")
    data.fs.umount()
    try:
        data.fs.mount(odd)
        try:
            (group,) = lab.json("plan", "strict")["groups"]
            assert f"{lab.mounts}/caf\\351" in [one["mount-point"] for one in group]
            job = lab.bake("bake", "strict")
        finally:
            data.fs.umount()
    finally:
        data.fs.mount(original)
        os.rmdir(odd)
    assert job["consistency"] == "filesystem"
    (tag,) = [one["tags"]["quiesced:mounts"] for one in lab.cloud.snapshots()
              if one["volume"] == data.id]
    assert tag == f"{lab.mounts}/caf\\351"


@contextlib.contextmanager
def mounted_out_of_sight(device, mount_point):
    """In a mount namespace of its own, as RootImage= and systemd-nspawn --image do."""
    script = 'mount "$1" "$2" && echo mounted && read -r _; umount "$2"'
    with subprocess.Popen(
            ["unshare", "-m", "--propagation=private", "sh", "-c", script, "sh", device,
             mount_point], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as elsewhere:
        try:
            assert elsewhere.stdout.readline() == b"mounted\n"
            yield
        finally:
            elsewhere.stdin.close()


def test_an_image_that_is_mounted_out_of_sight_lowers_the_class(lab, scratch):
    data = lab.volumes[1]
    with LoopFs.make("ext4", data.mount_point, name="image") as fs:
        fs.umount()
        assert lab.bake("bake", "strict")["consistency"] == "filesystem"
        with mounted_out_of_sight(fs.device, scratch):
            said = refusals(lab, "strict")
            assert f"{fs.device} has a file system that is mounted in another" in said
            job, _ = lab.failed_bake("bake", "strict")
            assert job["error"].endswith(".PlanRefused")
            job = lab.bake("bake", "lenient")
            assert job["consistency"] == "crash" and at_rest(lab, job) == {None}
            write_exclusion(lab, data.id)
            assert lab.bake("bake", "without")["consistency"] == "filesystem"
    os.unlink(fs.image)
    os.rmdir(os.path.join(data.mount_point, "image"))


DATA_ID, LOG_ID = "vol-0000000000000da7a", "vol-0000000000000106"


@contextlib.contextmanager
def volume_with_its_log_on_another(lab, kind):
    """A file system on a volume of its own, and its log on a second one."""
    image = f"{lab.images}/log-{kind}.img"
    with loop_device(image, LOG_BYTES) as log, \
            LoopFs.make(kind, lab.images, name=f"apart-{kind}", log=log,
                        mount_point=f"{lab.mounts}/apart-{kind}") as fs:
        lab.cloud.attach_volume(id=DATA_ID, path=fs.image, device="/dev/sdq")
        lab.cloud.attach_volume(id=LOG_ID, path=image, device="/dev/sdr")
        known = [f"VolumeMap={v.fs.device}:{v.id}" for v in lab.volumes]
        try:
            with lab.settings(Host=[*known, f"VolumeMap={fs.device}:{DATA_ID}",
                                    f"VolumeMap={log}:{LOG_ID}"]):
                yield fs
        finally:
            lab.cloud.detach_volume(DATA_ID)
            lab.cloud.detach_volume(LOG_ID)


def read_in_copies(fs, copies, name, folder):
    """What a file has in the copies of both volumes, of which nothing is recovered."""
    with contextlib.ExitStack() as undo:
        devices = []
        for volume in DATA_ID, LOG_ID:
            devices.append(run("losetup", "-r", "-f", "--show", copies[volume]))
            undo.callback(run, "losetup", "-d", devices[-1])
        options = {"xfs": f"ro,norecovery,nouuid,logdev={devices[1]}", "ext4": "ro,noload"}
        run("mount", "-t", fs.kind, "-o", options[fs.kind], devices[0], folder)
        undo.callback(run, "umount", folder)
        with open(os.path.join(folder, name), encoding="ascii") as file:
            return file.read()


@pytest.mark.parametrize("kind, role", [("xfs", "logdev"), ("ext4", "journal")])
def test_a_log_on_another_volume_goes_with_its_file_system(lab, scratch, kind, role):
    with volume_with_its_log_on_another(lab, kind) as fs:
        plan = lab.json("plan", "strict")
        (frozen,) = [one for group in plan["groups"] for one in group
                     if one["mount-point"] == fs.mount_point]
        assert frozen["volumes"] == [DATA_ID, LOG_ID] and plan["watched"] == []
        write_exclusion(lab, LOG_ID)
        assert f"{fs.mount_point} lies on 2 volumes, and only 1 are" in refusals(lab, "without")
        with open(os.path.join(fs.mount_point, "said"), "w", encoding="ascii") as file:
            file.write("before")  # and not synced
        job = lab.bake("bake", "strict")
        assert job["consistency"] == "filesystem"
        made = {one["volume"]: one for one in map(lab.cloud_snapshot, job["snapshots"])}
        for number, volume in enumerate((DATA_ID, LOG_ID), 1):
            tags = made[volume]["tags"]
            assert tags["quiesced:mounts"] == fs.mount_point
            assert tags["quiesced:topology"].startswith(f"{kind} ")
            assert tags["quiesced:topology"].endswith(f" {number}/2 {role}:{fs.log}")
        copies = {volume: one["path"] for volume, one in made.items()}
        assert kind != "ext4" or not ext4_needs_recovery(copies[DATA_ID])
        folder = scratch / "copy"
        folder.mkdir()
        assert read_in_copies(fs, copies, "said", str(folder)) == "before"
