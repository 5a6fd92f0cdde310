# SPDX-License-Identifier: Apache-2.0
"""
The Debian that guests start from, without quiesced: a disk image for each type that its root may
have, its kernel and initramfs, built once and kept in CACHE under the checksum of the files that make
it.
"""

import contextlib
import gzip
import hashlib
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from lab import debian
from lab.debian import CACHE

UNUSED_SEC = 86400
# systemd and what it needs to be itself, the agent that runs our commands, whatever a file system
# may lie on, and quiesced's libraries.
PACKAGES = (
    "btrfs-progs", "ca-certificates", "cryptsetup-bin", "dbus", "dmsetup", "dosfstools",
    "e2fsprogs", "iproute2", "kmod", "libpam-systemd", "linux-image-cloud-amd64", "lvm2", "mdadm",
    "polkitd", "qemu-guest-agent", "systemd", "systemd-sysv", "udev", "xfsprogs",
    "libblkid1", "libcurl4", "libexpat1", "libinih1", "libisal2", "libjansson4", "libmount1",
    "libssl3", "libsystemd0",
)
# Nothing that a test needs, and every snapshot copies it.
LEFT_OUT = (
    "boot/initrd.img-*", "usr/share/doc/*", "usr/share/locale/*", "usr/share/man/*",
    "var/cache/apt/*", "var/lib/apt/lists/*", "var/log/*.log",
)
MASKED = (
    # They would wake up in the middle of some test.
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer",
    "fstrim.timer", "logrotate.timer", "mdcheck_continue.timer", "mdcheck_start.timer",
    "mdmonitor-oneshot.timer",
    # Each takes half a second of every boot.
    "dev-hugepages.mount", "e2scrub_reap.service", "getty.target", "lvm2-monitor.service",
    "modprobe@configfs.service", "modprobe@drm.service", "modprobe@efi_pstore.service",
    "modprobe@fuse.service", "proc-sys-fs-binfmt_misc.automount", "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount",
    "systemd-binfmt.service",
)
# And of every daemon-reload. Those of fstab and crypttab remain.
GENERATORS_LEFT_OUT = ("debug", "getty", "gpt-auto", "hibernate-resume", "integritysetup", "rc-local",
                       "run", "system-update", "sysv", "veritysetup")

DISK_BYTES = 1536 << 20
PARTITION_AT = 1 << 20
PARTITION_UUID = "71756965-7363-6564-a001-000000000001"
EC2_ADDRESS = "169.254.170.10"
S3_ADDRESS = "169.254.170.11"
METADATA_ADDRESS = "169.254.169.254"
REGION = "eu-central-1"

FILES = {
    "etc/fstab": f"PARTUUID={PARTITION_UUID} / auto defaults 0 1\n",
    "etc/hostname": "guest\n",
    "etc/hosts": f"""\
127.0.0.1 localhost guest
{EC2_ADDRESS} ec2.{REGION}.amazonaws.com
{S3_ADDRESS} s3.{REGION}.amazonaws.com
""",
    # The kernel has ext4 and NVMe built in; what it loads from an initramfs takes its time here.
    "etc/initramfs-tools/conf.d/guest": "MODULES=list\nCOMPRESS=gzip\n",
    "etc/initramfs-tools/modules": "xfs\n",
    "etc/resolv.conf": "",
    "etc/machine-id": "",
    "etc/systemd/network/10-guest.network": """\
[Match]
Type=ether

[Network]
Address=169.254.168.15/22
LinkLocalAddressing=no
IPv6AcceptRA=no
""",
}


@dataclass
class Base:
    disk: Path
    kernel: Path
    initramfs: Path | None = None  # for a root that the kernel alone cannot mount
    root_type: str = "ext4"


def base_get(root_type="ext4"):
    """The cached one, or a new one: that takes two minutes."""
    key = hashlib.sha256(debian.codename().encode())
    for made_by in (__file__, debian.__file__):
        key.update(Path(made_by).read_bytes())
    name = f"guest-{key.hexdigest()[:16]}"
    files = {kind: CACHE / f"{name}.{kind}" for kind in (*MAKERS, "vmlinuz", "initramfs")}
    with debian.cache_locked("guest"):
        if not files["vmlinuz"].exists():
            _clean()
            _build(files)
        for path in files.values():
            path.touch()
    return Base(files[root_type], files["vmlinuz"],
                None if root_type == "ext4" else files["initramfs"], root_type)


def _clean():
    """What nobody has used for a day: other versions of this source may have theirs."""
    debian.remove_unfinished("guest-*")
    for old in CACHE.glob("guest-*"):
        if old.stat().st_mtime < time.time() - UNUSED_SEC:
            old.unlink()


def _build(files):
    with tempfile.TemporaryDirectory(prefix="guest-", dir=CACHE) as folder:
        root = Path(folder, "root")
        debian.bootstrap(root, PACKAGES)
        _adapt(root)
        (kernel,) = root.glob("boot/vmlinuz-*")
        _initramfs_make(files["initramfs"], root, kernel.name.removeprefix("vmlinuz-"))
        for kind, make in MAKERS.items():
            disk = Path(folder, "disk")
            _disk_make(disk)
            make(disk, root, folder)
            disk.rename(files[kind])
        # Last, since its name says that all is there.
        shutil.copyfile(kernel, Path(folder, "kernel"))
        Path(folder, "kernel").rename(files["vmlinuz"])


def _initramfs_make(path, root, version):
    """Not compressed: to unpack it takes a slow machine longer than to read it."""
    _command(*debian.CONTAINED, "chroot", root, "mkinitramfs", "-o", "/initramfs", version)
    with gzip.open(root / "initramfs") as packed, path.open("wb") as file:
        shutil.copyfileobj(packed, file)
    (root / "initramfs").unlink()


def _adapt(root):
    for pattern in LEFT_OUT:
        for path in root.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    # A journal on disk, so that a frozen root stops journald.
    (root / "var/log/journal").mkdir(exist_ok=True)
    _command("systemctl", f"--root={root}", "enable", "systemd-networkd.service")
    _command("systemctl", f"--root={root}", "mask", *MASKED)
    generators = root / "etc/systemd/system-generators"
    generators.mkdir(parents=True)
    for name in GENERATORS_LEFT_OUT:
        (generators / f"systemd-{name}-generator").symlink_to("/dev/null")


def _disk_make(disk):
    """One partition, as on EC2."""
    with disk.open("xb") as file:
        file.truncate(DISK_BYTES)
    table = f"label: gpt\nstart={PARTITION_AT >> 9}, uuid={PARTITION_UUID}, name=root\n"
    _command("sfdisk", "--quiet", disk, stdin=table)


def _ext4_make(disk, root, _folder):
    # The second partition table lies at the end.
    size = (DISK_BYTES - 2 * PARTITION_AT) >> 10
    _command("mke2fs", "-q", "-F", "-t", "ext4", "-L", "root", "-d", root, "-E",
             f"offset={PARTITION_AT},lazy_itable_init=0", disk, f"{size}k")


def _xfs_make(disk, root, folder):
    device = _command("losetup", "--find", "--show", f"--offset={PARTITION_AT}",
                      f"--sizelimit={DISK_BYTES - 2 * PARTITION_AT}", disk).strip()
    try:
        _command("mkfs.xfs", "-q", "-L", "root", device)
    finally:
        _command("losetup", "--detach", device)
    with root_mounted(disk, Path(folder, "mounted"), "xfs") as mounted:
        _command("cp", "--archive", f"{root}/.", mounted)


MAKERS = {"ext4": _ext4_make, "xfs": _xfs_make}


def _command(*command, stdin=""):
    done = subprocess.run([str(word) for word in command], input=stdin, capture_output=True,
                          text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


@contextlib.contextmanager
def root_mounted(disk, folder, kind="ext4"):
    """The root of a disk that no machine uses, at `folder`."""
    folder.mkdir()
    # All copies of one disk have its UUID, and several may be mounted at once.
    options = f"loop,offset={PARTITION_AT}" + (",nouuid" if kind == "xfs" else "")
    _command("mount", "-t", kind, "-o", options, disk, folder)
    try:
        yield folder
    finally:
        _command("umount", folder)
        folder.rmdir()
