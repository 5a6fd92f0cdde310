# SPDX-License-Identifier: Apache-2.0
"""The Debian package on a machine: installed, used, booted, updated and removed."""

import contextlib
import json
import os
import shutil
from pathlib import Path

import pytest

from cloud.control import Cloud
from lab.capture import DISCARD, DISCARDED, READY, Client, name_packet
from lab.kernel import requires_file_systems
from lab.loopdisk import SECTOR, LoopDisk, device_number
from lab.loopfs import run
from lab.processes import wait_until
from package.machine import Machine

CONFIG = "/etc/quiesced/quiesced.conf"
AUTHORITY = "/etc/cloud.pem"
INSTANCE = "i-0123456789abcdef0"
# The service has nothing of its own to be enabled by, but names the others.
UNITS = {"quiesced.service": "indirect", "quiesced.timer": "enabled",
         "quiesced-freezer.socket": "enabled", "quiesced-capture.socket": "enabled"}
ANNOUNCE = "quiesced-announce.service"
# Those of all users and groups are copied before they change.
BACKUPS = {"/etc/.pwd.lock", "/etc/group-", "/etc/gshadow-", "/etc/passwd-", "/etc/shadow-"}


@pytest.fixture(scope="module")
def cloud():
    with Cloud() as cloud:
        yield cloud


def prepare(machine, cloud, deb):
    """What an instance has before: a metadata service, and here the package as a file."""
    environment = cloud.env()
    machine.give(AUTHORITY, Path(environment["AWS_CA_BUNDLE"]).read_text())
    environment["AWS_CA_BUNDLE"] = AUTHORITY
    lines = [f"Environment={name}={value}" for name, value in environment.items()]
    machine.give("/etc/systemd/system/quiesced.service.d/cloud.conf",
                 "[Service]\n" + "\n".join(lines) + "\n")
    shutil.copy(deb.path, machine.root / "quiesced.deb")


def install(machine):
    return machine.run("dpkg", "--install", "/quiesced.deb")


@pytest.fixture(scope="module")
def machine(root, cloud, deb):
    """Installed while it ran."""
    with Machine(root) as machine:
        prepare(machine, cloud, deb)
        install(machine)
        yield machine


def status(machine):
    return json.loads(machine.run("quiescectl", "status", "--json"))


def assert_up(machine):
    assert status(machine)["instance-id"] == INSTANCE
    for unit, state in UNITS.items():
        assert machine.property(unit, "UnitFileState") == state
        assert machine.property(unit, "ActiveState") == "active"
        assert machine.property(unit, "Result") == "success"
    assert machine.property("quiesced.service", "NRestarts") == "0"


def test_it_runs_once_installed(machine):
    assert_up(machine)
    assert INSTANCE in machine.run("quiescectl", "status")


def test_its_user_can_log_in_nowhere(machine):
    fields = machine.run("getent", "passwd", "quiesced").strip().split(":")
    assert 0 < int(fields[2]) < 1000
    assert fields[5:] == ["/var/lib/quiesced", "/usr/sbin/nologin"]
    assert machine.property("quiesced.service", "User") == "quiesced"


@pytest.mark.parametrize(
    "path, mode",
    [
        ("/etc/quiesced", "755 root:root"),
        ("/etc/quiesced/profiles", "755 root:root"),
        ("/run/quiesced", "755 root:root"),
        ("/run/quiesced/freezer", "700 root:root"),
        ("/run/quiesced/freezer.sock", "600 quiesced:quiesced"),
        ("/run/quiesced/capture.sock", "600 quiesced:quiesced"),
        ("/var/lib/quiesced", "700 quiesced:quiesced"),
    ],
)
def test_folders_and_the_socket_belong_to_whom_they_should(machine, path, mode):
    assert machine.run("stat", "--format=%a %U:%G", path).strip() == mode


def test_no_schedule_is_on_by_itself(machine):
    assert machine.run("systemctl", "list-timers", "--all", "--no-legend", "quiesced-bake*") == ""
    assert machine.try_run("systemctl", "is-enabled", "quiesced-bake@nightly.timer").stdout.strip() \
        == "disabled"


def test_anyone_may_look_and_nobody_but_root_may_bake(machine):
    as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    assert INSTANCE in machine.run(*as_nobody, "quiescectl", "status")
    done = machine.try_run(*as_nobody, "quiescectl", "image", "mine")
    assert done.returncode != 0
    assert "CreateImage is not permitted (org.quiesced1.bake)" in done.stderr


@contextlib.contextmanager
def mounted_within(machine, disk, mount_point):
    """The one partition of a disk: its device is there, and so are those that capture may make."""
    (part,) = disk.mounted
    run("umount", part.mount_point)
    part.mount_point = None
    for device in (disk.device, part.device):
        machine.run("mknod", device, "b", *map(str, device_number(device)))
    machine.run("mknod", "/dev/loop-control", "c", "10", "237")
    for i in range(64):
        machine.try_run("mknod", f"/dev/loop{i}", "b", "7", str(i))
    machine.run("mkdir", mount_point)
    machine.run("mount", part.device, mount_point)
    try:
        yield part
    finally:
        machine.run("umount", mount_point)


def test_a_disk_is_captured_and_scrubbed_in_the_sandbox_of_its_unit(machine, tmp_path):
    requires_file_systems("ext4")
    with (LoopDisk(tmp_path, ["ext4"]) as disk, mounted_within(machine, disk, "/data") as part,
          contextlib.closing(Client(machine.seen("/run/quiesced/capture.sock"))) as client):
        machine.run("sh", "-c", "umask 077; mkdir /data/home; echo key >/data/home/id_rsa; "
                                "echo x >/data/home/kept; chown -R 1000 /data/home; sync")
        place = ("/data", device_number(part.device))
        assert client.begin(disk.number, [place], "/var/lib/quiesced-capture").type == READY
        client.make_pass()
        client.final()
        assert client.scrub().paths == ["/home/id_rsa"]
        assert os.pread(client.keep(), 8, SECTOR) == b"EFI PART"
        client.wanted(name_packet(DISCARD, "job-1", "/var/lib/quiesced-capture"), DISCARDED)
    assert machine.run("ls", "-A", "/var/lib/quiesced-capture") == ""


def test_an_update_keeps_the_configuration_and_restarts_the_daemon(machine):
    before = machine.property("quiesced.service", "MainPID")
    changed = machine.run("cat", CONFIG) + "\n[Daemon]\nMaxJobsKept=7\n"
    machine.give(CONFIG, changed)
    install(machine)
    assert machine.run("cat", CONFIG) == changed
    assert machine.property("quiesced.service", "MainPID") not in (before, "0")
    assert_up(machine)


def announced(machine):
    lines = machine.run("journalctl", "--unit", ANNOUNCE, "--output=cat", "--boot")
    return [line for line in lines.splitlines() if line.startswith("quiesced: ")]


def test_it_runs_after_a_boot_and_says_so(machine):
    assert announced(machine) == [], "not where it was only installed"
    machine.power_off()
    machine.boot()
    wait_until(lambda: announced(machine), 30, "the marker")
    assert_up(machine)
    image = status(machine)["image-id"]
    assert announced(machine) == [f"quiesced: {INSTANCE} runs {image} (running)"]
    assert machine.property(ANNOUNCE, "UnitFileState") == "enabled"
    assert machine.property(ANNOUNCE, "ActiveState") == "inactive"
    assert machine.property(ANNOUNCE, "Result") == "success"


def test_a_purge_leaves_nothing(root, cloud, deb):
    with Machine(root) as machine:
        prepare(machine, cloud, deb)
        before = machine.files()
        install(machine)
        machine.give("/etc/quiesced/profiles/nightly.conf", "[Bake]\nType=image\nName=n-%d\n")
        machine.run("systemctl", "enable", "--now", "quiesced-bake@nightly.timer")
        assert status(machine)["instance-id"] == INSTANCE
        assert "quiesced" in machine.process_names()

        machine.run("dpkg", "--remove", "quiesced")
        assert machine.run("systemctl", "list-units", "--no-legend", "quiesced*") == ""
        wait_until(lambda: not any(name.startswith("quiesced") for name in machine.process_names()),
                   5, "a process of the package still runs")
        assert "nightly.conf" in machine.run("ls", "/etc/quiesced/profiles")

        machine.run("dpkg", "--purge", "quiesced")
        wait_until(lambda: machine.try_run("test", "-e", "/run/quiesced").returncode == 1, 5,
                   "/run/quiesced is still there")
        assert machine.files() - before <= BACKUPS
        # By Debian's custom: files elsewhere may still be its own.
        machine.run("getent", "passwd", "quiesced")
        machine.run("systemctl", "daemon-reload")
        assert machine.run("systemctl", "is-system-running").strip() == "running"
