# SPDX-License-Identifier: Apache-2.0
"""
The Debian that test machines are made of: this host's own release, since the package is built
against its libraries, from where apt here has it, and kept in CACHE.
"""

import contextlib
import fcntl
import os
import shlex
import shutil
import subprocess
from pathlib import Path

CACHE = Path("/var/cache/quiesced-tests")
BOOTSTRAP_SEC = 900
# However it ends, and whoever ends it, no process and no mount of it is left.
CONTAINED = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def codename():
    lines = Path("/etc/os-release").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["VERSION_CODENAME"]


def _told(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def mirror():
    """What apt fetches Debian from; None where it does not know, for debootstrap to choose."""
    sites = _told("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages",
                  "Label: Debian", "Component: main", f"Release: {codename()}").split()
    known = [site for site in sites if site.startswith(("http:", "https:", "file:"))]
    return os.environ.get("QUIESCED_DEBIAN_MIRROR") or next(iter(known), None)


def _environment():
    """With apt's proxy, which nothing that debootstrap runs knows of."""
    environment = dict(os.environ)
    for name in ("http", "https"):
        proxy = _told("apt-config", "shell", "PROXY", f"Acquire::{name}::Proxy")
        if proxy:
            environment.setdefault(f"{name}_proxy", shlex.split(proxy.removeprefix("PROXY="))[0])
    return environment


def bootstrap(folder, packages):
    """A minimal Debian with these packages, in a new folder."""
    source = mirror()
    done = subprocess.run(
        [*CONTAINED, "debootstrap", "--variant=minbase", f"--include={','.join(packages)}",
         codename(), str(folder), *([source] if source else [])],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BOOTSTRAP_SEC,
        stdin=subprocess.DEVNULL, env=_environment(), check=False,
    )
    if done.returncode:
        raise RuntimeError(f"debootstrap from {source or 'its own mirror'} failed:\n"
                           f"{done.stdout[-3000:]}")
    for archive in folder.glob("var/cache/apt/archives/*.deb"):
        archive.unlink()


@contextlib.contextmanager
def cache_locked(name):
    """Whoever else wants `name` from CACHE waits meanwhile. Yields CACHE."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield CACHE


def remove_unfinished(pattern):
    """Folders in CACHE of those who were ended before they were done; under the lock."""
    for folder in CACHE.glob(pattern):
        if folder.is_dir():
            shutil.rmtree(folder)
