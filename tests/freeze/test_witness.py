# SPDX-License-Identifier: Apache-2.0
"""The witness of a shutdown, on a root of its own: what systemd leaves it is one file system."""

import os
import subprocess
from pathlib import Path

import pytest

from lab import checkers
from lab.paths import BUILD

OWNER = 65534
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PROGRAMS = (BUILD / "quiesced-witness", "/bin/bash", "/bin/mount", "/bin/umount")
# Nothing of the host is mounted behind the pivot; what is done to / is done to this one.
ROOT = """\
cd "$0" && pivot_root . old && cd / && exec /bin/bash -c '
export PATH=/bin
mount -t proc proc /proc && umount -l /old && {before}
quiesced-witness poweroff'
"""
AT_REST = "mount -o remount,ro /"
NOT_AT_REST = "true"


@pytest.fixture(params=["ext4", "xfs", "btrfs"])
def root(request, make_fs):
    """A file system with the programs that run on it, and the file that a job has asked in."""
    fs = make_fs(request.param)
    top = Path(fs.mount_point)
    for folder in ("bin", "old", "proc", "var/lib/quiesced"):
        (top / folder).mkdir(parents=True)
    for program in PROGRAMS:
        needed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        copy(program, top / "bin" / Path(program).name)
        for library in [word for word in needed.split() if word.startswith("/")]:
            copy(library, top / library.lstrip("/"))
    asked = top / "var/lib/quiesced/witness"
    asked.write_text(BOOT_ID.read_text())
    for path in (asked, asked.parent):
        os.chown(path, OWNER, OWNER)
    asked.parent.chmod(0o700)
    return fs


def copy(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(Path(source).read_bytes())
    target.chmod(0o755)


def shut_down(fs, before):
    return subprocess.run(
        ["unshare", "--mount", "--propagation=private", "/bin/bash", "-c",
         ROOT.format(before=before), fs.mount_point],
        capture_output=True, text=True, timeout=60, check=False)


def answer(fs):
    return (Path(fs.mount_point) / "var/lib/quiesced/witness").read_text().splitlines()[1:]


def clean(fs, kind):
    """As the volume is that EC2 copies, while nothing has it mounted."""
    fs.umount()
    if kind == "xfs":
        return checkers.run("xfs_repair", "-n", fs.image).returncode == 0
    return checkers.structure_problems(fs.image, kind) == []


def test_it_testifies_to_a_root_at_rest_and_leaves_it_at_rest(root, request):
    done = shut_down(root, AT_REST)
    assert done.returncode == 0, done.stderr
    (line,) = answer(root)
    assert line.startswith("at-rest 1")
    assert clean(root, request.node.callspec.params["root"])


def test_it_says_nothing_for_a_root_that_is_writable(root):
    done = shut_down(root, NOT_AT_REST)
    assert done.returncode == 1 and "/ is still writable" in done.stderr
    assert answer(root) == []


def test_a_file_that_its_owner_may_not_write_stays_as_it_is(root):
    (Path(root.mount_point) / "var/lib/quiesced/witness").chmod(0o400)
    done = shut_down(root, AT_REST)
    assert done.returncode == 1 and "Permission denied" in done.stderr
    assert answer(root) == []
