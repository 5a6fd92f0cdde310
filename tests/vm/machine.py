# SPDX-License-Identifier: Apache-2.0
"""
One virtual machine: QEMU without KVM, as this must run anywhere. Its NVMe disks are the raw files
of the simulated cloud's volumes and carry their ids, and the only hosts that it reaches are the
metadata service, EC2 and S3.
"""

import contextlib
import itertools
import json
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from lab.processes import wait_until
from vm.agent import RUN_SEC, Agent, GuestFailed
from vm.base import EC2_ADDRESS, METADATA_ADDRESS, PARTITION_UUID, S3_ADDRESS
from vm.monitor import Monitor

BOOT_SEC = 240
STOP_SEC = 180
MEMORY_MB = 768
# What the kernel's log has of the time, in microseconds, at which shut_down() was called.
ASKED = "asked to power off at"


class Machine:
    """
    Boots `base`'s kernel; `volumes`: [(id, path of the raw file)], the root first; addresses are
    (host, port).
    """

    _numbers = itertools.count(1)

    def __init__(self, base, volumes, metadata, ec2, s3):
        self._folder = tempfile.TemporaryDirectory(prefix="quiesced-vm-")
        folder = Path(self._folder.name)
        self.console = folder / "console"
        self._log = (folder / "qemu.log").open("w+")
        # Dies with whoever started it; its guestfwd commands end with their connections.
        command = ["setpriv", "--pdeathsig=KILL", "qemu-system-x86_64",
                   *_hardware(), *_firmware(base, self.console), *_network(metadata, ec2, s3),
                   *_agent(folder / "agent"),
                   "-qmp", f"unix:{folder}/monitor,server=on,wait=off"]
        for number, (volume_id, path) in enumerate(volumes):
            command += _disk(number, volume_id, path)
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log,
                                        stderr=self._log)
        self.agent = Agent(folder / "agent")
        self.monitor = Monitor(folder / "monitor")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def wait_booted(self):
        """Until systemd has nothing left to start; the state that it is then in."""
        try:
            self.agent.wait_ready(BOOT_SEC, lambda: self.process.poll() is None)
        except GuestFailed as error:
            raise GuestFailed(f"{error}: {self.story()}") from error
        state = self.run("systemctl is-system-running --wait", check=False, timeout=BOOT_SEC)
        return state.stdout.strip()

    def run(self, script, check=True, timeout=RUN_SEC, stdin=None):
        """A script of sh in the guest, as root: CompletedProcess with text."""
        data = stdin.encode() if stdin is not None else None
        done = self.agent.run(script, timeout=timeout, stdin=data)
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        if check and done.returncode:
            raise GuestFailed(f"{script}: exit status {done.returncode}: "
                              f"{done.stdout}{done.stderr}")
        return done

    def json(self, script, **options):
        return json.loads(self.run(script, **options).stdout)

    def run_raw(self, script):
        """What it prints, as bytes."""
        return self.agent.run(script).stdout

    def wait_for(self, condition, what, timeout=RUN_SEC):
        """Until a shell in the guest finds it true."""
        now = "read -r now _ </proc/uptime"
        script = (f"{now}; end=$((${{now%.*}} + {timeout})); until {condition}; "
                  f"do {now}; [ ${{now%.*}} -lt $end ] || exit 1; sleep 0.1; done")
        done = self.run(script, check=False, timeout=2 * timeout)
        if done.returncode:
            raise GuestFailed(f"after {timeout} s: {what}: {done.stdout}{done.stderr}")

    def write(self, path, text):
        self.run(f"install -D -m 0644 /dev/stdin '{path}'", stdin=text)

    @contextlib.contextmanager
    def suspended(self):
        """
        It stands still, and leaves the processors to another one. The counter of its clock, which is
        full within a minute, loses that time.
        """
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)
            self.run(f"date --utc --set=@{time.time()}")

    def plug(self, driver, serial, path):
        """A further disk, while it runs; `driver` is one of QEMU's. Its name for unplug()."""
        name = f"plugged{next(self._numbers)}"
        self.monitor.execute("blockdev-add", **{
            "node-name": name, "driver": "raw", "file": {"driver": "file", "filename": str(path)}})
        self.monitor.execute("device_add", driver=driver, id=name, drive=name, serial=serial)
        return name

    def unplug(self, name):
        """The guest has to agree, and takes its time: until then, the file is in use."""
        self.monitor.execute("device_del", id=name)

        def closed():
            try:
                self.monitor.execute("blockdev-del", **{"node-name": name})
            except RuntimeError as error:
                if "in use" not in str(error):
                    raise
                return False
            return True

        wait_until(closed, STOP_SEC, f"the guest lets go of {name}", pause=0.2)

    def shut_down(self):
        """
        The guest agent is among what ends at once: nobody may be there to tell of it, but the
        journal has when it was.
        """
        self.agent.begin(f"echo '<5>{ASKED}' $(date +%s%6N) >/dev/kmsg; "
                         "systemctl --no-block poweroff")
        self._wait_off("systemctl poweroff")

    def press_power_button(self):
        """As EC2 has an instance shut down: systemd-logind hears the key, and powers off."""
        self.monitor.execute("system_powerdown")
        self._wait_off("its power button")

    def cut_power(self):
        self.process.kill()
        self._wait_off("SIGKILL")

    def _wait_off(self, after):
        try:
            self.process.wait(STOP_SEC)
        except subprocess.TimeoutExpired as error:
            raise GuestFailed(f"after {STOP_SEC} s: the machine is off by {after}: "
                              f"{self.story()}") from error

    def close(self):
        self.agent.close()
        if self.process.poll() is None:
            self.cut_power()
        self._log.close()
        self._folder.cleanup()

    def story(self):
        """The ends of the console and of what QEMU said."""
        self._log.seek(0)
        console = self.console.read_text(errors="replace") if self.console.exists() else ""
        return f"{self._log.read()[-1000:]}\n{console[-3000:]}"


def _hardware():
    """A plain processor: to emulate AVX, XSAVE and SMAP costs a third more for each boot."""
    return ["-accel", "tcg,thread=multi", "-cpu", "qemu64", "-smp", "2", "-m", str(MEMORY_MB),
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-device", "virtio-rng-pci"]


def _firmware(base, console):
    """The kernel has NVMe, GPT and ext4 built in, so that it needs no initramfs for these."""
    command = ["-kernel", str(base.kernel), "-append",
               f"root=PARTUUID={PARTITION_UUID} rootwait ro console=ttyS0 panic=-1 mitigations=off",
               "-serial", f"file:{console}"]
    return command + (["-initrd", str(base.initramfs)] if base.initramfs else [])


def _disk(number, volume_id, path):
    """Flushed or not, what the guest has written is in the file for every reader of this host."""
    return ["-drive", f"if=none,id=d{number},file={path},format=raw,cache=writeback",
            "-device", f"nvme,drive=d{number},serial={volume_id.replace('-', '')}"]


def _network(metadata, ec2, s3):
    forwards = ((METADATA_ADDRESS, 80, metadata), (EC2_ADDRESS, 443, ec2), (S3_ADDRESS, 443, s3))
    user = "user,id=n0,restrict=on,net=169.254.168.0/22,host=169.254.168.2,dns=169.254.168.3"
    for address, port, (to_host, to_port) in forwards:
        # A command serves one connection each; a character device would be one for all.
        user += f",guestfwd=tcp:{address}:{port}-cmd:nc -N {to_host} {to_port}"
    return ["-netdev", user, "-device", "virtio-net-pci,netdev=n0,romfile="]


def _agent(path):
    return ["-device", "virtio-serial-pci", "-chardev",
            f"socket,id=agent,path={path},server=on,wait=off",
            "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"]
