# SPDX-License-Identifier: Apache-2.0
"""What lies in the copies of a guest's disks."""

import contextlib
import os

from cloud.copying import file_copy
from vm.base import DISK_BYTES, PARTITION_AT


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
