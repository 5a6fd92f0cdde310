# SPDX-License-Identifier: Apache-2.0
"""An image of a busy machine whose root is an instance store, and two that are launched from it."""

import contextlib
import mmap
import re
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab import checkers
from lab.paths import scratch_folder
from vm import restored
from vm.copies import root_partition
from vm.load import Load
from vm.store import DELETED, SECRETS, STAGING, Stored, StoreSite
from vm.writers import GuestWriters

BAKE_SEC = 300
PACE_USEC = 100000
# What is no secret, though it may look like one.
SUMS = ("sha256sum /etc/ssl/certs/ca-certificates.crt /etc/quiesced/bundle.pem /etc/fstab "
        "/usr/bin/quiescectl; find /usr/share/ca-certificates -type f | sort")


@pytest.fixture(scope="module")
def stored():
    folder = Path(tempfile.mkdtemp(prefix="quiesced-store-", dir=scratch_folder()))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        site = StoreSite(folder)
        stack.callback(site.close)
        instance = stack.enter_context(Stored(site))
        assert instance.boot() == "running"
        instance.prepare()
        yield instance


@pytest.fixture(scope="module")
def baked(stored):
    """The job, the image, what was being written, and the disk that the bundle stands for."""
    with (Load(stored, packages_pause_sec=5, line_pause_sec=0.5),
          GuestWriters(stored.machine, ("append", "sync", "files", "database"), ("/srv",),
                       pace_usec=PACE_USEC) as writers):
        asked = stored.run("cut -d' ' -f1 /proc/uptime").stdout
        job = stored.machine.json("quiescectl bake golden --wait=completed --no-progress --json",
                                  timeout=BAKE_SEC)
        writers.wait_for_writes(5)
        writers.stop()
        assert writers.errors() == {}
        image = stored.site.image("golden")
        yield SimpleNamespace(job=job, image=image, writers=writers,
                              asked_usec=int(float(asked) * 1e6),
                              disk=stored.site.unbundled(image), sums=stored.run(SUMS).stdout,
                              machine_id=stored.run("cat /etc/machine-id").stdout)


@pytest.fixture(scope="module")
def launched(stored, baked):
    """Two at once, while the first one stands still."""
    ids = stored.site.launch_on(baked.image["id"], baked.disk, 2)
    with contextlib.ExitStack() as stack:
        stack.enter_context(stored.machine.suspended())
        copies = [stack.enter_context(Stored(stored.site, one)) for one in ids]
        for copy in copies:
            copy.boot()
        yield copies


def secrets_in(path, word):
    """Which of the secrets the bytes of a file have anywhere."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {one.decode() for one in re.findall(re.escape(word.encode()) + rb"[a-z0-9._-]+",
                                                   content)}


def test_no_snapshot_could_have_the_root(stored):
    listed = stored.ctl_json("volumes")
    assert [one for one in listed["volumes"] if "id" in one] == []
    (root,) = [one for one in listed["filesystems"] if one["mount-point"] == "/"]
    assert "is an instance store" in root["reason"]


def test_the_job_tells_what_was_reached(stored, baked):
    assert (baked.job["result"], baked.job["consistency"]) == ("done", "filesystem")
    assert baked.image["state"] == "available"
    assert baked.image["tags"]["quiesced:consistency"] == "filesystem"
    assert baked.image["view"]["RootDeviceType"] == "instance-store"
    assert {f"/{path}" for path in SECRETS} <= set(baked.job["details"]["scrubbed"]["paths"])
    assert stored.site.cloud.snapshots() == []
    assert stored.run(f"ls -A -I lost+found {STAGING}").stdout == ""
    assert "may be swapped" not in stored.run("journalctl -u quiesced.service").stdout


def test_the_bundle_has_a_clean_file_system_and_none_of_the_secrets(stored, baked, tmp_path):
    site = stored.site
    planted = {site.secret_of(path) for path in (*SECRETS, DELETED)}
    assert planted <= secrets_in(site.root, site.word)
    assert secrets_in(baked.disk, site.word) == set()
    with root_partition(baked.disk, site.folder) as root:
        assert checkers.structure_problems(root, "ext4") == []


def test_both_boot_without_recovery(launched):
    failed = [copy.run("systemctl --failed --no-legend").stdout for copy in launched]
    assert [copy.state for copy in launched] == ["running"] * 2, failed
    for copy in launched:
        said = copy.run("dmesg | grep EXT4-fs").stdout
        assert "mounted filesystem" in said and "recovery required" not in said


def test_they_lack_what_was_scrubbed_and_nothing_else(baked, launched):
    gone = " ".join(f"/{path}" for path in (*SECRETS, "etc/quiesced/bundle.key"))
    for copy in launched:
        assert copy.run(f"ls -d {gone} 2>/dev/null", check=False).stdout == ""
        assert copy.run(SUMS).stdout == baked.sums
    ids = {copy.run("cat /etc/machine-id").stdout for copy in launched}
    assert len(ids | {baked.machine_id}) == 3


def window_began_usec(writers, since_usec, hold_usec):
    """When all writers first stood still for half of the window: in it, or before, never later."""
    least_usec = hold_usec // 2 - PACE_USEC
    first, *others = writers.written
    return next(stall.began_usec for stall in first.stalls(since_usec, longer_than_usec=least_usec)
                if all(one.stalls(stall.began_usec, stall.began_usec + stall.usec, least_usec)
                       for one in others))


def test_they_miss_no_write(baked, launched):
    began_usec = window_began_usec(baked.writers, baked.asked_usec,
                                   baked.job["phases"]["hold-usec"])
    for copy in launched:
        problems, returned = restored.content_problems(copy, baked.writers, began_usec)
        assert problems == [] and min(returned) > 10, (problems, returned)
