# SPDX-License-Identifier: Apache-2.0
"""
A lab whose instance has an instance-store root: a disk of its own on a loop device, quiesced-capture
behind its socket, a bucket, certificates, and a profile that bundles the disk.
"""

import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lab import processes
from lab.certificates import make_pair
from lab.lab import UID, Lab
from lab.loopdisk import LoopDisk
from lab.paths import TESTS
from lab.processes import wait_until
from lab.verdict import judge

MIB = 1 << 20
BUCKET = "bundles"
PREFIX = "images/"
PARTITION_BYTES = 64 * MIB
CONTENT_BYTES = 12 * MIB          # does not compress: two parts
# What a scrub has to find; the mark is looked for in the raw bytes of the image.
MARK = b"the-secret-of-the-lab"
SECRETS = {
    "root/.ssh/id_rsa": b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + MARK + b"1\n",
    "etc/ssh/ssh_host_ed25519_key": b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + MARK + b"2\n",
    "root/.bash_history": b"export TOKEN=" + MARK + b"3\n",
    "srv/password.txt": MARK + b"4\n",
}
KEPT = {"etc/hostname": b"lab\n", "srv/keep.bash_history": b"kept\n"}


class StoreLab(Lab):
    def __init__(self, **options):
        super().__init__({"data": "ext4"}, buckets=[{"name": BUCKET, "acls": True}], **options)
        self.capture = None

    def __enter__(self):
        super().__enter__()
        try:
            self._make_disk()
            self._make_pki()
            self._exit.callback(self.stop_capture)
            self.start_capture()
            self.cloud.set_instance({"RootDeviceType": "instance-store",
                                     "RootDeviceName": "/dev/sda1"})
            self.write_profile()
        except BaseException:
            self.close()
            raise
        return self

    def _make_disk(self):
        # Not in self.folder, which the daemon's user owns in part: the image is root's.
        self.staging = self.folder / "staging"
        self.staging.mkdir(mode=0o700)
        self.disk = self._exit.enter_context(
            LoopDisk(self.mounts, ["ext4", "ext4", None], size=PARTITION_BYTES, name="store"))
        self.root = Path(self.disk.partitions[0].mount_point)
        self.raw = self.disk.partitions[2].device      # that nothing is mounted from
        for name, body in {**SECRETS, **KEPT}.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        (self.root / "srv/content").write_bytes(random.Random(5).randbytes(CONTENT_BYTES))
        os.sync()

    def _make_pki(self):
        self.pki = self.folder / "pki"
        self.pki.mkdir()
        self.ec2_key, self.ec2_certificate = make_pair(self.pki, "ec2", key=("rsa:1024",))
        self.user_key, self.user_certificate = make_pair(self.pki, "user")
        os.chown(self.user_key, UID, UID)

    def write_profile(self, name="store", bake=(), **keys):
        """[Bundle] as it should be, with other `keys`; None leaves one out, a list repeats it."""
        keys = {"Bucket": BUCKET, "Prefix": PREFIX, "Certificate": self.user_certificate,
                "PrivateKey": self.user_key, "Ec2Certificate": self.ec2_certificate,
                "FileSystem": self.root, "StagingFolder": self.staging,
                "Exclude": "/srv/pass*", **keys}
        folder = self.folder / "etc/profiles"
        folder.mkdir(exist_ok=True)
        lines = ["[Bake]", "Name=store-%d-%t", *bake, "[Bundle]"]
        for key, value in keys.items():
            values = value if isinstance(value, list) else [value]
            lines += [f"{key}={one}" for one in values if one is not None]
        (folder / f"{name}.conf").write_text("\n".join(lines) + "\n")

    def start_capture(self):
        self.capture = subprocess.Popen(
            ["systemd-socket-activate", "--seqpacket", "--accept", "-l", str(self.capture_socket),
             "-E", "QUIESCED_TEST_RUN", self.program("quiesced-capture")],
            env=self.environment(), stderr=(self.folder / "capture.log").open("a"))
        wait_until(lambda: processes.is_listening(self.capture_socket), 5, "the capture's socket")
        os.chown(self.capture_socket, UID, UID)

    def stop_capture(self):
        if self.capture:
            capture, self.capture = self.capture, None
            processes.end(capture)
            self.capture_socket.unlink(missing_ok=True)

    def captures(self):
        return processes.children(self.capture.pid, "quiesced-capture")

    # What tests ask

    def objects(self):
        """{key: where its bytes are} of the bucket."""
        return {one["key"]: one["path"] for one in self.cloud.objects(BUCKET)}

    def staged(self):
        return sorted(os.listdir(self.staging))

    def puts(self):
        return [call for call in self.cloud.calls(service="s3") if call["action"] == "PutObject"]

    @contextlib.contextmanager
    def unbundled(self):
        """The image of the one bundle that is in the bucket, by nothing of ours."""
        folder = Path(tempfile.mkdtemp(prefix="bundle-", dir=self.folder))
        try:
            for key, path in self.objects().items():
                assert key.startswith(PREFIX), key
                shutil.copy(path, folder / key.removeprefix(PREFIX))
            (manifest,) = folder.glob("*.manifest.xml")
            image = folder / "image"
            subprocess.run([sys.executable, TESTS / "lab/unbundle.py", manifest,
                            self.user_certificate, self.user_key, self.ec2_key, image], check=True)
            yield image
        finally:
            shutil.rmtree(folder)

    def judge_image(self, image, writers, cut_usec):
        """Each file system of the image in a file of its own, see lab/verdict.py."""
        copies, mounts = {}, {}
        for number, partition in enumerate(self.disk.mounted):
            path = image.with_suffix(f".part{number}")
            with image.open("rb") as whole, path.open("wb") as part:
                whole.seek(partition.start)
                part.write(whole.read(partition.size))
            copies[f"part{number}"] = (str(path), partition.kind)
            mounts[f"part{number}"] = partition.mount_point
        return judge(copies, mounts, writers, cut_usec)

    # Between tests

    def recover(self):
        super().recover()
        self.write_profile()
        for name in self.staged():
            (self.staging / name).unlink()
        self.cloud.clear_calls()
