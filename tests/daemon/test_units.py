# SPDX-License-Identifier: Apache-2.0
"""What systemd, D-Bus and polkit read: checked by their own tools."""

import os
import re
import subprocess
import xml.etree.ElementTree
from pathlib import Path

import pytest

from lab.paths import BUILD, TESTS

SYSTEMD = TESTS.parent / "systemd"
UNITS = {
    "quiesced.service.in": 1.3,
    "quiesced-freezer@.service.in": 2.0,
    "quiesced-announce.service.in": 1.0,
    "quiesced-bake@.service.in": 1.0,
    "quiesced-prune@.service.in": 1.0,
}
TIMERS = ["quiesced-bake@.timer", "quiesced-prune@.timer"]


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    """The units as installed, but for where the programs are."""
    folder = tmp_path_factory.mktemp("units")
    for name in [*UNITS, "quiesced-freezer.socket", "quiesced.timer", *TIMERS]:
        text = (SYSTEMD / name).read_text()
        text = text.replace("@pkglibexecdir@", str(BUILD)).replace("@bindir@", str(BUILD))
        assert "@" not in re.sub(r"@\.service|@[a-z-]+", "", text), name
        (folder / name.removesuffix(".in")).write_text(text)
    return folder


def analyze(folder, *arguments):
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:", "SYSTEMD_COLORS": "0"},
    )


@pytest.mark.parametrize(
    "name",
    [
        "quiesced.service",
        "quiesced.timer",
        "quiesced-freezer.socket",
        "quiesced-freezer@0.service",
        "quiesced-announce.service",
        "quiesced-bake@nightly.service",
        "quiesced-bake@nightly.timer",
        "quiesced-prune@nightly.service",
        "quiesced-prune@nightly.timer",
    ],
)
def test_systemd_finds_no_fault(units, name):
    template = units / re.sub("@.*[.]", "@.", name)
    instance = units / name
    if not instance.exists():
        instance.symlink_to(template.name)
    result = analyze(units, "verify", "--man=no", "--recursive-errors=no", str(instance))
    assert result.returncode == 0, result.stderr
    ours = [line for line in result.stderr.splitlines() if "quiesced" in line]
    assert ours == []


@pytest.mark.parametrize("name, threshold", UNITS.items())
def test_exposure_stays_below_its_limit(units, name, threshold):
    unit = units / name.removesuffix(".in")
    # The threshold is in tenths of a point.
    result = analyze(
        units, "security", "--offline=true", "--no-pager", f"--threshold={round(threshold * 10)}", str(unit)
    )
    assert result.returncode == 0, result.stdout[-400:]


def test_the_freezer_sees_every_mount(units):
    text = (units / "quiesced-freezer@.service").read_text()
    for hiding in ("ProtectHome", "PrivateTmp", "PrivateUsers", "InaccessiblePaths", "TemporaryFileSystem"):
        assert f"\n{hiding}=" not in text
    assert "KillMode=process" in text and "ExecStopPost=+" in text


def test_the_stop_of_the_service_outlasts_that_of_the_daemon(units):
    manager = (TESTS.parent / "agent/daemon/manager.c").read_text()
    limit = int(re.search(r"STOP_LIMIT_USEC \((\d+) \* USEC_PER_SEC\)", manager).group(1))
    stop = int(re.search(r"TimeoutStopSec=(\d+)s", (units / "quiesced.service").read_text()).group(1))
    assert stop > limit


@pytest.mark.parametrize("name", TIMERS)
def test_a_fleet_is_spread_and_each_host_keeps_its_time(units, name):
    text = (units / name).read_text()
    for line in ("RandomizedDelaySec=1h", "FixedRandomDelay=true", "Persistent=true"):
        assert f"\n{line}\n" in text


def test_a_prune_is_sandboxed_as_a_bake_is(units):
    bake, prune = ((units / f"quiesced-{what}@.service").read_text() for what in ("bake", "prune"))
    sandbox = bake[bake.index("# Speaks D-Bus"):]
    assert "CapabilityBoundingSet=\n" in sandbox and prune.endswith(sandbox)


def test_the_freezer_stops_after_the_daemon(units):
    assert "\nBefore=quiesced.service\n" in (units / "quiesced-freezer@.service").read_text()
    assert "quiesced-freezer.socket" in re.search(
        r"^After=(.*)$", (units / "quiesced.service").read_text(), re.MULTILINE).group(1)


@pytest.mark.parametrize("name", ["org.quiesced1.conf", "org.quiesced1.policy"])
def test_the_xml_is_well_formed(name):
    xml.etree.ElementTree.parse(SYSTEMD / name)


def test_polkit_knows_every_action_that_the_daemon_asks_for():
    asked = set(re.findall(r'"(org\.quiesced1\.[a-z]+)"', (TESTS.parent / "agent/daemon/policy.h").read_text()))
    known = {a.get("id") for a in xml.etree.ElementTree.parse(SYSTEMD / "org.quiesced1.policy").iter("action")}
    assert asked and asked <= known


def test_the_daemons_user_owns_every_action():
    """Else polkit refuses to tell it about anybody but itself."""
    for action in xml.etree.ElementTree.parse(SYSTEMD / "org.quiesced1.policy").iter("action"):
        owner = action.find("annotate[@key='org.freedesktop.policykit.owner']")
        assert owner is not None and owner.text == "unix-user:quiesced", action.get("id")


def test_the_names_agree():
    activation = (SYSTEMD / "org.quiesced1.service").read_text()
    assert "SystemdService=quiesced.service" in activation
    assert "BusName=org.quiesced1" in (SYSTEMD / "quiesced.service.in").read_text()
    socket = (SYSTEMD / "quiesced-freezer.socket").read_text()
    assert "SocketUser=quiesced" in socket and "SocketMode=0600" in socket
    assert "u quiesced " in (SYSTEMD / "sysusers.d/quiesced.conf").read_text()


@pytest.mark.parametrize(
    "tool, folder", [("systemd-sysusers", "sysusers.d"), ("systemd-tmpfiles", "tmpfiles.d")]
)
def test_users_and_folders_are_made(tmp_path, tool, folder):
    (tmp_path / "etc").mkdir()
    for name in ("passwd", "group"):
        (tmp_path / "etc" / name).write_text("")
    create = ["--create"] if tool == "systemd-tmpfiles" else []
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (tmp_path / "etc/group").write_text("root:x:0:\n")
    result = subprocess.run(
        [tool, f"--root={tmp_path}", *create, str(SYSTEMD / folder / "quiesced.conf")],
        capture_output=True, text=True, timeout=30, check=False,
    )
    assert result.returncode == 0, result.stderr
    if tool == "systemd-sysusers":
        assert "quiesced:" in (tmp_path / "etc/passwd").read_text()
    else:
        assert (tmp_path / "run/quiesced/freezer").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("profile", sorted((SYSTEMD / "examples").glob("*.conf")), ids=lambda p: p.stem)
def test_the_examples_use_keys_that_the_man_page_has(profile):
    page = (TESTS.parent / "man/quiesced.profile.5").read_text()
    keys = re.findall(r"^([A-Z]\w+)=", profile.read_text().split("[Tags]")[0], re.MULTILINE)
    assert keys and all(f".It Va {key}=" in page for key in keys)


def test_the_default_configuration_has_every_key_of_its_man_page():
    page = (TESTS.parent / "man/quiesced.conf.5").read_text()
    text = (SYSTEMD / "quiesced.conf").read_text()
    assert set(re.findall(r"^\.It Va (\w+)=", page, re.MULTILINE)) == set(
        re.findall(r"^#([A-Z]\w+)=", text, re.MULTILINE)
    )
