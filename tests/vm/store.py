# SPDX-License-Identifier: Apache-2.0
"""
An instance whose root lies on an instance store, and those that are launched from its bundles: each
gets a root disk made as EC2 makes it, from the parts in S3 and with the key for EC2.
"""

import secrets
import subprocess
import sys

from cloud.copying import file_copy
from lab import certificates, unbundle
from vm.instance import Instance
from vm.layouts import STORE_MODEL
from vm.site import INSTANCE_ID, Site

ROOT_SERIAL, SPARE_SERIAL = "AWS00000000000000C01", "AWS00000000000000C02"
SPARE_BYTES = 2 << 30
STAGING = "/staging"
# With a dot: it is asked for at S3's own name, which is the only one that guests can resolve.
BUCKET = "golden.images"
PROFILE = f"""\
[Bake]
Name=golden
FreezeBudgetSec=30s

[Bundle]
Bucket={BUCKET}
Prefix=nightly/
Certificate=/etc/quiesced/bundle.pem
PrivateKey=/etc/quiesced/bundle.key
Ec2Certificate=/etc/quiesced/ec2.pem
StagingFolder={STAGING}
Exclude=/srv/cache/*
ResetMachineId=yes
"""
KEY = "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n"
# What is planted: {path: text}, in which {} is a secret of that file.
SECRETS = {
    "etc/ssh/ssh_host_ed25519_key": KEY,
    "root/.ssh/id_ed25519": KEY,
    "root/.ssh/authorized_keys": "ssh-ed25519 {} admin\n",
    "root/.bash_history": "mysql --password={}\n",
    "srv/web/tls.pem": KEY,
    "srv/cache/session": "{}\n",
}
# Its blocks are free; enough of them for some to remain whatever else is written.
DELETED, DELETED_LINES = "srv/deleted", 20000
# Nothing that boots needs it, and each byte takes an emulated processor its time.
LEFT_OUT = (
    "boot/vmlinuz-*", "boot/System.map-*", "usr/share/i18n", "usr/share/zoneinfo",
    *(f"usr/lib/modules/*/kernel/{one}" for one in (
        "arch", "drivers/md", "drivers/net/ethernet", "fs", "net/[!c]*")),
)
AS_STORE = f"""
echo '{STORE_MODEL}' >/run/store-model
for model in /sys/block/nvme*n1/device/model; do
    mount --bind /run/store-model $model
done
"""
STAGE = f"""
mkdir {STAGING}
mount /dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_{SPARE_SERIAL} {STAGING}
chmod 0700 {STAGING}
"""


class StoreSite(Site):
    def __init__(self, folder):
        self.word = f"SECRET-{secrets.token_hex(8)}-"
        self._ec2_key, self._ec2 = certificates.make_pair(folder, "ec2", key=("rsa:1024",))
        self._user_key, self._user = certificates.make_pair(folder, "user")
        super().__init__(folder, adapt=self._plant)
        self.cloud.set_instance({"RootDeviceType": "instance-store"})
        self.cloud.add_bucket(name=BUCKET, acls=True)

    def _give_disks(self, root):
        self.root = root
        self.stores[INSTANCE_ID] = [(ROOT_SERIAL, root)]
        self.add_store(SPARE_SERIAL, SPARE_BYTES)
        _, spare = self.stores[INSTANCE_ID][-1]
        subprocess.run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=1,nodiscard", spare], check=True)

    def secret_of(self, path):
        return self.word + path.replace("/", "-")

    def _plant(self, root):
        subprocess.run(["rm", "-r", *(path for name in LEFT_OUT for path in root.glob(name))],
                       check=True)
        for path, text in SECRETS.items():
            self._write(root / path, text.format(self.secret_of(path)))
        self._write(root / "etc/quiesced/profiles/golden.conf", PROFILE, 0o644)
        for name, path in (("bundle.pem", self._user), ("ec2.pem", self._ec2)):
            self._write(root / "etc/quiesced" / name, path.read_text(), 0o644)
        self._write(root / "etc/quiesced/bundle.key", self._user_key.read_text())
        subprocess.run(["chroot", root, "chown", "quiesced", "/etc/quiesced/bundle.key"], check=True)

    @staticmethod
    def _write(path, text, mode=0o600):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def unbundled(self, image):
        """The raw disk that an image stands for, every digest and signature of its bundle checked."""
        bucket, _, key = image["view"]["ImageLocation"].partition("/")
        folder = self.folder / image["id"]
        folder.mkdir()
        for one in self.cloud.objects(bucket):
            assert one["acl"] == "aws-exec-read", one
            (folder / one["key"].rpartition("/")[2]).symlink_to(one["path"])
        disk = folder / "disk.raw"
        subprocess.run([sys.executable, unbundle.__file__, folder / key.rpartition("/")[2],
                        self._user, self._user_key, self._ec2_key, disk], check=True)
        return disk

    def launch_on(self, image_id, disk, count):
        """Their ids; each has a copy of the disk, and nothing else."""
        ids = super().launch_all(image_id, count)
        for instance_id in ids:
            path = self.folder / f"{instance_id}.raw"
            file_copy(disk, path)
            self.stores[instance_id] = [(ROOT_SERIAL, path)]
        return ids


class Stored(Instance):
    """Its disks say that they are instance stores: QEMU's have one model only."""

    def boot(self):
        state = super().boot()
        self.run(AS_STORE)
        return state

    def prepare(self):
        """A disk to stage the image on, which is root's alone, and a secret that somebody has deleted."""
        self.run(STAGE)
        self.machine.write(f"/{DELETED}", f"{self.site.secret_of(DELETED)}\n" * DELETED_LINES)
        self.run(f"sync /{DELETED} && rm /{DELETED} && sync")
