# SPDX-License-Identifier: Apache-2.0
"""Building a Debian package, and reading what is in it."""

import fcntl
import os
import shutil
import subprocess

from lab.paths import BUILD
from package.sources import checksum, copy_source, version

BUILD_SEC = 900
FOLDER = BUILD / "package"
OUTPUT = FOLDER / "output"
CHECKSUM = FOLDER / "checksum"


def built_deb():
    """
    The Debian package of this source. It stays in FOLDER with what else dpkg-buildpackage made and
    said, so that all suites share it until the source changes.
    """
    with (BUILD / "package.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = checksum()
        if not CHECKSUM.exists() or CHECKSUM.read_text() != wanted:
            _build_anew()
            CHECKSUM.write_text(wanted)
    [path] = FOLDER.glob(f"quiesced_{version()}_*.deb")
    return path


def _build_anew():
    shutil.rmtree(FOLDER, ignore_errors=True)
    source = FOLDER / "source"
    copy_source(source)
    OUTPUT.write_text(build_deb(source))
    shutil.rmtree(source)


def build_deb(source):
    """
    Runs dpkg-buildpackage in `source`, where no network is; what it made lies beside `source`.
    Returns its output.
    """
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(source.parent),
        "LC_ALL": "C.UTF-8",
        "DEB_BUILD_OPTIONS": f"parallel={os.cpu_count()}",
    }
    done = subprocess.run(
        ["unshare", "--net", "dpkg-buildpackage", "-b", "-us", "-uc"], cwd=source, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BUILD_SEC, check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


class Deb:
    def __init__(self, path, folder):
        """Reads `path`; its maintainer scripts are put into `folder`."""
        self.path = path
        self.folder = folder
        self._run("--control", str(path), str(folder))

    def _run(self, *arguments):
        return subprocess.run(["dpkg-deb", *arguments], capture_output=True, text=True, timeout=60,
                              check=True).stdout

    def field(self, name):
        return self._run("--field", str(self.path), name).strip()

    def files(self):
        """{path: (mode, owner)} of all but folders."""
        files = {}
        for line in self._run("--contents", str(self.path)).splitlines():
            mode, owner, _size, _date, _time, path = line.split(None, 5)
            if not mode.startswith("d"):
                files[path.removeprefix(".")] = (mode, owner)
        return files

    def script(self, name):
        return (self.folder / name).read_text()
