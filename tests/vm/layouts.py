# SPDX-License-Identifier: Apache-2.0
"""
An instance whose file systems lie on volumes in every way that Linux has, mounted by its fstab, so
that whoever is launched from an image of it has to put all of them together again.
"""

import subprocess
from dataclasses import dataclass

from vm.instance import Instance

MIB = 1 << 20
LAY_SEC = 180
# What the controllers of EC2's instance stores say of themselves: QEMU's has one model only, over
# which the guest lays this one.
STORE_SERIAL = "AWS1A2B3C4D5E6F70809"
STORE_MODEL = "Amazon EC2 NVMe Instance Storage"
STORE_BYTES = 32 * MIB


@dataclass(frozen=True)
class Disk:
    name: str
    volume_id: str
    size_bytes: int
    device: str


def _disk(name, number, size_mib):
    return Disk(name, f"vol-{0xb00 + number:017x}", size_mib * MIB, f"/dev/sd{chr(0x66 + number)}")


DISKS = {disk.name: disk for disk in (
    _disk("lvm1", 1, 64), _disk("lvm2", 2, 64),
    # mkfs.xfs wants 300 MiB.
    _disk("stripe1", 3, 176), _disk("stripe2", 4, 176),
    _disk("mirror1", 5, 64), _disk("mirror2", 6, 64),
    _disk("crypt", 7, 64),
    _disk("btrfs1", 8, 128), _disk("btrfs2", 9, 128),
    _disk("system", 10, 128),
)}

# mount point: (type, names of its disks)
MOUNTS = {
    "/lvm": ("ext4", ("lvm1", "lvm2")),
    "/stripe": ("xfs", ("stripe1", "stripe2")),
    "/mirror": ("ext4", ("mirror1", "mirror2")),
    "/crypt": ("ext4", ("crypt",)),
    "/btrfs": ("btrfs", ("btrfs1", "btrfs2")),
    "/home": ("ext4", ("system",)),
}
EFI = "/boot/efi"
INNER, INNER_FILE = "/inner", "/data/inner.img"
STORE = "/scratch"

SYSTEM_PARTITIONS = """\
label: gpt
size=40M, type=U
type=H
"""

# $lvm1 and so on are the disks. Written for speed where it takes nothing from the layout.
LAY = f"""
set -e
exec </dev/null
modprobe -a loop dm-crypt raid0 raid1 btrfs xfs vfat
ext4() {{ mkfs.ext4 -q -E lazy_itable_init=0,nodiscard -L "$1" "$2"; }}

pvcreate -q "$lvm1" "$lvm2"
vgcreate -q group "$lvm1" "$lvm2"
lvcreate -q -y -i 2 -l 100%FREE -n data group
ext4 lvm /dev/group/data

md() {{
    array=/dev/md/$1; shift
    mdadm --quiet --create "$array" --run --metadata=1.2 --raid-devices=2 "$@"
}}
md stripe --level=0 "$stripe1" "$stripe2"
mkfs.xfs -q -K -L stripe /dev/md/stripe
md mirror --level=1 --assume-clean "$mirror1" "$mirror2"
ext4 mirror /dev/md/mirror

install -d -m 0700 /etc/keys
head -c 64 /dev/urandom >/etc/keys/crypt
cryptsetup -q luksFormat --pbkdf=pbkdf2 --pbkdf-force-iterations=1000 "$crypt" /etc/keys/crypt
echo "crypt UUID=$(cryptsetup luksUUID "$crypt") /etc/keys/crypt luks" >/etc/crypttab
cryptsetup open --key-file=/etc/keys/crypt "$crypt" crypt
ext4 crypt /dev/mapper/crypt

mkfs.btrfs -q -K -L btrfs -d raid0 -m raid1 "$btrfs1" "$btrfs2"
mkdir /btrfs
mount "$btrfs1" /btrfs
btrfs -q subvolume create /btrfs/sub
umount /btrfs

mkfs.vfat -n EFI "$system-part1" >/dev/null
ext4 home "$system-part2"

truncate -s 48M {INNER_FILE}
ext4 inner {INNER_FILE}

cat >>/etc/fstab <<END
LABEL=lvm /lvm ext4 defaults,nofail 0 2
LABEL=stripe /stripe xfs defaults,nofail 0 2
LABEL=mirror /mirror ext4 defaults,nofail 0 2
LABEL=crypt /crypt ext4 defaults,nofail 0 2
LABEL=btrfs /btrfs btrfs subvol=sub,nofail 0 0
LABEL=btrfs /btrfs-again btrfs subvol=sub,nofail 0 0
LABEL=home /home ext4 defaults,nofail 0 2
LABEL=EFI {EFI} vfat umask=0077,nofail 0 0
{INNER_FILE} {INNER} ext4 loop,nofail 0 0
END
mount_all() {{
    udevadm settle
    systemctl start local-fs.target {" ".join(f"$(systemd-escape -p --suffix=mount {one})"
                                              for one in (*MOUNTS, "/btrfs-again", EFI, INNER))}
}}
systemctl daemon-reload
# An array is away for a moment while udev looks at it anew, and the mount that wants it fails.
mount_all || mount_all
"""


def _path_by_id(serial):
    return f"/dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_{serial}"


class Laid(Instance):
    """Of a site of its own, whose first instance gets DISKS and an instance store."""

    def __init__(self, site):
        for disk in DISKS.values():
            path = site.add_volume(disk.volume_id, disk.size_bytes, disk.device)
            if disk.name == "system":
                subprocess.run(["sfdisk", "--quiet", path], input=SYSTEM_PARTITIONS, text=True,
                               check=True)
        site.add_store(STORE_SERIAL, STORE_BYTES)
        super().__init__(site)

    def lay(self):
        self._mount_store()
        paths = "".join(f"{name}={_path_by_id(disk.volume_id.replace('-', ''))}\n"
                        for name, disk in DISKS.items())
        self.run(paths + LAY, timeout=LAY_SEC)

    def _mount_store(self):
        self.run(f"""
            set -e
            device=$(realpath {_path_by_id(STORE_SERIAL)})
            echo '{STORE_MODEL}' >/run/store-model
            mount --bind /run/store-model "/sys/block/${{device##*/}}/device/model"
            mkfs.ext4 -q "$device"
            mkdir {STORE}
            mount "$device" {STORE}
        """)
