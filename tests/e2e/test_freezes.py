# SPDX-License-Identifier: Apache-2.0
"""File systems that are not as the plan would like them."""

import os
import shutil
import signal
import subprocess
import time

import pytest

from lab import processes
from lab.lab import Lab
from lab.loopfs import LoopFs, thaw
from lab.processes import wait_until

BUDGET_SEC = 4.0
# What is thawed later than that was thawed by something else.
SLACK_SEC = 5


def error(job):
    return job["error"].rpartition(".")[2]


def test_a_foreign_freeze_survives_and_is_named(lab):
    foreign = lab.volumes[1]
    foreign.fs.freeze()
    try:
        job, message = lab.failed_bake("snapshot")
        assert not foreign.fs.accepts_write(0.3), "somebody else's freeze was thawed"
    finally:
        foreign.fs.thaw()
    assert error(job) == "ForeignFreeze"
    assert foreign.mount_point in message
    assert lab.volumes[0].fs.accepts_write()
    assert lab.cloud.snapshots() == []


def test_a_mount_that_vanishes_after_the_plan_is_named(lab):
    volume = lab.volumes[1]
    mount_point = volume.mount_point
    lab.pause_worker("planned")
    client = lab.bake_in_background("snapshot")
    worker = wait_until(
        lambda: next((w for w in lab.workers() if processes.is_stopped(w)), None), 10, "it pauses"
    )
    volume.fs.umount()
    try:
        processes.send(worker, signal.SIGCONT)
        _, message = client.communicate(timeout=60)
    finally:
        volume.fs.mount(mount_point)
    (job,) = lab.wait_for_new_jobs()
    assert error(job) == "MountVanished"
    assert mount_point in message
    assert lab.cloud.snapshots() == []


def test_a_read_only_file_system_is_part_of_the_snapshot(lab):
    volume = lab.volumes[1]
    subprocess.run(["mount", "-o", "remount,ro", volume.mount_point], check=True)
    try:
        job = lab.bake("snapshot")
    finally:
        subprocess.run(["mount", "-o", "remount,rw", volume.mount_point], check=True)
    assert job["consistency"] == "filesystem"
    assert len(job["snapshots"]) == 2


def test_a_full_file_system_freezes(lab):
    volume = lab.volumes[0]
    filler = os.path.join(volume.mount_point, "filler")
    try:
        with open(filler, "wb") as f, pytest.raises(OSError):
            while True:
                f.write(bytes(1 << 20))
        job = lab.bake("snapshot")
    finally:
        os.unlink(filler)
    assert job["consistency"] == "filesystem"


def test_a_hundred_bind_mounts_are_one_file_system(lab):
    volume = lab.volumes[0]
    folders = [lab.folder / "mnt" / f"bind-{i}" for i in range(100)]
    for folder in folders:
        folder.mkdir()
    try:
        for folder in folders:
            subprocess.run(["mount", "--bind", volume.mount_point, folder], check=True)
        job = lab.bake("snapshot")
    finally:
        for folder in folders:
            subprocess.run(["umount", folder], stderr=subprocess.DEVNULL)
            folder.rmdir()
    assert job["consistency"] == "filesystem"
    assert len(job["snapshots"]) == 2


@pytest.mark.parametrize("name", ["with space", "new\nline", "ünïcödé-数据", "back\\slash", "ta\tb"])
def test_a_mount_point_of_any_name(lab, name):
    volume = lab.volumes[1]
    usual, odd = volume.mount_point, str(lab.folder / "mnt" / name)
    volume.fs.umount()
    try:
        volume.fs.mount(odd)
        with lab.writers() as writers:
            writers.wait_for_writes(20)
            job = lab.bake("snapshot")
            verdict = lab.judge(job, writers)
        volumes = lab.ctl("volumes")
    finally:
        shutil.rmtree(os.path.join(odd, "unused"), ignore_errors=True)
        volume.fs.umount()
        volume.fs.mount(usual)
        os.rmdir(odd)
    assert verdict.problems == []
    assert volumes.returncode == 0
    tags = [lab.cloud_snapshot(s)["tags"] for s in job["snapshots"]]
    assert len(tags) == 2


@pytest.fixture
def nested_lab(scratch):
    """A volume whose image lies on a file system that somebody else can freeze."""
    with LoopFs.make("ext4", str(scratch), size=1 << 30, name="outer") as outer:
        lab = Lab({"root": "ext4"}, backend=False, budget=f"{BUDGET_SEC:.0f}s")
        with lab:
            lab.add_volume_elsewhere("hanging", "ext4", outer.mount_point)
            try:
                yield lab, outer
            finally:
                thaw(outer.mount_point)
                lab.recover()


def dirty(volume):
    """Something that FIFREEZE has to write."""
    with open(os.path.join(volume.mount_point, "dirty"), "ab") as f:
        f.write(os.urandom(1 << 20))


def freeze_that_hangs(lab, outer):
    """A bake whose second FIFREEZE hangs, as seen by the first volume; when it began."""
    _, hanging = lab.volumes
    lab.pause_worker("synced")
    client = lab.bake_in_background("snapshot")
    worker = wait_until(
        lambda: next((w for w in lab.workers() if processes.is_stopped(w)), None), 10, "it pauses"
    )
    lab.pause_worker(None)
    dirty(hanging)
    outer.freeze()
    processes.send(worker, signal.SIGCONT)
    return client, worker, time.monotonic()


def test_a_freeze_that_hangs_does_not_hold_the_others(nested_lab):
    lab, outer = nested_lab
    first, hanging = lab.volumes
    client, _, began = freeze_that_hangs(lab, outer)
    assert first.fs.accepts_write(BUDGET_SEC + SLACK_SEC)
    _, message = client.communicate(timeout=60)
    (job,) = lab.new_jobs()
    assert error(job) in ("FreezeTimeout", "FreezeFailed")
    assert hanging.mount_point in message
    assert not hanging.fs.accepts_write(0.3)
    outer.thaw()
    assert hanging.fs.accepts_write(), "it came back frozen, and nobody thawed it"
    assert lab.cloud.snapshots() == []


def test_it_is_thawed_when_it_comes_back_though_freezer_and_worker_are_dead(nested_lab):
    lab, outer = nested_lab
    first, hanging = lab.volumes
    _, worker, began = freeze_that_hangs(lab, outer)
    time.sleep(0.5)
    for pid in (*lab.freezers(), worker):
        processes.send(pid, signal.SIGKILL)
    assert first.fs.accepts_write(BUDGET_SEC + SLACK_SEC)
    outer.thaw()
    assert hanging.fs.accepts_write(), "it came back frozen, and nobody thawed it"
    lab.wait_for_new_jobs()
    assert lab.cloud.snapshots() == []
