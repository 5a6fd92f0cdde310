# SPDX-License-Identifier: Apache-2.0
"""A small Debian to install into: bootstrapped once, and never written to again."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

CACHE = Path("/var/cache/quiesced-tests")
MIRROR = os.environ.get("QUIESCED_DEBIAN_MIRROR", "http://deb.debian.org/debian")
BOOTSTRAP_SEC = 600

# What the package depends on, and polkit, which it recommends and which takes libpam-systemd.
PACKAGES = [
    "ca-certificates", "dbus", "libcurl4", "libexpat1", "libinih1", "libjansson4",
    "libpam-systemd", "polkitd", "systemd", "systemd-sysv",
]


def codename():
    """Debian's own release: the package is built against its libraries."""
    lines = Path("/etc/os-release").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["VERSION_CODENAME"]


def bootstrap(folder, release):
    """Under another name until it is whole: what is cut short never counts as a root."""
    unfinished = folder.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    done = subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", release,
         str(unfinished), MIRROR],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BOOTSTRAP_SEC,
        stdin=subprocess.DEVNULL, check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    for archive in (unfinished / "var/cache/apt/archives").glob("*.deb"):
        archive.unlink()
    unfinished.rename(folder)


def cached_root():
    release = codename()
    wanted = "\n".join([release, *PACKAGES])
    folder = CACHE / f"root-{hashlib.sha256(wanted.encode()).hexdigest()[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "root.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            bootstrap(folder, release)
    return folder
