# SPDX-License-Identifier: Apache-2.0
"""
Method=reboot where nothing reboots: what is asked of EC2, and what is made of an image for which no
shutdown was seen. tests/vm has the machine that does reboot.
"""

import json
import os
import signal
import socket
import subprocess
import time

import pytest

from lab import processes
from lab.lab import INSTANCE_ID, UID
from lab.processes import wait_until

CRASH = "--consistency=crash"
OTHER_BOOT = "11111111-2222-3333-4444-555555555555"
THIRD_BOOT = "66666666-7777-8888-9999-000000000000"
PROFILE = "[Bake]\nMethod=reboot\nName=by-profile\nConsistency=crash\n"


def creations(lab):
    return [c for c in lab.cloud.calls()
            if c["action"] in ("CreateSnapshots", "CreateImage", "RegisterImage")
            and not c["dry_run"]]


def test_the_plan_says_so_and_refuses_what_nobody_could_witness(lab):
    plan = json.loads(lab.ctl("plan", "--method=reboot", "--json").stdout)
    assert plan["method"] == "reboot" and plan["groups"] == []
    assert any("will be rebooted" in line for line in plan["warnings"])
    assert any("which reboots this host" in line for line in plan["calls"])
    # The lab's state is not where a shutdown looks last.
    assert any("accept Consistency=crash" in line for line in plan["refusals"])
    _, message = lab.failed_bake("image", "unseen", "--method=reboot")
    assert "Nobody could tell" in message and creations(lab) == []


def test_ec2_is_asked_to_reboot_once_and_nothing_is_frozen(lab):
    with lab.writers() as writers:
        writers.wait_for_writes(5)
        job = lab.bake("image", "asked", "--method=reboot", CRASH)
        writers.wait_for_writes(5)
    (call,) = creations(lab)
    assert call["action"] == "CreateImage" and not call["params"].get("NoReboot")
    assert lab.cloud.reboots()[INSTANCE_ID]
    assert (job["consistency"], int(job["frozen-usec"])) == ("crash", 0)
    assert lab.cloud_image("asked")["tags"]["quiesced:consistency"] == "crash"


def test_a_profile_may_say_so(lab):
    (lab.folder / "etc/profiles").mkdir(exist_ok=True)
    (lab.folder / "etc/profiles/weekly.conf").write_text(PROFILE)
    lab.bake("bake", "weekly")
    assert creations(lab)[0]["params"].get("NoReboot") in (None, False)


def ask_worker(lab, **request):
    """All that a worker reports of one request, whose participants are none."""
    reports, ours, theirs = [], *socket.socketpair()
    with ours, theirs:
        # Descriptor 3 is where a worker has its daemon.
        worker = subprocess.Popen(
            ["/bin/bash", "-c", f'exec "$@" 3<&{theirs.fileno()}', "bash", "setpriv",
             f"--reuid={UID}", f"--regid={UID}", "--clear-groups", lab.program("quiesced-worker")],
            pass_fds=[theirs.fileno()], env=lab.environment(), stderr=subprocess.DEVNULL)
        theirs.close()
        ours.sendall(json.dumps({"verb": "bake", **request}).encode() + b"\n")
        for report in map(json.loads, ours.makefile()):
            reports.append(report)
            if report["report"] == "prepare":
                ours.sendall(b'{"reply": "prepared", "participants": 0, "agreed": 0}\n')
    return worker.wait(60), reports


def test_who_may_bake_but_not_reboot_is_told_what_to_ask_for(lab):
    """What the daemon says of its caller is the worker's to heed, since it reads the profile."""
    status, (*_, result) = ask_worker(
        lab, job="j-1", kind="image", name="denied", **{"may-reboot": False},
        options={"method": "reboot", "consistency": "crash"})
    assert status == 1
    assert result["error"] == "org.quiesced1.Error.AccessDenied"
    assert "org.quiesced1.reboot" in result["message"]
    assert creations(lab) == [] and "j-1" not in lab.records()


def test_without_a_freeze_nobody_has_to_be_quiet_until_the_job_ends(lab):
    status, reports = ask_worker(lab, job="j-2", kind="snapshots",
                                 options={"no-freeze": True, "consistency": "crash"})
    told = [r["report"] for r in reports]
    assert status == 0 and "freezing" not in told
    assert told.index("prepare") < told.index("thawed") < told.index("secured")
    (lab.folder / "state/jobs/j-2.json").unlink()


def test_a_refusal_of_ec2_ends_the_job_by_name(lab):
    lab.cloud.fault("CreateImage", error="InvalidParameterValue", dry_run=False)
    job, message = lab.failed_bake("image", "refused", "--method=reboot", CRASH)
    assert job["error"] == "org.quiesced1.Error.ApiError" and "InvalidParameterValue" in message
    assert lab.images_in_cloud() == []


def test_a_reboot_that_never_comes_ends_the_job_by_name(lab):
    lab.cloud.configure(machines_reboot=True)
    with lab.settings(Aws=["SettleSec=1s", "RebootSec=2s"]):
        job, message = lab.failed_bake("image", "never", "--method=reboot", CRASH)
    assert job["error"] == "org.quiesced1.Error.ApiTimeout" and "a reboot may still come" in message
    assert lab.images_in_cloud() == [] and lab.cloud.snapshots() == []


def go_down(lab):
    lab.cloud.configure(machines_reboot=True)
    lab.bake_in_background("image", "waiting", "--method=reboot", CRASH)
    wait_until(lambda: lab.cloud.to_be_stopped() == [INSTANCE_ID], 10, "EC2 has the call")
    wait_until(lambda: any(r.get("image") for r in lab.records().values()
                           if r["state"] == "cutting"), 10, "the image is on record")
    (record,) = [r for r in lab.records().values() if r["state"] == "cutting"]
    lab.stop_daemon()
    return record


@pytest.fixture
def going_down(lab):
    """A job whose image waits for the shutdown; what the daemon held ends with it."""
    return go_down(lab)


def test_the_job_outlives_the_daemon_that_is_shut_down(lab, going_down):
    assert lab.records()[going_down["id"]]["state"] == "cutting"
    assert lab.images_in_cloud()[0]["state"] == "pending"
    lab.cloud.instance_stopped(INSTANCE_ID)
    lab.start_daemon()
    (job,) = lab.wait_for_new_jobs()
    assert (job["result"], job["consistency"]) == ("done", "crash")
    assert len(creations(lab)) == 1


def test_a_worker_that_dies_waiting_is_followed_by_another(lab, going_down):
    start = len(lab.log())
    lab.start_daemon()
    wait_until(lambda: "Resuming a job" in lab.log()[start:], 10, "a worker resumes it")
    for worker in lab.workers():
        processes.send(worker, signal.SIGKILL)
    lab.restart_daemon()
    lab.cloud.instance_stopped(INSTANCE_ID)
    (job,) = lab.wait_for_new_jobs()
    assert (job["result"], job["consistency"]) == ("done", "crash")


def test_who_demands_more_than_was_seen_has_no_image(lab, going_down):
    """As after a hard reset: another boot, and a witness that never came to speak."""
    path = lab.folder / f"state/jobs/{going_down['id']}.json"
    path.write_text(json.dumps({**going_down, "demanded": "filesystem", "boot-id": OTHER_BOOT}))
    (lab.folder / "state/witness").write_text(f"{OTHER_BOOT}\n")
    lab.cloud.instance_stopped(INSTANCE_ID)
    lab.start_daemon()
    (job,) = lab.wait_for_new_jobs()
    assert job["error"] == "org.quiesced1.Error.ConsistencyNotReached"
    assert "still writable" in job["message"]
    assert lab.images_in_cloud() == [] and lab.cloud.snapshots() == []
    assert not (lab.folder / "state/witness").exists()


def test_the_clock_must_bear_the_witness_out(lab, going_down):
    """It testifies, but the snapshot is younger than this boot: it cannot be of the shutdown."""
    path = lab.folder / f"state/jobs/{going_down['id']}.json"
    path.write_text(json.dumps({**going_down, "demanded": "filesystem", "boot-id": OTHER_BOOT}))
    (lab.folder / "state/witness").write_text(f"{OTHER_BOOT}\nat-rest 1700000000000000\n")
    lab.cloud.instance_stopped(INSTANCE_ID)
    lab.start_daemon()
    (job,) = lab.wait_for_new_jobs()
    assert job["error"] == "org.quiesced1.Error.ConsistencyNotReached"
    assert "after the next boot had begun" in job["message"]


@pytest.mark.parametrize("offset", [0, 3600, -3600])
def test_a_clock_that_is_wrong_makes_no_image_bad(lab, offset):
    """Cut a minute before this boot, and a minute after the end of the one before."""
    lab.cloud.configure(clock_offset=offset)
    record = go_down(lab)
    assert abs(record["asked-ec2-usec"] - record["asked-usec"] - offset * 1000000) < 30000000
    path = lab.folder / f"state/jobs/{record['id']}.json"
    path.write_text(json.dumps({**record, "demanded": "filesystem", "boot-id": OTHER_BOOT}))
    uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
    rest = int((time.time() - uptime - 120) * 1e6)
    (lab.folder / "state/witness").write_text(f"{OTHER_BOOT}\nat-rest {rest}\n")
    lab.cloud.configure(clock_offset=offset - uptime - 60)
    lab.cloud.instance_stopped(INSTANCE_ID)
    lab.cloud.configure(clock_offset=offset)
    lab.start_daemon()
    (job,) = lab.wait_for_new_jobs()
    assert (job["result"], job["consistency"]) == ("done", "filesystem"), job


def test_the_boot_that_comes_first_is_noted_before_any_snapshot_is(lab, going_down):
    """What ends that boot, EC2's own reboot perhaps, had no witness."""
    path = lab.folder / f"state/jobs/{going_down['id']}.json"
    path.write_text(json.dumps({**going_down, "boot-id": OTHER_BOOT}))
    (lab.folder / "state/witness").write_text(f"{OTHER_BOOT}\nat-rest 1700000000000000\n")
    this_boot = open("/proc/sys/kernel/random/boot_id").read().strip()
    lab.start_daemon()
    wait_until(lambda: lab.records()[going_down["id"]].get("next-boot-id") == this_boot, 10,
               "the boot is on record")
    lab.stop_daemon()
    (record,) = [r for r in lab.records().values() if r["state"] == "cutting"]
    path.write_text(json.dumps({**record, "next-boot-id": THIRD_BOOT}))
    lab.cloud.instance_stopped(INSTANCE_ID)
    lab.start_daemon()
    (job,) = lab.wait_for_new_jobs()
    assert (job["result"], job["consistency"]) == ("done", "crash")
    assert THIRD_BOOT in path.read_text()  # the first one it stays


def test_an_instance_launched_from_the_image_leaves_it_alone(lab, going_down):
    lab.cloud.instance_stopped(INSTANCE_ID)
    path = lab.folder / f"state/jobs/{going_down['id']}.json"
    path.write_text(json.dumps({**going_down, "instance-id": "i-0fedcba9876543210"}))
    (lab.folder / "state/witness").write_text(f"{OTHER_BOOT}\nat-rest 1700000000000000\n")
    lab.start_daemon()
    (job,) = lab.wait_for_new_jobs()
    assert job["error"] == "org.quiesced1.Error.WorkerDied"
    assert len(lab.images_in_cloud()) == 1
    assert not (lab.folder / "state/witness").exists()


@pytest.mark.parametrize("content, mountinfo, status", [
    ("", "/ rw", 0),                                 # nobody of this boot has asked
    (OTHER_BOOT, "/ rw", 0),
    ("this", "/ rw", 1),
    ("this", "/ ro", 0),
])
def test_the_witness_speaks_of_what_it_was_asked(lab, content, mountinfo, status):
    boot_id = open("/proc/sys/kernel/random/boot_id").read()
    asked, table = lab.folder / "asked", lab.folder / "mountinfo"
    asked.write_text(boot_id if content == "this" else f"{content}\n")
    point, options = mountinfo.split()
    table.write_text(f"28 1 259:2 / {point} {options} shared:1 - ext4 /dev/nvme0n1p1 {options}\n")
    done = subprocess.run([lab.program("quiesced-witness"), f"--file={asked}",
                           f"--mountinfo={table}", "reboot"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == status, done.stderr
    assert ("/ is still writable" in done.stderr) == bool(status)


def test_nobody_holds_up_a_shutdown_by_what_they_put_there(lab):
    asked = lab.folder / "asked-by-a-pipe"
    os.mkfifo(asked)
    done = subprocess.run([lab.program("quiesced-witness"), f"--file={asked}"], timeout=60,
                          capture_output=True, check=False)
    asked.unlink()
    asked.symlink_to("/etc/passwd")
    linked = subprocess.run([lab.program("quiesced-witness"), f"--file={asked}"], timeout=60,
                            capture_output=True, check=False)
    assert (done.returncode, linked.returncode) == (1, 1)
