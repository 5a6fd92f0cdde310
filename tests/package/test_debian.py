# SPDX-License-Identifier: Apache-2.0
"""The Debian package as a file."""

import re
import subprocess

from package.sources import SOURCE, version

DOCUMENTS = "/usr/share/doc/quiesced"
FILES = {
    "/etc/quiesced/quiesced.conf",
    "/lib/systemd/system-shutdown/quiesced-witness",
    "/lib/systemd/system/quiesced-announce.service",
    "/lib/systemd/system/quiesced-bake@.service",
    "/lib/systemd/system/quiesced-bake@.timer",
    "/lib/systemd/system/quiesced-capture.socket",
    "/lib/systemd/system/quiesced-capture@.service",
    "/lib/systemd/system/quiesced-freezer.socket",
    "/lib/systemd/system/quiesced-freezer@.service",
    "/lib/systemd/system/quiesced-prune@.service",
    "/lib/systemd/system/quiesced-prune@.timer",
    "/lib/systemd/system/quiesced.service",
    "/lib/systemd/system/quiesced.timer",
    "/usr/bin/quiescectl",
    "/usr/lib/sysusers.d/quiesced.conf",
    "/usr/lib/tmpfiles.d/quiesced.conf",
    "/usr/libexec/quiesced/quiesced",
    "/usr/libexec/quiesced/quiesced-bundle",
    "/usr/libexec/quiesced/quiesced-capture",
    "/usr/libexec/quiesced/quiesced-freezer",
    "/usr/libexec/quiesced/quiesced-thaw",
    "/usr/libexec/quiesced/quiesced-worker",
    "/usr/share/bash-completion/completions/quiescectl",
    "/usr/share/dbus-1/system-services/org.quiesced1.service",
    "/usr/share/dbus-1/system.d/org.quiesced1.conf",
    f"{DOCUMENTS}/NEWS.gz",
    f"{DOCUMENTS}/README.md.gz",
    f"{DOCUMENTS}/changelog.gz",
    f"{DOCUMENTS}/copyright",
    f"{DOCUMENTS}/examples/golden-image.conf",
    f"{DOCUMENTS}/examples/nightly-snapshots.conf",
    "/usr/share/man/man1/quiescectl.1.gz",
    "/usr/share/man/man5/org.quiesced1.5.gz",
    "/usr/share/man/man5/quiesced.conf.5.gz",
    "/usr/share/man/man5/quiesced.profile.5.gz",
    "/usr/share/man/man8/quiesced.8.gz",
    "/usr/share/polkit-1/actions/org.quiesced1.policy",
}


def test_the_changelog_has_the_version_of_configure():
    first = (SOURCE / "debian/changelog").read_text().splitlines()[0]
    assert first.startswith(f"quiesced ({version()}) ")


def test_the_build_runs_the_unit_tests(built):
    _folder, output = built
    counts = {name: int(n) for name, n in re.findall(r"^# (TOTAL|PASS|SKIP): +(\d+)$", output, re.M)}
    assert counts["TOTAL"] > 200
    assert counts["PASS"] == counts["TOTAL"]


def test_one_package_and_its_symbols(built):
    folder, _output = built
    names = sorted(path.name.split("_")[0] for path in folder.glob("*.deb"))
    assert names == ["quiesced", "quiesced-dbgsym"]


def test_lintian_has_nothing_to_say(built):
    folder, _output = built
    [changes] = folder.glob("*.changes")
    done = subprocess.run(
        ["lintian", "--info", "--allow-root", "--fail-on=error,warning", str(changes)],
        capture_output=True, text=True, timeout=120, check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_package_has_all_and_no_more(deb):
    assert set(deb.files()) == FILES


def test_all_is_root_s_and_no_program_changes_its_user(deb):
    for path, (mode, owner) in deb.files().items():
        program = path.startswith(("/usr/bin/", "/usr/libexec/", "/lib/systemd/system-shutdown/"))
        assert (mode, owner) == ("-rwxr-xr-x" if program else "-rw-r--r--", "root/root"), path


def test_what_an_administrator_edits_is_kept(deb):
    assert deb.script("conffiles").split() == ["/etc/quiesced/quiesced.conf"]


def test_it_depends_on_what_it_takes(deb):
    depends = deb.field("Depends")
    for name in ("libsystemd0", "libcurl4", "libssl3", "libmount1", "libblkid1", "systemd",
                 "ca-certificates", "default-dbus-system-bus | dbus-system-bus"):
        assert re.search(rf"(^|, ){re.escape(name)}( |,|$)", depends), name
    assert deb.field("Recommends") == "polkitd, tzdata"


def test_the_user_and_its_folders_come_before_what_runs(deb):
    script = deb.script("postinst")
    order = [script.index(step) for step in
             ("systemd-sysusers", "reload dbus", "systemd-tmpfiles", "deb-systemd-invoke $_dh_action")]
    assert order == sorted(order)


def test_maintainer_scripts_are_shell(deb):
    for name in ("postinst", "prerm", "postrm"):
        assert "#DEBHELPER#" not in deb.script(name)
        subprocess.run(["dash", "-n", str(deb.folder / name)], timeout=30, check=True)
