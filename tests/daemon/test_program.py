# SPDX-License-Identifier: Apache-2.0
"""The program itself: options, configuration, notification, its face on the bus, what it costs."""

import os
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest
from harness import MANAGER, NAME, ROOT, STOP_SEC, WAIT_SEC, Host, wait_until
from test_jobs import bake

from lab.paths import BUILD

HERE = Path(__file__).resolve().parent
PSS_MAX_KIB = 4096


def run(*arguments, **environment):
    return subprocess.run(
        [str(BUILD / "quiesced"), *arguments], capture_output=True, text=True, timeout=WAIT_SEC, check=False,
        env={**os.environ, **environment},
    )


def test_help_and_version():
    shown = run("--help")
    assert shown.returncode == 0 and shown.stdout.startswith("Usage: quiesced")
    assert re.fullmatch(r"quiesced [0-9.]+\n", run("--version").stdout)


@pytest.mark.parametrize("argument", ["--colour", "now"])
def test_wrong_usage_is_named_and_exits_2(argument):
    result = run(argument)
    assert result.returncode == 2 and argument.lstrip("-") in result.stderr


@pytest.mark.parametrize(
    "text, said",
    [
        ("[Daemon]\nInhibitDelayMaxSec=soon\n", "quiesced.conf:2: InhibitDelayMaxSec=soon: must be a time span"),
        ("[Daemon]\nInhibitDelayMaxSec=2min\n", "InhibitDelayMaxSec=2min: must be from"),
        ("[Daemon]\nMaxJobsKept=0\n", "quiesced.conf:2: MaxJobsKept=0: must be from 1 to 1000"),
        ("[Daemon]\n\nSpeed=9\n", "quiesced.conf:3: unknown key 'Speed' in [Daemon]"),
        ("[Demon]\nx=1\n", "quiesced.conf:2: unknown section [Demon]"),
        ("nonsense\n", "quiesced.conf:1: neither"),
    ],
)
def test_a_bad_configuration_is_told_with_file_and_line(tmp_path, text, said):
    (tmp_path / "quiesced.conf").write_text(text)
    result = run(QUIESCED_CONFIG=str(tmp_path / "quiesced.conf"))
    assert result.returncode == 1 and said in result.stderr


def test_what_belongs_to_the_worker_is_left_to_it():
    with Host(config="[Host]\nVolumeMap=/dev/loop0:vol-1\n[Aws]\nSettleSec=never\n[Freeze]\nBudgetSec=3\n") as host:
        assert host.client.get("Version")


def test_the_shipped_configuration_is_read():
    shipped = (HERE.parent.parent / "systemd/quiesced.conf").read_text()
    uncommented = re.sub(r"^#(?=[A-Z]\w+=)", "", shipped, flags=re.MULTILINE)
    with Host(config=uncommented) as host:
        assert host.client.get("InhibitDelayMaxUSec") == 5000000


def test_a_drop_in_overrides(tmp_path):
    (tmp_path / "quiesced.conf.d").mkdir()
    (tmp_path / "quiesced.conf.d/10-a.conf").write_text("[Daemon]\nMaxJobsKept=none\n")
    result = run(QUIESCED_CONFIG=str(tmp_path / "quiesced.conf"))
    assert "10-a.conf:2" in result.stderr


def test_no_bus_is_said():
    result = run(DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nonexistent")
    assert result.returncode == 1 and "system bus" in result.stderr


def test_a_second_daemon_does_not_take_the_name(host):
    second = host.spawn()
    assert second.wait(WAIT_SEC) == 1
    assert "another quiesced" in host.log()


def test_systemd_is_told_when_it_is_ready_and_when_it_stops(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.settimeout(WAIT_SEC)
        host = Host(survey=False)
        host.environment = lambda old=host.environment: {**old(), "NOTIFY_SOCKET": str(tmp_path / "notify")}
        with host:
            assert notify.recv(4096) == b"READY=1"
            host.daemon.terminate()
            assert notify.recv(4096) == b"STOPPING=1"
            assert host.daemon.wait(STOP_SEC) == 0


def test_the_watchdog_is_fed_if_systemd_wants_it(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.settimeout(WAIT_SEC)
        host = Host(survey=False)
        extra = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        host.environment = lambda old=host.environment: {**old(), **extra}
        with host:
            assert {notify.recv(4096) for _ in range(4)} == {b"READY=1", b"WATCHDOG=1"}


def test_the_interface_is_the_documented_one(host):
    """A change here is a change of the API: the page org.quiesced1(5) must follow."""
    path = bake(host)
    xml = "".join(
        re.search(rf' <interface name="{name}">.*? </interface>\n', host.client.call(
            "Introspect", path=where, interface="org.freedesktop.DBus.Introspectable")[0], re.DOTALL).group(0)
        for name, where in ((MANAGER, ROOT), ("org.quiesced1.Job", path))
    )
    assert xml == (HERE / "interface.xml").read_text()


def test_busctl_shows_everything(host):
    shown = host.bus.busctl("introspect", NAME, ROOT).stdout
    for member in (".CreateImage", ".Volumes", ".PrepareForQuiesce"):
        assert member in shown
    assert host.bus.busctl("tree", NAME).stdout.count("/org/quiesced1") >= 1


def test_idle_it_is_small(host):
    rollup = Path(f"/proc/{host.daemon.pid}/smaps_rollup").read_text()
    pss = int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE).group(1))
    assert pss <= PSS_MAX_KIB


def switches(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return sum(int(n) for n in re.findall(r"ctxt_switches:\s+(\d+)", status))


def test_idle_it_sleeps(host):
    bake(host)
    host.worker("bake").result()
    host.client.wait_for("JobRemoved")
    wait_until(lambda: rests(host.daemon.pid, 3), "rest")


def rests(pid, seconds):
    before = switches(pid)
    time.sleep(seconds)
    return switches(pid) == before
