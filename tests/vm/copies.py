# SPDX-License-Identifier: Apache-2.0
"""What lies in the copies of a guest's disks."""

import contextlib
import os

from cloud.copying import file_copy
from lab import checkers
from vm.base import DISK_BYTES, PARTITION_AT
from vm.site import DATA_ID, ROOT_ID


@contextlib.contextmanager
def root_partition(disk, folder):
    """The root's file system as a file of its own, as checkers want it."""
    path = folder / "partition.raw"
    file_copy(disk, path, skip=PARTITION_AT)
    try:
        os.truncate(path, DISK_BYTES - 2 * PARTITION_AT)
        yield path
    finally:
        path.unlink()


def problems_below(writers, returned, mount_point, root):
    """
    Of what `writers` have on the mount point, in the folder `root` with a copy of it; `returned`:
    {one of them: how many of its writes have to be there}.
    """
    problems = []
    for one in writers.of(mount_point):
        inside = root / one.folders[0].relative_to(mount_point)
        problems += checkers.content_problems(one, [inside], returned[one])
    return problems


def problems_of_snapshots(site, image, writers, returned, folder):
    """Of an image's snapshots as they are: does anything need recovery, or miss a write?"""
    opened_at = folder / "opened"
    opened_at.mkdir()
    with root_partition(site.snapshot_of(image, ROOT_ID)["path"], site.folder) as root:
        problems = checkers.structure_problems(root, "ext4")
        copies = {"/": ("ext4", root), "/data": ("xfs", site.snapshot_of(image, DATA_ID)["path"])}
        for mount_point, (kind, path) in copies.items():
            with checkers.opened(path, kind, opened_at) as opened:
                problems += problems_below(writers, returned, mount_point, opened)
    opened_at.rmdir()
    return problems
