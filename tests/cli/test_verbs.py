# SPDX-License-Identifier: Apache-2.0
"""Every verb against the daemon: what is asked of it, what is shown, and the exit status."""

import json
import shutil
import signal
import subprocess
import time

import pytest
from client import QUIESCECTL, Client, end, environment
from harness import NOBODY, Host, Worker, wait_until

IDENTITY = {
    "instance-id": "i-0123456789abcdef0", "region": "eu-central-1", "zone": "eu-central-1a",
    "account-id": "123456789012", "architecture": "x86_64",
}
TOPOLOGY = {
    "volumes": [
        {"id": "vol-1", "device": "/dev/nvme0n1", "size-bytes": 8 << 30, "attached-as": "/dev/sda1", "covered": True},
        {"id": "vol-22", "device": "/dev/nvme1n1", "size-bytes": 1536 << 20, "covered": False, "reason": "excluded"},
        {"id": "vol-3", "attached-as": "/dev/sdx", "covered": False, "reason": "no device is it"},
    ],
    "filesystems": [
        {"mount-point": "/", "type": "ext4", "device": "/dev/nvme0n1p1", "volumes": ["vol-1"], "freeze": True,
         "covered": True},
        {"mount-point": "/größe\nfake  row", "type": "xfs", "device": "/dev/md0", "volumes": ["vol-1", "vol-22"],
         "freeze": True, "covered": True},
        {"mount-point": "/tmp", "type": "tmpfs", "device": "tmpfs", "volumes": [], "freeze": False,
         "covered": False, "reason": "lies in memory"},
        {"mount-point": "/net", "type": "nfs4", "device": "server:/", "volumes": [], "freeze": False,
         "covered": False, "reason": "lies elsewhere"},
        {"mount-point": "/run/x\ny", "type": "tmpfs", "device": "tmpfs", "volumes": [], "freeze": False,
         "covered": False, "reason": "lies in memory"},
        {"mount-point": "/boot/efi", "type": "vfat", "device": "/dev/nvme0n1p15", "volumes": ["vol-1"],
         "freeze": False, "watch": True, "covered": True, "reason": "cannot be frozen"},
    ],
}
PLAN = {
    "image-name": "web-1", "method": "register", "method-reason": "no billing codes", "consistency": "filesystem",
    "on-degrade": "fail", "budget-usec": 10000000, "snapshots": ["vol-1"],
    "groups": [[{"mount-point": "/var/x\ny", "type": "ext4", "volumes": ["vol-1"]},
                {"mount-point": "/b", "type": "xfs", "volumes": ["vol-1"]}],
               [{"mount-point": "/", "type": "ext4", "volumes": ["vol-1"]}]],
    "calls": ["CreateSnapshots of 1 volumes, one instant", "RegisterImage web-1, once they are complete"],
    "watched": [{"what": "/boot/e\nfi", "type": "vfat", "device": "/dev/nvme0n1p15", "reason": "cannot be frozen",
                 "volumes": ["vol-1"]},
                {"what": "/dev/nvme2n1", "device": "/dev/nvme2n1", "reason": "nothing is mounted from it",
                 "volumes": ["vol-2"]}],
    "not-covered": [{"what": "/tmp", "reason": "lies in memory"}, {"what": "/net", "reason": "lies elsewhere"},
                    {"what": "/run", "reason": "lies in memory"}], "warnings": ["look out"],
    "refusals": [], "tags": ["a=b"],
}
DONE = {"snapshots": ["snap-1", "snap-2"], "consistency": "filesystem", "frozen_usec": 12345}


@pytest.fixture
def surveyed():
    """A host whose first survey the test answers itself."""
    with Host(survey=False) as host:
        client = Client(host)
        yield host, client
        client.close()


def finish(worker, **fields):
    """What a worker reports of a bake that goes well."""
    worker.report("step", step="quiesce")
    worker.freeze()
    worker.report("thawed", frozen_usec=12345, phases={})
    worker.report("secured", image="ami-1", **DONE)
    worker.report("step", step="complete")
    worker.report("progress", percent=50)
    worker.result(image="ami-1", **{**DONE, **fields})


def started(host, client, *arguments):
    """quiescectl has begun a bake, and its worker is there."""
    process = client.start(*arguments)
    return process, host.worker("bake")


def test_status_waits_for_the_first_survey(surveyed):
    host, client = surveyed
    process = client.start("status")
    worker = host.worker("survey")
    time.sleep(0.2)
    worker.report("identity", **IDENTITY)
    worker.result()
    result = end(process)
    assert result.returncode == 0 and result.stderr == ""
    rows = dict(line.split("  ", 1) for line in result.stdout.splitlines())
    rows = {label: text.strip() for label, text in rows.items()}
    assert rows["Instance"] == "i-0123456789abcdef0 (x86_64)"
    assert rows["Region"] == "eu-central-1 (eu-central-1a)"
    assert rows["Account"] == "123456789012"
    assert rows["Frozen"] == "no"
    assert rows["Job"] == "none is running"
    assert rows["Last bake"] == "none yet"


def test_status_says_why_there_is_no_instance(surveyed):
    host, client = surveyed
    process = client.start("status")
    host.worker("survey").result("failed", error="NotOnEC2", message="169.254.169.254 does not answer: not on EC2")
    result = end(process)
    assert result.returncode == 0
    assert "Instance   169.254.169.254 does not answer: not on EC2" in result.stdout


def test_status_shows_the_running_job_and_the_last_bake(host, client):
    process, worker = started(host, client, "image", "web-1")
    worker.report("identity", **IDENTITY)
    worker.report("step", step="complete")
    worker.report("progress", percent=40)
    shown = wait_until(lambda: "40 %" in (out := client.run("status").stdout) and out, "the progress")
    assert ": complete, 40 %" in shown
    document = json.loads(client.run("status", "--json").stdout)
    assert document["jobs"][0]["state"] == "running"
    assert document["n-running-jobs"] == 1
    assert "volumes" not in document
    finish(worker)
    assert end(process).returncode == 0
    shown = client.run("status").stdout
    assert "done, ami-1, frozen 12.3ms, filesystem" in shown


def test_volumes_looks_anew_and_shows_both_tables(host, client):
    process = client.start("volumes")
    worker = host.worker("survey")
    worker.report("topology", **TOPOLOGY)
    worker.result()
    result = end(process)
    assert result.returncode == 0 and result.stderr == ""
    assert result.stdout.splitlines() == [
        "VOLUME  DEVICE        ATTACHED AS     SIZE  COVERED  REMARK",
        "vol-1   /dev/nvme0n1  /dev/sda1    8.0 GiB  yes      -",
        "vol-22  /dev/nvme1n1  -            1.5 GiB  no       excluded",
        "vol-3   -             /dev/sdx           -  no       no device is it",
        "",
        "MOUNT POINT        TYPE  DEVICE           VOLUMES       COVERED  FREEZE   REMARK",
        "/                  ext4  /dev/nvme0n1p1   vol-1         yes      yes      -",
        "/größe\\nfake  row  xfs   /dev/md0         vol-1 vol-22  yes      yes      -",
        "/boot/efi          vfat  /dev/nvme0n1p15  vol-1         yes      watched  cannot be frozen",
        "",
        "Mounted, but on no disk that is known:",
        "  /tmp, /run/x\\ny: lies in memory",
        "  /net: lies elsewhere",
    ]


def test_volumes_as_json_has_the_mount_points_as_they_are(host, client):
    process = client.start("volumes", "--json")
    worker = host.worker("survey")
    worker.report("topology", **TOPOLOGY)
    worker.result()
    result = end(process)
    assert result.returncode == 0
    assert json.loads(result.stdout) == TOPOLOGY


def test_volumes_fails_with_the_reason_but_shows_what_is_known(host, client):
    process = client.start("volumes")
    worker = host.worker("survey")
    worker.report("topology", **TOPOLOGY)
    worker.result("failed", error="NotOnEC2", message="This is not an EC2 instance")
    result = end(process)
    assert result.returncode == 1
    assert result.stderr == "quiescectl: This is not an EC2 instance (NotOnEC2)\n"
    assert "vol-22" in result.stdout


def test_volumes_claims_nothing_when_nothing_could_be_found_out(host, client):
    process = client.start("volumes")
    host.worker("survey").result("failed", error="NotOnEC2", message="This is not an EC2 instance")
    result = end(process)
    assert (result.returncode, result.stdout) == (1, "")


def plan(host, client, *arguments, **changes):
    process = client.start("plan", *arguments)
    worker = host.worker("plan")
    worker.report("plan", plan={**PLAN, **changes})
    worker.result()
    return worker.request, end(process)


def test_a_plan_is_told_step_by_step(host, client):
    request, result = plan(host, client)
    assert request["kind"] == "image" and "profile" not in request
    assert result.returncode == 0 and result.stderr == ""
    assert result.stdout == """\
Image        web-1
Method       register (no billing codes)
Consistency  filesystem
If degraded  fail
Budget       10.00s
Tag          a=b

Steps:
  1. freeze /var/x\\ny (ext4 on vol-1)
  1. freeze /b (xfs on vol-1)
  2. freeze / (ext4 on vol-1)
  3. CreateSnapshots of 1 volumes, one instant
  4. RegisterImage web-1, once they are complete

Not frozen; what is written to it meanwhile makes the class crash:
  /boot/e\\nfi (vfat on /dev/nvme0n1p15, vol-1): cannot be frozen
  /dev/nvme2n1 (vol-2): nothing is mounted from it

Not covered:
  /tmp, /run: lies in memory
  /net: lies elsewhere

Warnings:
  look out
"""


def test_a_plan_that_would_be_refused_gives_1(host, client):
    for arguments in ([], ["--json"]):
        _, result = plan(host, client, *arguments, refusals=["/x: is in the way"])
        assert result.returncode == 1
        assert "/x: is in the way" in result.stdout
        assert "refused" in result.stderr


def test_a_plan_as_json_is_the_daemons_own(host, client):
    request, result = plan(host, client, "nightly", "--json", "--budget=2s")
    assert request["profile"] == "nightly"
    assert request["options"] == {"budget-usec": 2000000}
    assert json.loads(result.stdout) == PLAN


def test_a_plan_of_snapshots(host, client):
    request, _ = plan(host, client, "--kind=snapshots")
    assert request["kind"] == "snapshots"


def test_an_image_is_waited_for_and_shown(host, client):
    process, worker = started(host, client, "image", "web-1")
    assert worker.request["kind"] == "image" and worker.request["name"] == "web-1"
    assert worker.request["options"] == {}
    finish(worker)
    result = end(process)
    assert result.returncode == 0 and result.stderr == ""
    assert "Image        ami-1\n" in result.stdout
    assert "Snapshots    snap-1 snap-2\n" in result.stdout
    assert "Consistency  filesystem\n" in result.stdout
    assert "Frozen       12.3ms\n" in result.stdout
    assert "State        done\n" in result.stdout


def test_a_bake_tells_what_its_retention_has_deleted(host, client):
    process, worker = started(host, client, "bake", "nightly")
    worker.report("details", details={"removed": [{"id": "ami-8"}, {"id": "ami-9"}], "left": [], "kept": 2})
    finish(worker)
    assert "Deleted      ami-8 ami-9\n" in end(process).stdout


def test_every_option_reaches_the_worker(host, client):
    process, worker = started(
        host, client, "image", "web-1", "--method=create-image", "--consistency=application", "--on-degrade=label",
        "--volume=vol-1", "--volume=/data", "--exclude=vol-9", "--budget=1500ms", "--tag=a=b=c", "--tag=empty=",
        "--description=what it is", "--queue", "--quiet",
    )
    assert worker.request["options"] == {
        "method": "create-image", "consistency": "application", "on-degrade": "label",
        "volumes": ["vol-1", "/data"], "exclude": ["vol-9"], "budget-usec": 1500000,
        "tags": {"a": "b=c", "empty": ""}, "description": "what it is",
    }
    finish(worker)
    result = end(process)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_no_freeze_asks_for_crash_consistency(host, client):
    process, worker = started(host, client, "snapshot", "--no-freeze")
    assert worker.request["options"] == {"no-freeze": True, "consistency": "crash"}
    finish(worker)
    assert end(process).returncode == 0


def test_a_job_as_json(host, client):
    process, worker = started(host, client, "bake", "nightly", "--json")
    assert worker.request["profile"] == "nightly"
    finish(worker)
    result = end(process)
    assert result.returncode == 0
    job = json.loads(result.stdout)
    assert job["images"] == ["ami-1"] and job["snapshots"] == ["snap-1", "snap-2"]
    assert job["consistency"] == "filesystem" and job["frozen-usec"] == 12345
    assert job["result"] == job["state"] == "done"
    assert job["kind"] == "bake" and job["profile"] == "nightly"


def test_wait_queued_returns_at_once(host, client):
    process, worker = started(host, client, "snapshot", "--wait=queued")
    result = end(process)
    assert result.returncode == 0
    assert "Job " in result.stdout and "State  running" in result.stdout
    finish(worker)


def test_wait_secured_returns_when_the_point_in_time_is_taken(host, client):
    process, worker = started(host, client, "snapshot", "--wait=secured")
    worker.freeze()
    time.sleep(0.2)
    assert process.poll() is None
    worker.report("thawed", frozen_usec=12345, phases={})
    worker.report("secured", **DONE)
    result = end(process)
    assert result.returncode == 0
    assert "State        secured" in result.stdout and "snap-2" in result.stdout
    worker.result(**DONE)


@pytest.mark.parametrize("wait", ["secured", "completed"])
def test_a_failed_job_gives_1_with_its_reason(host, client, wait):
    process, worker = started(host, client, "image", "web-1", f"--wait={wait}")
    worker.result("failed", error="NotCovered", message="/scratch\n is on no volume: exclude it")
    result = end(process)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith("quiescectl: job j-")
    assert result.stderr.endswith(": failed: /scratch\\n is on no volume: exclude it (NotCovered)\n")


def test_a_failed_job_as_json_is_still_a_document(host, client):
    process, worker = started(host, client, "image", "web-1", "--json")
    worker.result("failed", error="ApiTimeout", message="EC2 did not answer")
    result = end(process)
    assert result.returncode == 1
    assert json.loads(result.stdout)["error"] == "org.quiesced1.Error.ApiTimeout"


def test_a_second_bake_is_refused_by_name_or_queued(host, client):
    process, worker = started(host, client, "image", "web-1")
    refused = client.run("image", "web-2")
    assert refused.returncode == 1
    assert "(Busy)" in refused.stderr and "j-" in refused.stderr
    queued = client.start("image", "web-2", "--queue")
    finish(worker)
    second = host.worker("bake")
    assert second.request["name"] == "web-2"
    finish(second)
    assert end(process).returncode == end(queued).returncode == 0


def test_what_the_daemon_finds_wrong_is_wrong_usage(host, client):
    for arguments in (["image", "x"], ["image", "a\nb"], ["bake", "../up"], ["plan", ".hidden"]):
        result = client.run(*arguments)
        assert result.returncode == 2, arguments
        assert "(InvalidArgument)" in result.stderr
        assert result.stderr.count("\n") == 1


def test_jobs_lists_them_with_the_newest_last(host, client):
    assert client.run("jobs").stdout == "No jobs.\n"
    assert json.loads(client.run("jobs", "--json").stdout) == {"jobs": []}
    for name in ("web-1", "web-2", "web-3"):
        process, worker = started(host, client, "image", name)
        if name == "web-2":
            worker.result("failed", error="ApiError", message="no")
        else:
            finish(worker)
        end(process)
    lines = client.run("jobs").stdout.splitlines()
    assert lines[0].split() == ["JOB", "KIND", "NAME", "STATE", "CONSISTENCY", "FROZEN", "OUTCOME"]
    assert [line.split()[1:] for line in lines[1:]] == [
        ["image", "web-1", "done", "filesystem", "12.3ms", "ami-1"],
        ["image", "web-2", "failed", "-", "-", "ApiError"],
        ["image", "web-3", "done", "filesystem", "12.3ms", "ami-1"],
    ]
    document = json.loads(client.run("jobs", "--json").stdout)
    assert [job["name"] for job in document["jobs"]] == ["web-1", "web-2", "web-3"]


def test_cancel_ends_a_job(host, client):
    process, worker = started(host, client, "image", "web-1")
    job = json.loads(client.run("jobs", "--json").stdout)["jobs"][0]["id"]
    result = client.run("cancel", job)
    assert result.returncode == 0 and job in result.stdout
    assert worker.receive() == {"request": "cancel"}
    worker.result("cancelled", error="Cancelled", message="Cancelled")
    ended = end(process)
    assert ended.returncode == 1
    assert ": cancelled: " in ended.stderr
    again = client.run("cancel", job, "--quiet")
    assert again.returncode == 1 and "(NoSuchJob)" in again.stderr


def test_cancel_names_a_job_that_is_not_there(host, client):
    for job in ("j-1", "a/b", "\n"):
        result = client.run("cancel", job)
        assert result.returncode == 1
        assert "there is no job" in result.stderr and "quiescectl jobs" in result.stderr
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_leaves_the_job_running_and_says_so(host, client, number, status):
    process, worker = started(host, client, "image", "web-1", "--verbose")
    worker.report("step", step="complete")
    wait_until(lambda: "complete" in process.stderr.readline(), "the step")
    process.send_signal(number)
    result = end(process)
    assert result.returncode == status
    assert "goes on" in result.stderr and "quiescectl cancel j-" in result.stderr
    finish(worker)
    wait_until(lambda: "ami-1" in client.run("jobs").stdout, "the end of the job")


def test_a_restart_of_the_daemon_is_survived(host, client):
    process, worker = started(host, client, "image", "web-1")
    worker.freeze()
    worker.report("thawed", frozen_usec=12345, phases={})
    worker.report("secured", **DONE)
    job = json.loads(client.run("jobs", "--json").stdout)["jobs"][0]["id"]
    host.record(job, state="completing", started_usec=1, **DONE)
    host.daemon.kill()
    host.daemon.wait()
    time.sleep(0.2)
    assert process.poll() is None
    host.daemon = host.spawn()
    workers = {worker.request["verb"]: worker for worker in [Worker(host.listener.accept()[0]) for _ in range(2)]}
    assert sorted(workers) == ["resume", "survey"]
    workers["resume"].result(image="ami-1", **DONE)
    result = end(process)
    assert result.returncode == 0
    assert "ami-1" in result.stdout


def test_without_the_daemon_the_message_says_how_to_start_it(host, client):
    host.stop()
    for verb in (["status"], ["volumes"], ["plan"], ["image", "abc"], ["jobs"], ["cancel", "j-1"], ["freeze", "true"]):
        result = client.run(*verb)
        assert result.returncode == 1, verb
        assert "systemctl start quiesced" in result.stderr
        assert result.stdout == ""
    host.start()


def test_whoever_is_not_allowed_is_told_what_to_do(host, client):
    program = shutil.copy(QUIESCECTL, host.folder)
    nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", program]
    for arguments in (["image", "abc"], ["freeze", "true"]):
        result = subprocess.run(
            [*nobody, *arguments], env=environment(host.bus.env()), capture_output=True, text=True, check=False
        )
        assert result.returncode == 1, arguments
        assert "root" in result.stderr and "polkit" in result.stderr
    result = subprocess.run([*nobody, "jobs"], env=environment(host.bus.env()), capture_output=True, check=False)
    assert result.returncode == 0
