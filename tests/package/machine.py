# SPDX-License-Identifier: Apache-2.0
"""A Debian that runs systemd as its first process, in a container whose writes are thrown away."""

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from lab import processes
from lab.paths import scratch_folder
from lab.processes import wait_until

BOOT_SEC = 180
POWER_OFF_SEC = 120
COMMAND_SEC = 180
PROPAGATE = Path("/run/systemd/nspawn/propagate")
# Written by whatever runs in it, and no trace of a package.
VOLATILE = ("/dev", "/proc", "/run", "/sys", "/tmp", "/root", "/var/cache", "/var/log", "/var/tmp",
            "/var/lib/dpkg")


class Machine:
    """
    `with Machine(root) as machine` boots it. It shares the network of the host, where a simulated
    cloud listens on loopback; nothing in it configures a network.
    """

    def __init__(self, root):
        self.lower = root
        self.container = None

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="quiesced-package-", dir=scratch_folder()))
        self.name = f"quiesced-{secrets.token_hex(4)}"
        self.root = self.folder / "root"
        try:
            self._mount()
            self.boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.power_off()
        finally:
            if self.root.is_mount():
                subprocess.run(["umount", str(self.root)], timeout=120, check=True)
            shutil.rmtree(self.folder)

    def _mount(self):
        for name in ("root", "written", "work"):
            (self.folder / name).mkdir()
        options = f"lowerdir={self.lower},upperdir={self.folder}/written,workdir={self.folder}/work"
        subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", str(self.root)],
                       timeout=120, check=True)

    def boot(self):
        """Returns when systemd has started all that it starts."""
        with open(self.folder / "console", "ab") as console:
            self.container = subprocess.Popen(
                ["systemd-nspawn", f"--directory={self.root}", f"--machine={self.name}",
                 "--register=no", "--keep-unit", "--quiet", "--console=read-only", "--boot"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            )
        wait_until(self._first_process, BOOT_SEC, "the container has no systemd")
        wait_until(lambda: self.try_run("test", "-S", "/run/dbus/system_bus_socket").returncode == 0,
                   BOOT_SEC, "the container has no system bus")
        state = self.try_run("systemctl", "is-system-running", "--wait").stdout.strip()
        failed = self.try_run("systemctl", "--failed", "--no-legend", "--plain").stdout
        assert state == "running", f"{state}: {failed}"

    def _first_process(self):
        assert self.container.poll() is None, (self.folder / "console").read_text()[-2000:]
        found = processes.children(self.container.pid, "systemd")
        return found[0] if found else None

    def power_off(self):
        if self.container is None:
            return
        if self.container.poll() is None and self._first_process():
            self.try_run("systemctl", "poweroff", "--no-block")
        try:
            self.container.wait(POWER_OFF_SEC)
        except subprocess.TimeoutExpired:
            self.container.kill()
            self.container.wait()
            raise
        finally:
            self.container = None
            # It lies outside the container, and nspawn leaves it where /run is on a disk.
            shutil.rmtree(PROPAGATE / self.name, ignore_errors=True)

    def try_run(self, *command):
        first = self._first_process()
        environment = {"PATH": os.defpath + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8",
                       "DEBIAN_FRONTEND": "noninteractive", "SYSTEMD_PAGER": "cat"}
        return subprocess.run(
            ["nsenter", f"--target={first}", "--mount", "--uts", "--ipc", "--pid", "--cgroup",
             "--root", "--wd", *command],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_SEC,
            env=environment, check=False,
        )

    def run(self, *command):
        """What the command printed; it has to succeed."""
        done = self.try_run(*command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def process_names(self):
        fields = map(processes.stat_fields, processes.descendants(self._first_process()))
        return {name for name, _state, _parent in filter(None, fields)}

    def property(self, unit, name):
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).strip()

    def give(self, path, text):
        """A file in the machine, by the path that it has there."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def seen(self, path):
        """Where the same is from outside, if it is in a file system of the machine's own, as /run."""
        return Path(f"/proc/{self._first_process()}/root", path.lstrip("/"))

    def files(self):
        """All paths but those that change by themselves."""
        found = set()
        for folder, folders, names in os.walk(self.root):
            inside = folder.removeprefix(str(self.root))
            folders[:] = [name for name in folders if f"{inside}/{name}" not in VOLATILE]
            found.update(f"{inside}/{name}" for name in [*folders, *names])
        return found
