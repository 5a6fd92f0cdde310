# SPDX-License-Identifier: Apache-2.0
"""A disk on a loop device: boot code, a partition table, and file systems that are mounted."""

import os
import random
import subprocess
import time

from lab.loopfs import MKFS, SIZES, accepts_write, run, superblock_number, thaw

SECTOR = 512
MIB = 1 << 20
BOOT_AT = 64 * SECTOR  # behind the table, before the first partition: where GRUB lies, for one
BOOT_BYTES = 100 * SECTOR


class Partition:
    def __init__(self, device, kind, start, size, mount_point=None):
        self.device = device
        self.kind = kind
        self.start = start
        self.size = size
        self.mount_point = mount_point

    @property
    def number(self):
        return superblock_number(self.mount_point)


def device_number(device):
    about = os.stat(device)
    return os.major(about.st_rdev), os.minor(about.st_rdev)


def patiently(*command, patience=30.0):
    """Whether it works: an ending process may hold something for a moment."""
    end = time.monotonic() + patience
    while subprocess.run(command, check=False, timeout=30, capture_output=True).returncode:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


class LoopDisk:
    """`kinds`: of each partition, with None for one that holds bytes and no file system."""

    def __init__(self, folder, kinds, size=None, name="disk"):
        self.folder = str(folder)
        self.image = os.path.join(self.folder, name + ".img")
        self.device = None
        self.partitions = []
        sizes = [(size or SIZES[kind]) if kind else MIB for kind in kinds]
        with open(self.image, "wb") as file:
            file.truncate(sum(sizes) + 3 * MIB)
        self._write_table(sizes)
        self.boot = random.Random(1).randbytes(BOOT_BYTES)
        with open(self.image, "r+b") as file:
            file.seek(BOOT_AT)
            file.write(self.boot)
        try:
            self._attach(kinds, sizes, name)
        except BaseException:
            self.cleanup()
            raise

    def _write_table(self, sizes):
        starts = [2048 + sum(sizes[:i]) // SECTOR for i in range(len(sizes))]
        lines = ["label: gpt", *(f"start={start}, size={size // SECTOR}"
                                 for start, size in zip(starts, sizes))]
        subprocess.run(["sfdisk", "-q", self.image], input="\n".join(lines), text=True, check=True,
                       stdout=subprocess.DEVNULL, timeout=60)

    def _attach(self, kinds, sizes, name):
        """
        Not every kernel reads the table: then the partitions are added one by one. With -P they go with
        the device, even if a container that was just starting has a copy of the mounts for a while.
        """
        self.device = run("losetup", "-f", "-P", "--show", self.image)
        start = MIB
        for i, (kind, size) in enumerate(zip(kinds, sizes), start=1):
            if not os.path.exists(f"{self.device}p{i}"):
                run("addpart", self.device, str(i), str(start // SECTOR), str(size // SECTOR))
            partition = Partition(f"{self.device}p{i}", kind, start, size)
            self.partitions.append(partition)
            start += size
            if kind is None:
                with open(partition.device, "r+b") as file:
                    file.write(b"raw partition " * 1000)
                continue
            run(*MKFS[kind], partition.device)
            mount_point = os.path.join(self.folder, f"{name}-{i}")
            os.makedirs(mount_point)
            run("mount", "-t", kind, partition.device, mount_point)
            partition.mount_point = mount_point

    @property
    def mounted(self):
        return [p for p in self.partitions if p.mount_point]

    @property
    def number(self):
        return device_number(self.device)

    def accepts_write(self):
        return all(accepts_write(p.mount_point) for p in self.mounted)

    def _umount(self, partition):
        thaw(partition.mount_point)
        if not patiently("umount", partition.mount_point):
            subprocess.run(["umount", "-l", partition.mount_point], check=False, timeout=30)
        partition.mount_point = None

    def cleanup(self):
        for partition in reversed(self.mounted):
            self._umount(partition)
        self.partitions = []
        if self.device:
            subprocess.run(["losetup", "-d", self.device], check=False, timeout=30)
            self.device = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cleanup()
