# SPDX-License-Identifier: Apache-2.0
"""An instance of the site that runs in a machine: what tests do in it and ask of it."""

import contextlib
import json
import time

from lab.processes import wait_until
from vm.site import INSTANCE_ID
from vm.writers import GuestWriters

BUDGET = "/etc/quiesced/quiesced.conf.d/budget.conf"
JOB_SEC = 240


class Instance:
    def __init__(self, site, instance_id=INSTANCE_ID):
        self.site = site
        self.id = instance_id
        self.machine = site.machine(instance_id)
        self.known_jobs = set()
        self._is_clean = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.machine.close()

    def boot(self):
        """Where systemd ended: "running" if every unit is well."""
        self.state = self.machine.wait_booted()
        return self.state

    def boot_again(self):
        """From the same disks, after it has ended in whatever way."""
        self.machine.close()
        self.machine = self.site.machine(self.id)
        return self.boot()

    def reboot_for_image(self, stop=None):
        """
        What EC2 does for a CreateImage that reboots: `stop` (or the power button) takes the machine
        down, its disks are copied, and it boots again; where systemd ended.
        """
        cloud = self.site.cloud
        wait_until(lambda: self.id in cloud.to_be_stopped(), JOB_SEC, "EC2 shuts it down")
        (stop or self.machine.press_power_button)()
        cloud.instance_stopped(self.id)
        return self.boot_again()

    def run(self, script, **options):
        return self.machine.run(script, **options)

    def mount_data(self):
        """For good: an instance launched from an image of this one mounts it too."""
        self.run("mkdir /data && echo 'LABEL=data /data xfs defaults,nofail 0 2' >>/etc/fstab && "
                 "systemctl daemon-reload && systemctl start data.mount")

    def ctl(self, arguments, **options):
        return self.run(f"quiescectl {arguments}", **options)

    def ctl_json(self, arguments):
        return json.loads(self.ctl(f"{arguments} --json").stdout)

    def writers(self, *kinds):
        """Programs that write to / and /data until told to stop."""
        return GuestWriters(self.machine, kinds or ("append", "sync", "files"), ("/srv", "/data"))

    def begin_image(self, name, options=""):
        """By quiescectl, which is not waited for."""
        self.run(f"systemd-run --quiet --collect quiescectl image '{name}' "
                 f"--wait=completed --no-progress {options}")

    def wait_frozen(self):
        self.machine.wait_for("busctl get-property org.quiesced1 /org/quiesced1 "
                              "org.quiesced1.Manager Frozen | grep -q true",
                              "file systems are frozen")

    @contextlib.contextmanager
    def budget(self, seconds):
        """Of every freeze, in seconds."""
        self.machine.write(BUDGET, f"[Freeze]\nBudgetSec={seconds}s\n")
        try:
            yield
        finally:
            self.run(f"rm {BUDGET}")

    def create_image(self, name, check=True):
        """By D-Bus alone, until the image is there."""
        return self.run(
            f"busctl call --timeout={JOB_SEC} org.quiesced1 /org/quiesced1 org.quiesced1.Manager "
            f"CreateImage 'sa{{sv}}' '{name}' 1 wait s completed", timeout=JOB_SEC, check=check)

    def jobs(self):
        """Those since clean()."""
        return [job for job in self.ctl_json("jobs")["jobs"] if job["id"] not in self.known_jobs]

    def wait_for_jobs(self, timeout=JOB_SEC):
        """All of them finished."""

        def finished():
            jobs = self.jobs()
            return all(job["result"] for job in jobs) and [jobs]

        return wait_until(finished, timeout, "every job ends", pause=0.1)[0]

    def cut_time(self):
        """When the cloud had the last request to cut, by the host's clock."""
        calls = [call for call in self.site.cloud.calls(service="ec2")
                 if call["action"] in ("CreateSnapshots", "CreateImage")]
        return calls[-1]["time"]

    def guest_time_usec(self, host_time):
        """
        CLOCK_BOOTTIME in the guest at a time of this host or somewhat before: the closest of a few
        looks, each of which may have happened anywhere between question and answer.
        """
        looks = []
        for _ in range(5):
            asked = time.time()
            uptime = self.run("read -r up _ </proc/uptime; echo $up").stdout
            looks.append((time.time() - asked, time.time(), float(uptime)))
        _, answered, uptime = min(looks)
        return int((uptime - (answered - host_time)) * 1e6)

    def clock_ahead_usec(self):
        """How far CLOCK_REALTIME in the guest is ahead of the host's, at least."""
        looks = []
        for _ in range(5):
            asked = time.time()
            usec = int(self.run("date +%s%6N").stdout)
            looks.append((time.time() - asked, usec - int(time.time() * 1e6)))
        return min(looks)[1]

    @contextlib.contextmanager
    def paused_workers(self, point, budget_sec):
        """Workers stop themselves at that point, those of a daemon that is started anew too."""
        self.machine.write(BUDGET, f"[Freeze]\nBudgetSec={budget_sec}s\n")
        machine = self.machine
        self.run(f"systemctl set-environment QUIESCED_TEST_PAUSE={point} && "
                 "systemctl restart quiesced.service")
        try:
            yield
            # Whatever was begun ends under the settings that it began with.
            self.wait_for_jobs()
        finally:
            self.run(f"rm {BUDGET}")
            # A boot leaves nothing of it.
            if self.machine is machine:
                self.run("systemctl unset-environment QUIESCED_TEST_PAUSE; "
                         "systemctl restart quiesced.service")

    @contextlib.contextmanager
    def clean(self):
        """No job under way, an empty account and no fault: before, if need be, and after."""
        if not self._is_clean:
            self._recover()
        self._is_clean = False
        yield self
        self._recover()
        self._is_clean = True

    def _recover(self):
        self.known_jobs |= {job["id"] for job in self.wait_for_jobs()}
        self.site.empty()
