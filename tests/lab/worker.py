# SPDX-License-Identifier: Apache-2.0
"""The worker program alone, spoken to as the daemon does: JSON lines on its descriptor 3."""

import contextlib
import fcntl
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from cloud.account import ec2_client, newer_session
from cloud.control import Cloud
from lab import processes
from lab.paths import BUILD, scratch_folder
from lab.processes import wait_until

ROOT, DATA = "vol-0aaaaaaaaaaaaaaa1", "vol-0aaaaaaaaaaaaaaa2"
INSTANCE_ID = "i-0123456789abcdef0"
VOLUMES = [{"id": ROOT, "device": "/dev/xvda", "size_bytes": 8 << 30},
           {"id": DATA, "device": "/dev/sdf", "size_bytes": 1 << 30}]
RUN_SEC = 300


class Worker:
    """One run of the program."""

    def __init__(self, request, environment, log):
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                ["/bin/bash", "-c", f"exec {BUILD}/quiesced-worker 3<&{theirs.fileno()}"],
                env=environment, pass_fds=[theirs.fileno()], stderr=log)
        ours.settimeout(RUN_SEC)
        self._lines = ours.makefile("rw", encoding="utf-8")
        self._socket = ours
        self.reports = []
        self.most_bytes = 0      # in memory at any time, as seen while it is waited for
        self.say(request)

    @property
    def pid(self):
        return self._process.pid

    def say(self, message):
        self._lines.write(json.dumps(message) + "\n")
        self._lines.flush()

    def cancel(self):
        self.say({"request": "cancel"})

    def hang_up(self):
        """As a daemon that dies."""
        self._lines.close()
        self._socket.close()

    def wait(self):
        """The result, after all other reports; None if it died without one."""
        # It may be gone before its last words are read.
        threading.Thread(target=self._watch_memory, daemon=True).start()
        with contextlib.suppress(ConnectionResetError):      # it ended with a word of ours unread
            for line in self._lines:
                self.reports.append(json.loads(line))
        self._lines.close()
        self._socket.close()
        self._process.wait(RUN_SEC)
        last = self.reports[-1] if self.reports else {}
        return last if last.get("report") == "result" else None

    def _watch_memory(self):
        while (seen := self._memory()) > 0:
            self.most_bytes = max(self.most_bytes, seen)
            time.sleep(0.02)

    def _memory(self):
        """Of its own program: what wait4() tells counts what was there before the exec."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return 0

    def told(self, name):
        """The members of all reports of that name, put together; arrays are lengthened."""
        whole = {}
        for report in self.reports:
            for key, value in report.get(name, {}).items() if report["report"] == name else ():
                whole[key] = whole[key] + value if isinstance(whole.get(key), list) else value
        return whole

    def go_on(self):
        processes.send(self.pid, signal.SIGCONT)

    def kill(self):
        processes.send(self.pid, signal.SIGKILL)
        self._process.wait(RUN_SEC)


class Workplace:
    """A simulated cloud with one instance of two volumes, and a folder for the job records."""

    def __init__(self, **cloud):
        self.folder = Path(tempfile.mkdtemp(prefix="quiesced-worker-", dir=scratch_folder()))
        self.numbers = itertools.count(1)
        self.write_config()
        self.cloud = Cloud(**{"volumes": VOLUMES, "knobs": {
            "snapshot_seconds": 0, "image_seconds": 0}, **cloud})
        self.ec2 = ec2_client(self.cloud, newer_session(self.folder))
        self.knobs = self.cloud.knobs()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cloud.stop()
        shutil.rmtree(self.folder)

    def write_config(self, **sections):
        sections = {"Aws": ["SettleSec=2s"], **sections}
        (self.folder / "quiesced.conf").write_text("".join(
            f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in sections.items()))

    def recover(self):
        """Nothing is scripted, nothing is on record, and the cloud is empty."""
        self.cloud.clear_faults()
        self.cloud.configure(**self.knobs)
        self.cloud.empty()
        launched = [one["InstanceId"] for found in self.ec2.describe_instances()["Reservations"]
                    for one in found["Instances"] if one["InstanceId"] != INSTANCE_ID]
        if launched:
            self.ec2.terminate_instances(InstanceIds=launched)
        self.cloud.clear_calls()
        self.write_config()
        shutil.rmtree(self.folder / "jobs", ignore_errors=True)

    def start(self, verb, job=None, pause=None, state=None, **request):
        """`state`: the folder of another host's records."""
        environment = {**os.environ, **self.cloud.env(),
                       "STATE_DIRECTORY": str(state or self.folder),
                       "QUIESCED_CONFIG": str(self.folder / "quiesced.conf")}
        environment.update({"QUIESCED_TEST_PAUSE": pause} if pause else {})
        request = {"verb": verb, **({"job": job} if job else {}), **request}
        with (self.folder / "log").open("a") as log:
            return Worker(request, environment, log)

    def run(self, verb, job=None, **request):
        """(result, worker)"""
        worker = self.start(verb, job, **request)
        return worker.wait(), worker

    def start_until(self, point, verb, job, times=1, **request):
        """A worker that stands still at `point`, for the `times`-th time."""
        worker = self.start(verb, job, pause=point, **request)
        for left in reversed(range(times)):
            wait_until(lambda: processes.is_stopped(worker.pid) or self.has_ended(worker), 20,
                       f"the worker stops at {point}: {self.log()}")
            if left:
                before = processes.context_switches(worker.pid)
                worker.go_on()
                wait_until(lambda: processes.context_switches(worker.pid) != before, 20, "it goes on")
        return worker

    @contextlib.contextmanager
    def turn_of_another(self):
        """As long as another job of this host is at its removal."""
        with (self.folder / "jobs" / ".removal.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def cancel_resumed(self, job):
        """The result of a job that is cancelled before it goes on."""
        with self.turn_of_another():
            worker = self.start("resume", job)
            worker.cancel()
            return worker.wait()

    @staticmethod
    def has_ended(worker):
        return worker._process.poll() is not None

    def new_job(self):
        return f"job-{next(self.numbers)}"

    def record(self, job):
        return json.loads((self.folder / "jobs" / f"{job}.json").read_text())

    def log(self):
        return (self.folder / "log").read_text()

    # Of the account

    def make_image(self, name, job="made-1", instance=INSTANCE_ID, profile="nightly", **tags):
        """An image as a bake by CreateImage makes it: (id, its snapshots)."""
        labels = {"quiesced:job": job, "quiesced:instance": instance, "quiesced:kind": "image",
                  "quiesced:profile": profile, **tags} if job else tags
        spec = [{"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in labels.items()]}
                for kind in ("image", "snapshot")] if labels else []
        image = self.ec2.create_image(InstanceId=INSTANCE_ID, Name=name, NoReboot=True,
                                      **({"TagSpecifications": spec} if spec else {}))["ImageId"]
        return image, self.image(image)["snapshots"]

    def register(self, name, snapshot):
        """Another image, of a snapshot that there is already."""
        return self.ec2.register_image(
            Name=name, RootDeviceName="/dev/xvda", Architecture="x86_64", BlockDeviceMappings=[
                {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}])["ImageId"]

    def image(self, image):
        return {one["id"]: one for one in self.cloud.images()}[image]

    def images(self):
        return {one["id"] for one in self.cloud.images() if one["state"] != "deregistered"}

    def snapshots(self):
        return {one["id"] for one in self.cloud.snapshots()}

    def called(self, action):
        return [call for call in self.cloud.calls(action) if not call["dry_run"]]
