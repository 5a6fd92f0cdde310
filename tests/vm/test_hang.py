# SPDX-License-Identifier: Apache-2.0
"""A volume whose I/O hangs: everything else thaws at the deadline, and it when it comes back."""

import pytest

from vm.standstill import LATE_SEC, STRIKE

BUDGET_SEC = 5
# /data on a device that can be held up, in place of the volume's own.
LAY = """
systemctl stop data.mount
device=$(blkid -L data)
dmsetup create held --table "0 $(blockdev --getsz "$device") linear $device 0"
mount /dev/mapper/held /data
"""
CLEAR = """
umount /data && dmsetup remove held && systemctl start data.mount
"""
# Dirty pages make FIFREEZE write. Neither dmsetup's own flush nor its own freeze is wanted.
HANG = STRIKE + """
dd if=/dev/zero of=/data/dirty bs=1M count=4 status=none
dmsetup suspend --noflush --nolockfs held
kill -CONT "$worker"
"""
# How the job ends, as the worker sees it.
BLOWS = {
    "nobody": ("", "FreezeTimeout"),
    "freezer": ('sleep 1; kill -KILL "$main"', "FreezerUnavailable"),
}


@pytest.fixture(scope="module")
def writers(running):
    """On / and on a /data that can be held up; workers pause before they freeze."""
    running.run(LAY)
    with (running.paused_workers("synced", BUDGET_SEC),
          running.writers("append", "sync") as writers):
        yield writers
    running.run(CLEAR)


@pytest.fixture
def hanging(writers, instance):
    yield instance
    instance.run("dmsetup resume held")


def journal_of_freezer(instance, cursor):
    return instance.run(f"journalctl --after-cursor='{cursor}' -o cat "
                        "-t quiesced-freezer -t quiesced-thaw").stdout


@pytest.mark.parametrize("blow, error", BLOWS.values(), ids=BLOWS.keys())
def test_others_thaw_at_the_deadline_and_the_hung_one_when_it_returns(
        writers, hanging, blow, error):
    instance = hanging
    cursor = instance.run("journalctl -n 0 --show-cursor | sed -n 's/^-- cursor: //p'").stdout.strip()
    instance.begin_image("hung")
    struck_usec = int(float(instance.run(HANG + blow).stdout) * 1e6)
    (job,) = instance.wait_for_jobs()
    assert (job["result"], job["error"]) == ("failed", f"org.quiesced1.Error.{error}")
    instance.machine.wait_for(
        f"journalctl --after-cursor='{cursor}' -t quiesced-freezer -t quiesced-thaw | "
        "grep -q '/data .* hangs'", "the journal has what hangs")
    assert_others_go_on(instance, writers)
    instance.run("dmsetup resume held")
    writers.wait_for_writes(5)
    writers.fetch()
    assert writers.errors() == {}
    for one in writers.of("/"):
        stall_usec = one.longest_stall_usec(since_usec=struck_usec)
        assert 0 < stall_usec <= (BUDGET_SEC + LATE_SEC) * 1e6
    instance.machine.wait_for('[ -z "$(ls -A -I lock /run/quiesced/freezer)" ]',
                              "nothing is listed as frozen")
    story = journal_of_freezer(instance, cursor)
    assert "/data (device" in story and "answers again, and is thawed" in story, story
    assert instance.site.cloud.snapshots() == []


def assert_others_go_on(instance, writers):
    """/ takes writes again, while /data takes none."""
    before = writers.counts()
    instance.run("dd if=/dev/zero of=/srv/again bs=4k count=1 conv=fsync && rm /srv/again")
    instance.run("sleep 0.5")
    after = writers.counts()
    moved = {one.folders[0].as_posix(): now > then
             for one, then, now in zip(writers.written, before, after)}
    assert all(moved[folder] == folder.startswith("/srv") for folder in moved), moved
