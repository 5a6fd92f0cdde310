# SPDX-License-Identifier: Apache-2.0
"""The spec for Fedora, RHEL and Amazon Linux, as far as Debian's rpm goes."""

import re
import shlex
import subprocess

import pytest

from lab.paths import BUILD, TESTS
from package.sources import SOURCE, version
from package.test_debian import FILES

PACKAGING = SOURCE / "packaging"
SPEC = PACKAGING / "quiesced.spec"
BUILD_SEC = 900
DOCUMENTS = "/usr/share/doc/quiesced"
FOLDERS = {"/etc/quiesced", "/etc/quiesced/profiles", "/etc/quiesced/quiesced.conf.d",
           "/usr/libexec/quiesced", DOCUMENTS, f"{DOCUMENTS}/examples", "/usr/share/licenses/quiesced"}


def run(*command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **{"timeout": 60, **more})
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def tarball(tmp_path_factory):
    """A release, as `make dist` makes it."""
    folder = tmp_path_factory.mktemp("dist")
    run("make", "-C", str(BUILD), "dist", timeout=BUILD_SEC)
    name = f"quiesced-{version()}.tar.xz"
    (BUILD / name).rename(folder / name)
    return folder / name


@pytest.fixture(scope="module")
def rpm(tarball, tmp_path_factory):
    """Built without a network, and without `make check`, which the Debian package has run."""
    top = tmp_path_factory.mktemp("rpm")
    run("unshare", "--net", "rpmbuild", "-tb", "--nodeps", "--without=check",
        f"--load={TESTS}/package/systemd.macros", f"--define=_topdir {top}", str(tarball),
        timeout=BUILD_SEC)
    [path] = (top / "RPMS").glob(f"*/quiesced-{version()}-*.rpm")
    return path


def query(package, what):
    return run("rpm", "--query", "--package", f"--{what}", str(package))


def in_rpm(path):
    """Where the rpm has a file of the Debian package, or None."""
    if path.startswith("/lib/"):
        return "/usr" + path
    if path.startswith(DOCUMENTS):
        own = path.endswith(("/copyright", "/changelog.gz"))
        return None if own else path.removesuffix(".gz")
    # Fedora's rpm compresses manual pages, Debian's does not.
    return path.removesuffix(".gz")


def test_the_spec_has_the_version_of_configure():
    assert re.search(r"^Version: +(\S+)$", SPEC.read_text(), re.M)[1] == version()


def test_rpmlint_has_nothing_to_say():
    output = run("rpmlint", "--rpmlintrc", str(PACKAGING / "quiesced.rpmlintrc"), str(SPEC))
    assert "0 errors, 0 warnings" in output, output


@pytest.mark.parametrize("option", ["--with=check", "--without=check"])
def test_the_spec_expands(option):
    output = run("rpmspec", "--parse", f"--load={TESTS}/package/systemd.macros", option, str(SPEC))
    assert ("pkgconfig(cmocka)" in output) == (option == "--with=check")
    assert re.findall(r"%\{\w+\}|%systemd\w*", output) == []


def test_the_release_is_whole_and_has_what_the_packages_are_made_of(tarball):
    names = set(run("tar", "--list", "--file", str(tarball)).split())
    top = f"quiesced-{version()}"
    assert {f"{top}/configure", f"{top}/debian/rules", f"{top}/packaging/quiesced.spec"} <= names


def test_the_rpm_has_what_the_debian_package_has(rpm):
    expected = {in_rpm(path) for path in FILES} - {None}
    expected |= {"/usr/share/licenses/quiesced/LICENSE"} | FOLDERS
    listed = {path for path in query(rpm, "list").split() if "/.build-id" not in path}
    assert listed == expected


def test_the_rpm_keeps_the_configuration(rpm):
    assert query(rpm, "configfiles").split() == ["/etc/quiesced/quiesced.conf"]


def test_the_rpm_enables_by_preset_and_stops_schedules(rpm):
    scripts = query(rpm, "scripts")
    assert "preset quiesced-freezer.socket quiesced-capture.socket quiesced.service quiesced.timer" in scripts
    assert "'quiesced-bake@*.timer'" in scripts and "'quiesced-prune@*.timer'" in scripts


def test_the_rpm_makes_the_user_before_the_bus_reads_of_it(rpm):
    preinstall = query(rpm, "scripts").partition("postinstall")[0]
    [line] = (SOURCE / "systemd/sysusers.d/quiesced.conf").read_text().splitlines()[1:]
    _type, name, _id, comment, home = shlex.split(line)
    assert f"--home-dir {home} " in preinstall
    assert f"--comment '{comment}' {name} " in preinstall
