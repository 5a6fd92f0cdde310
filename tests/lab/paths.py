# SPDX-License-Identifier: Apache-2.0
"""Where things are."""

import os
import shutil
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("QUIESCED_BUILD", TESTS.parent / "build"))

MEMORY = Path("/dev/shm")
MEMORY_WANTED = 3 << 30


def scratch_folder():
    """Where disk images go: memory, if there is enough of it, since it is quick and quiet."""
    chosen = os.environ.get("QUIESCED_SCRATCH")
    if chosen:
        return Path(chosen)
    try:
        if shutil.disk_usage(MEMORY).free >= MEMORY_WANTED:
            return MEMORY
    except OSError:
        pass
    return Path(os.environ.get("TMPDIR", "/var/tmp"))
