# SPDX-License-Identifier: Apache-2.0
"""
The main job on one machine: an "instance" whose volumes are loop devices with mounted file systems,
the simulated cloud it runs in, a bus, the freezer behind its socket, and the daemon.

The volumes' image files lie on a file system of their own (the backend), which the cloud freezes
while it copies them: its CreateSnapshots thus cuts all volumes at one instant, as EC2's does.
"""

import contextlib
import functools
import json
import os
import pwd
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from cloud.account import ec2_client, empty_account, images_of
from cloud.control import Cloud
from lab import processes
from lab.bus import Bus
from lab.loopfs import LoopFs, thaw
from lab.paths import BUILD, TESTS, scratch_folder
from lab.processes import wait_until
from lab.verdict import judge
from lab.written import Writers, boottime_usec

# The daemon and its workers run as this user, without any capability; dbus-daemon serves only
# users that the machine knows.
UID = pwd.getpwnam("nobody").pw_uid
BACKEND_BYTES = 4 << 30
INSTANCE_ID = "i-0123456789abcdef0"
DEVICE_NAMES = ["/dev/xvda", "/dev/sdf", "/dev/sdg", "/dev/sdh", "/dev/sdi", "/dev/sdj"]
CLIENT_SEC = 120


def memlock():
    """As LimitMEMLOCK= of the unit, unless this machine has a limit (and keeps it)."""
    _, most = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return "unlimited" if most == resource.RLIM_INFINITY else most


class Volume:
    """One EBS volume of the instance, its file system, and where it is mounted."""

    def __init__(self, number, name, fs):
        self.id = f"vol-{number + 1:017x}"
        self.device_name = DEVICE_NAMES[number]
        self.name = name
        self.fs = fs

    @property
    def mount_point(self):
        return self.fs.mount_point


class Lab:
    """
    `file_systems` maps names to types: {"root": "ext4", "data": "xfs"}. Without a `backend` the
    images lie in a plain folder, and the cloud copies them one after another.
    """

    instance_id = INSTANCE_ID
    tests = TESTS

    def __init__(self, file_systems=None, budget="10s", instance=None, backend=True,
                 volume_bytes=None, mounts=None, **cloud_settings):
        self.file_systems = file_systems or {"root": "ext4", "data": "xfs"}
        self.budget = budget
        self.has_backend = backend
        self.volume_bytes = volume_bytes
        self.mounts = mounts
        self.instance = instance or {}
        self.cloud_settings = cloud_settings
        self.volumes = []
        self.daemon = None
        self.activator = None
        self.extra_environment = {}
        self.clients = []
        self.folders = []
        self.known_jobs = set()
        self._exit = contextlib.ExitStack()

    # Setting up

    def __enter__(self):
        try:
            self._make_folders()
            self._make_volumes()
            self._start_cloud()
            self._write_config()
            self.bus = self._exit.enter_context(Bus(str(self.folder / "bus")))
            self._exit.callback(self.stop_freezer)
            self.start_freezer()
            self._exit.callback(self.stop_daemon)
            self.start_daemon()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._exit.close()

    def _make_folders(self):
        self.folder = Path(tempfile.mkdtemp(prefix="quiesced-lab-", dir=scratch_folder()))
        self._exit.callback(shutil.rmtree, self.folder)
        self.folder.chmod(0o755)
        for name in ("state", "etc", "run", "ledger", "copies", "mnt", "images"):
            (self.folder / name).mkdir()
        os.chown(self.folder / "state", UID, UID)
        self.mounts = Path(self.mounts or self.folder / "mnt")
        self.mounts.chmod(0o755)
        self.socket = self.folder / "run/freezer.sock"
        self.capture_socket = self.folder / "run/capture.sock"
        self.config = self.folder / "etc/quiesced.conf"

    def _make_volumes(self):
        self.backend = None
        self.images = str(self.folder / "images")
        if self.has_backend:
            self.backend = LoopFs.make("xfs", str(self.folder), size=BACKEND_BYTES,
                                       name="backend", mount_point=self.images)
            self._exit.callback(self.backend.cleanup)
        for name, kind in self.file_systems.items():
            self.add_volume(name, kind)

    def add_volume(self, name, kind):
        fs = LoopFs.make(
            kind, self.images, size=self.volume_bytes, name=name,
            mount_point=str(self.mounts / name),
        )
        self._exit.callback(fs.cleanup)
        volume = Volume(len(self.volumes), name, fs)
        self.volumes.append(volume)
        return volume

    def add_volume_elsewhere(self, name, kind, folder):
        """A volume whose image lies in a folder of the test's own."""
        images, self.images = self.images, folder
        try:
            volume = self.add_volume(name, kind)
        finally:
            self.images = images
        self.cloud.attach_volume(id=volume.id, path=volume.fs.image, device=volume.device_name)
        self._write_config()
        return volume

    def _start_cloud(self):
        volumes = [
            {"id": v.id, "path": v.fs.image, "device": v.device_name} for v in self.volumes
        ]
        self.cloud = self._exit.enter_context(
            Cloud(
                directory=str(self.folder / "copies"),
                freeze_backend=self.images if self.has_backend else None,
                instances=[{"id": INSTANCE_ID, **self.instance}],
                volumes=volumes,
                **self.cloud_settings,
            )
        )
        self.knobs = self.cloud.knobs()

    def _write_config(self, **sections):
        """quiesced.conf; `sections` replaces some of it: Aws=["SettleSec=5s"]."""
        host = [f"VolumeMap={v.fs.device}:{v.id}" for v in self.volumes]
        # The simulated cloud shows at once what it has made.
        content = {
            "Host": host, "Freeze": [f"BudgetSec={self.budget}"], "Aws": ["SettleSec=1s"],
        }
        content.update(sections)
        # Tests make one bake after another.
        if not any(line.startswith("VolumeSpacingSec=") for line in content["Aws"]):
            content["Aws"] = ["VolumeSpacingSec=0", *content["Aws"]]
        self.config.write_text(
            "".join(f"[{name}]\n" + "\n".join(lines) + "\n\n" for name, lines in content.items())
        )

    @contextlib.contextmanager
    def settings(self, **sections):
        """Other sections of quiesced.conf, for a while."""
        self._write_config(**sections)
        try:
            yield
        finally:
            self._write_config()

    # Programs

    def environment(self):
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "QUIESCED_CONFIG": str(self.config),
            "QUIESCED_FREEZER_SOCKET": str(self.socket),
            "QUIESCED_CAPTURE_SOCKET": str(self.capture_socket),
            "QUIESCED_WORKER": str(self.folder / "etc/worker"),
            "STATE_DIRECTORY": str(self.folder / "state"),
            "QUIESCED_TEST_RUN": os.environ.get("QUIESCED_TEST_RUN", ""),
            **self.bus.env(),
            **self.cloud.env(),
        }

    def pause_worker(self, step=None):
        """The next workers stop themselves at `step`; None: they do not."""
        pause = f"export QUIESCED_TEST_PAUSE={step}\n" if step else ""
        worker = self.folder / "etc/worker"
        fresh = worker.with_suffix(".new")
        fresh.write_text(f"#!/bin/sh\n{pause}exec {BUILD}/quiesced-worker \"$@\"\n")
        fresh.chmod(0o755)
        fresh.rename(worker)

    def start_freezer(self):
        self.activator = subprocess.Popen(
            [
                "systemd-socket-activate", "--seqpacket", "--accept", "-l", str(self.socket),
                "-E", "QUIESCED_TEST_RUN", self.program("quiesced-freezer"),
                f"--ledger-dir={self.folder / 'ledger'}",
            ],
            env=self.environment(),
            stderr=(self.folder / "freezer.log").open("a"),
        )
        wait_until(lambda: processes.is_listening(self.socket), 5, "the freezer's socket")
        os.chown(self.socket, UID, UID)

    def stop_freezer(self):
        if self.activator:
            activator, self.activator = self.activator, None
            processes.end(activator)
            self.socket.unlink(missing_ok=True)

    def start_daemon(self):
        self.pause_worker(None)
        self.daemon = subprocess.Popen(
            [
                "prlimit", f"--memlock={memlock()}", "setpriv", f"--reuid={UID}",
                f"--regid={UID}", "--clear-groups", "--inh-caps=-all", "--no-new-privs",
                self.program("quiesced"),
            ],
            env={**self.environment(), **self.extra_environment},
            stderr=(self.folder / "daemon.log").open("a"),
        )
        try:
            self.bus.wait_for_name("org.quiesced1")
        except TimeoutError as error:
            raise RuntimeError(f"quiesced did not start: {self.log()}") from error

    @contextlib.contextmanager
    def daemon_environment(self, **variables):
        """A daemon that sees other variables, for a while."""
        self.extra_environment = variables
        self.restart_daemon()
        try:
            yield
        finally:
            self.extra_environment = {}
            self.restart_daemon()

    def stop_daemon(self):
        if self.daemon:
            daemon, self.daemon = self.daemon, None
            processes.end(daemon)

    def workers(self):
        return processes.children(self.daemon.pid, "quiesced-worker")

    def freezers(self):
        return processes.children(self.activator.pid, "quiesced-freezer")

    @staticmethod
    def program(name):
        return str(BUILD / name)

    def ctl(self, *arguments, timeout=CLIENT_SEC):
        """quiescectl, as root."""
        return subprocess.run(
            [self.program("quiescectl"), *map(str, arguments)],
            env=self.environment(), capture_output=True, text=True, timeout=timeout,
        )

    def json(self, *arguments):
        result = self.ctl(*arguments, "--json")
        if result.returncode:
            raise AssertionError(f"quiescectl {arguments}: {result.stderr}")
        return json.loads(result.stdout)

    # What tests ask

    def new_folder(self, volume, prefix="w"):
        """An empty folder on the volume, until recover()."""
        folder = tempfile.mkdtemp(prefix=f"{prefix}-", dir=volume.mount_point)
        self.folders.append(folder)
        return folder

    def writers(self, specs=None, **options):
        """Writers on every volume, and pairs across the first two."""
        if specs is None:
            folders = [self.new_folder(v) for v in self.volumes]
            specs = [(kind, f) for f in folders for kind in ("append", "sync", "files")]
            specs += [("pairs", *folders[:2])] if len(folders) > 1 else []
        records = tempfile.mkdtemp(prefix="w-", dir=self.folder)
        return Writers(BUILD / "writers", Path(records) / "written", specs, **options)

    # Bakes

    def bake(self, *arguments):
        """quiescectl image, snapshot or bake to its end; the finished job as `jobs` shows it."""
        return self.json(*arguments, "--wait=completed", "--no-progress")

    def bake_in_background(self, *arguments):
        client = subprocess.Popen(
            [self.program("quiescectl"), *arguments, "--wait=completed", "--no-progress"],
            env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        self.clients.append(client)
        return client

    def failed_bake(self, *arguments):
        """The same for one that has to fail: (the job, what quiescectl says)."""
        result = self.ctl(*arguments, "--wait=completed", "--no-progress")
        assert result.returncode == 1, f"{arguments}: {result.stdout}{result.stderr}"
        return self.new_jobs()[-1], result.stderr

    def jobs(self):
        return self.json("jobs")["jobs"]

    def new_jobs(self):
        """Those since recover()."""
        return [j for j in self.jobs() if j["id"] not in self.known_jobs]

    def wait_for_new_jobs(self, timeout=20):
        """All of them finished."""

        def settled():
            jobs = self.new_jobs()
            return all(j["result"] for j in jobs) and not self.workers() and [jobs]

        return wait_until(settled, timeout, f"every job ends: {self.new_jobs()}")[0]

    def cloud_image(self, name):
        (image,) = [i for i in self.images_in_cloud() if i["name"] == name]
        return image

    def cloud_snapshot(self, snapshot_id):
        (snapshot,) = [s for s in self.cloud.snapshots() if s["id"] == snapshot_id]
        return snapshot

    def images_in_cloud(self):
        return images_of(self.cloud)

    def cut_usec(self):
        """When the cloud had the last request to cut, in the writers' time."""
        calls = [c for c in self.cloud.calls(service="ec2")
                 if c["action"] in ("CreateSnapshots", "CreateImage") and not c["dry_run"]]
        return int(calls[-1]["time"] * 1e6) - int(time.time() * 1e6) + boottime_usec()

    def copies(self, job):
        """What lab/verdict.py calls `copies`: the bytes of each snapshot of the job."""
        volumes = {v.id: v for v in self.volumes}
        found = {}
        for snapshot in map(self.cloud_snapshot, job["snapshots"]):
            volume = volumes[snapshot["volume"]]
            found[volume.name] = (snapshot["path"], volume.fs.kind)
        return found

    def judge(self, job, writers):
        """The verdict on the copies of all volumes that `job` has made, see lab/verdict.py."""
        mounts = {v.name: v.mount_point for v in self.volumes}
        return judge(self.copies(job), mounts, writers, self.cut_usec())

    # Between tests

    def recover(self):
        """Everything runs, nothing is frozen, nothing is scripted, and the cloud is empty."""
        self.pause_worker(None)
        self.cloud.clear_faults()
        self.cloud.configure(**self.knobs)
        for worker in self.workers() if self.daemon.poll() is None else []:
            processes.send(worker, signal.SIGCONT)
        for volume in self.volumes:
            thaw(volume.mount_point)
        if self.daemon.poll() is not None:
            self.restart_daemon()
        self.wait_for_new_jobs()
        for client in self.clients:
            processes.end(client)
            client.communicate()
        self.clients.clear()
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)
        self.folders.clear()
        self.empty_cloud()
        self.known_jobs = {j["id"] for j in self.jobs()}

    def empty_cloud(self):
        empty_account(self.cloud)

    @functools.cached_property
    def ec2(self):
        return ec2_client(self.cloud)

    def restart_daemon(self):
        self.stop_daemon()
        self.start_daemon()

    def records(self):
        """The job records, by id."""
        found = {}
        for path in (self.folder / "state/jobs").glob("*.json"):
            with contextlib.suppress(FileNotFoundError):
                found[path.stem] = json.loads(path.read_text())
        return found

    def log(self, name="daemon"):
        return (self.folder / f"{name}.log").read_text()
