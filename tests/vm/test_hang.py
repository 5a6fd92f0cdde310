# SPDX-License-Identifier: Apache-2.0
"""A volume whose I/O hangs: everything else thaws at the deadline, and it when it comes back."""

import pytest

from vm.test_kill import BUDGET_SEC, STRIKE, assert_stalled_at

# /data on a device that can be held up, in place of the volume's own.
LAY = """
systemctl stop data.mount
device=$(blkid -L data)
dmsetup create held --table "0 $(blockdev --getsz "$device") linear $device 0"
mount /dev/mapper/held /data
"""
CLEAR = """
dmsetup resume held
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


@pytest.fixture
def hanging(instance):
    instance.run(LAY)
    yield instance
    instance.run(CLEAR)


def journal_of_freezer(instance, cursor):
    return instance.run(f"journalctl --after-cursor='{cursor}' -o cat "
                        "-t quiesced-freezer -t quiesced-thaw").stdout


@pytest.mark.parametrize("blow, error", BLOWS.values(), ids=BLOWS.keys())
def test_others_thaw_at_the_deadline_and_the_hung_one_when_it_returns(hanging, blow, error):
    instance = hanging
    cursor = instance.run("journalctl -n 0 --show-cursor | sed -n 's/^-- cursor: //p'").stdout.strip()
    with (instance.paused_workers("synced", BUDGET_SEC),
          instance.writers("append", "sync") as writers):
        instance.begin_image("hung")
        instance.run(HANG + blow)
        (job,) = instance.wait_for_jobs()
        assert (job["result"], job["error"]) == ("failed", f"org.quiesced1.Error.{error}")
        instance.run("until journalctl -t quiesced-freezer -t quiesced-thaw | "
                     "grep -q '/data .* hangs'; do sleep 0.2; done")
        assert_others_go_on(instance, writers)
        instance.run("dmsetup resume held")
        writers.wait_for_writes(5)
        writers.stop()
        assert writers.errors() == {}
        for one in writers.of("/"):
            assert one.longest_stall_usec() <= (BUDGET_SEC + 1) * 1e6
        instance.run("until [ -z \"$(ls -A -I lock /run/quiesced/freezer)\" ]; do sleep 0.1; done")
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
