# SPDX-License-Identifier: Apache-2.0
"""A FIFREEZE that hangs: an inner file system, whose image lies on one that somebody has frozen."""

import errno
import os
import time

import pytest

from freezer import (FREEZE, PREPARED, SYNC, SYNCED, THAW, THAWED, NO_WARM_UP, header, kill,
                     kill_together, name_of, state_of, wait_until)
from lab.loopfs import thaw

# Long enough to freeze what does not hang, on a machine that is busy with other things.
BUDGET_USEC = 1_500_000


class Hanging:
    """`inner` hangs until `outer` is thawed; `beside` is well."""

    def __init__(self, make_fs):
        self.outer = make_fs("ext4", name="outer", size=256 << 20)
        self.inner = make_fs("ext4", folder=self.outer.mount_point, name="inner")
        self.beside = make_fs("xfs", name="beside")

    def begin(self):
        """Dirty pages make FIFREEZE write, and the frozen outer one makes that wait."""
        with open(os.path.join(self.inner.mount_point, "dirty"), "wb") as file:
            file.write(os.urandom(4 << 20))
        self.outer.freeze()

    def end(self):
        self.outer.thaw()


@pytest.fixture
def hanging(make_fs):
    hanging = Hanging(make_fs)
    yield hanging
    thaw(hanging.outer.mount_point)


def freeze(client, hanging, flags=0, groups=None):
    prepared = client.plan(groups or [[hanging.inner, hanging.beside]], budget_usec=BUDGET_USEC,
                           flags=flags)
    assert prepared.type == PREPARED and prepared.reason == "none"
    hanging.begin()
    client.send(header(FREEZE))


def once_it_hangs(server):
    """The processes of the freeze; the keeper of `inner` was begun first."""
    family = server.family()
    assert wait_until(lambda: state_of(family.keepers[0]) == "D")
    return family


def told(server, hanging, what):
    """Whether the log has it of the hung one."""
    return wait_until(lambda: any(hanging.inner.mount_point in line and what in line
                                  for line in server.log().splitlines()))


@pytest.mark.parametrize("flags", [0, NO_WARM_UP])
def test_the_others_thaw_at_the_deadline_and_the_hung_one_as_soon_as_it_returns(
        server, client, hanging, flags):
    start = time.monotonic()
    freeze(client, hanging, flags)
    report = client.receive()
    assert BUDGET_USEC / 1e6 - 0.05 < time.monotonic() - start < 15
    assert (report.type, report.reason) == (THAWED, "deadline")
    assert report.errors == [errno.ETIMEDOUT, 0]
    assert hanging.beside.accepts_write()
    assert not hanging.inner.accepts_write(0.2)
    time.sleep(1)  # what was thawed sooner is no story
    hanging.end()
    assert hanging.inner.accepts_write()
    assert wait_until(lambda: client.ask(THAW).states[0] == "thawed")
    assert told(server, hanging, "answers again, and is thawed")
    client.close()
    assert wait_until(lambda: not server.ledgers())
    assert wait_until(lambda: "thawed at the deadline" in server.log())
    assert told(server, hanging, "did not answer in time")


def test_the_freezer_waits_for_the_hung_one_and_admits_no_other_freeze(server, make_fs, hanging):
    client = server.client()
    freeze(client, hanging)
    assert client.receive().reason == "deadline"
    family = server.family()
    client.close()
    second = server.client()
    refused = second.plan([hanging.beside])
    assert refused.error == errno.EBUSY and "still hangs" in refused.text
    second.close()
    assert name_of(family.main)
    assert told(server, hanging, "hangs, and is thawed as soon as its device answers")
    hanging.end()
    assert hanging.inner.accepts_write()
    assert wait_until(lambda: not family.left())
    assert server.ledgers() == []


def test_the_hung_one_is_thawed_also_when_freezer_was_killed(server, client, hanging):
    freeze(client, hanging)
    family = once_it_hangs(server)
    kill(family.main)
    assert hanging.beside.accepts_write()
    time.sleep(BUDGET_USEC / 1e6 + 0.1)
    assert name_of(family.deadman)
    assert told(server, hanging, "hangs")
    hanging.end()
    assert hanging.inner.accepts_write()
    assert told(server, hanging, "answers again, and is thawed")
    assert wait_until(lambda: not family.left())
    assert server.ledgers() == []


@pytest.mark.parametrize("flags", [0, NO_WARM_UP])
def test_the_hung_one_is_thawed_also_when_its_keeper_was_killed(server, client, hanging, flags):
    """The killed keeper's FIFREEZE comes true later, and nobody else knows of it."""
    freeze(client, hanging, flags)
    family = once_it_hangs(server)
    kill(*family.keepers, family.main)
    assert hanging.beside.accepts_write()
    hanging.end()
    assert hanging.inner.accepts_write()
    assert wait_until(lambda: not family.left())


def test_a_keeper_killed_in_a_hung_freeze_while_the_freezer_lives(server, client, hanging):
    freeze(client, hanging)
    family = once_it_hangs(server)
    kill(family.keepers[0])
    report = client.receive()
    assert report.type == THAWED and report.reason in ("deadline", "broken")
    assert hanging.beside.accepts_write()
    hanging.end()
    assert hanging.inner.accepts_write()


def test_quiesced_thaw_waits_for_it_says_so_and_its_rescuer_stays(server, client, hanging):
    freeze(client, hanging)
    family = once_it_hangs(server)
    kill_together(*family.everybody())
    start = time.monotonic()
    done = server.thaw_leftovers("--wait=1")
    assert done.returncode == 1 and time.monotonic() - start < 15
    assert f"{hanging.inner.mount_point} (device" in done.stderr and "hangs" in done.stderr
    assert hanging.beside.accepts_write()
    hanging.end()
    assert hanging.inner.accepts_write()
    assert told(server, hanging, "answers again, and is thawed")
    assert wait_until(lambda: not family.left())
    done = server.thaw_leftovers()
    assert (done.returncode, done.stderr, server.ledgers()) == (0, "", [])


def test_a_hung_group_does_not_hold_up_the_groups_before_it(server, client, hanging):
    freeze(client, hanging, groups=[[hanging.beside], [hanging.inner]], flags=NO_WARM_UP)
    report = client.receive()
    assert (report.type, report.reason, report.errors) == (
        THAWED, "deadline", [0, errno.ETIMEDOUT])
    assert hanging.beside.accepts_write()
    hanging.end()
    assert hanging.inner.accepts_write()


def test_a_hung_sync_is_named_and_nothing_is_frozen_behind_it(server, client, hanging):
    client.plan([[hanging.inner, hanging.beside]], sync_usec=1_500_000)
    hanging.begin()
    report = client.ask(SYNC)
    assert (report.type, report.reason) == (SYNCED, "deadline")
    assert report.errors == [errno.ETIMEDOUT, 0]
    report = client.ask(FREEZE)
    assert (report.type, report.reason) == (THAWED, "failed")
    assert report.errors == [errno.ETIMEDOUT, 0] and report.freezing_at == 0
    assert hanging.beside.accepts_write()
    hanging.end()
    assert hanging.inner.accepts_write()


def test_a_thaw_that_hangs_does_not_hold_up_the_others(server, client, hanging):
    """The outer one is frozen by somebody while we hold the inner one: FITHAW has to write."""
    client.frozen([[hanging.inner], [hanging.beside]], budget_usec=30_000_000)
    hanging.outer.freeze()
    start = time.monotonic()
    report = client.ask(THAW)
    assert report.type == THAWED and time.monotonic() - start < 15
    assert hanging.beside.accepts_write()
    hanging.end()
    assert hanging.inner.accepts_write()
