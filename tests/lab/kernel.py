# SPDX-License-Identifier: Apache-2.0
"""What a test requires of the machine. Only a feature that its kernel lacks may skip a test."""

import os
import shutil
import subprocess

import pytest

# tests/run counts a skip whose reason begins otherwise as a failure.
SKIP_PREFIX = "the kernel lacks "


def has_file_system(fstype):
    with open("/proc/filesystems") as f:
        if fstype in f.read().split():
            return True
    modprobe = shutil.which("modprobe")
    return bool(modprobe) and subprocess.run([modprobe, "-q", fstype]).returncode == 0


def requires_file_systems(*fstypes):
    for fstype in fstypes:
        if not has_file_system(fstype):
            pytest.skip(f"{SKIP_PREFIX}{fstype}")


def requires_rcu_expedited():
    if not os.access("/sys/kernel/rcu_expedited", os.W_OK):
        pytest.skip(f"{SKIP_PREFIX}a writable rcu_expedited")
