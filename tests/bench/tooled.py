# SPDX-License-Identifier: Apache-2.0
"""The guest's Debian with awscli, for the shell lines that quiesced is compared with."""

import fcntl
import hashlib
import secrets
import subprocess
import tempfile
from pathlib import Path

from cloud.copying import file_copy
from vm.base import CACHE, Base, base_get, root_mounted

INSTALL = """\
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq && apt-get install -qq -y --no-install-recommends awscli && apt-get clean &&
rm -rf /var/lib/apt/lists/* && : >/etc/resolv.conf
"""


def base_with_awscli():
    """Built once for each base, and kept beside it."""
    base = base_get()
    key = hashlib.sha256(Path(__file__).read_bytes() + base.disk.name.encode()).hexdigest()[:16]
    disk = CACHE / f"bench-{key}.raw"
    with (CACHE / "bench.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not disk.exists():
            _build(base.disk, disk)
    return Base(disk, base.kernel)


def _build(source, disk):
    for old in CACHE.glob("bench-*.raw"):
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="tooled-", dir=CACHE) as folder:
        fresh = Path(folder, "disk.raw")
        file_copy(source, fresh)
        with root_mounted(fresh, Path(folder, "root")) as root:
            _install(root)
        fresh.rename(disk)


def _install(root):
    """With the network of this host, for Debian's archive."""
    subprocess.run(["systemd-nspawn", "--quiet", f"--directory={root}", "--register=no",
                    f"--machine=bench-{secrets.token_hex(4)}", "--keep-unit", "--console=pipe",
                    "--link-journal=no", "--resolv-conf=replace-host", "--timezone=off",
                    "bash", "-c", INSTALL],
                   stdin=subprocess.DEVNULL, capture_output=True, check=True)
