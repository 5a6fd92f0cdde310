# SPDX-License-Identifier: Apache-2.0
"""The guest's root disk: the cached Debian with the Debian package of quiesced installed into it."""

import secrets
import shutil
import subprocess
from pathlib import Path

from cloud.copying import file_copy
from lab.paths import BUILD
from package.deb import built_deb
from vm.base import base_get, root_mounted

WRITERS = "usr/libexec/quiesced-tests/writers"
# QEMU's disks are volumes as EC2's are: their serial number is the volume's id.
CONFIG = """\
[Host]
NvmeModels=QEMU NVMe Ctrl

[Aws]
SettleSec=1s
VolumeSpacingSec=0
"""
# Maintainer scripts see a system that is not up, and nothing of the host.
CONTAINER = ("--quiet", "--console=pipe", "--register=no", "--keep-unit", "--private-network",
             "--link-journal=no", "--resolv-conf=off", "--timezone=off")


def _run(*command):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _write(path, content, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)


def _install(root):
    """As an administrator does, for a root that does not run: its units start at the next boot."""
    shutil.copy(built_deb(), root / "quiesced.deb")
    _run("systemd-nspawn", f"--directory={root}", f"--machine=guest-{secrets.token_hex(4)}",
         *CONTAINER, "dpkg", "--install", "/quiesced.deb")
    (root / "quiesced.deb").unlink()
    _write(root / "etc/quiesced/quiesced.conf.d/guest.conf", CONFIG)
    _write(root / WRITERS, (BUILD / "writers").read_bytes(), 0o755)


def guest_make(folder, authority, base=None, adapt=None):
    """
    (disk, base) of a new guest below `folder`, which trusts the certificate `authority`; `adapt` has
    the last word on its mounted root.
    """
    base = base or base_get()
    disk = folder / "root.raw"
    file_copy(base.disk, disk)
    with root_mounted(disk, folder / "root", base.root_type) as root:
        _install(root)
        _write(root / "etc/ssl/certs/ca-certificates.crt", Path(authority).read_bytes())
        if adapt:
            adapt(root)
    return disk, base
