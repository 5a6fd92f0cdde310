# SPDX-License-Identifier: Apache-2.0
"""Each net is tried by killing the one before it: nothing may stay frozen, whoever dies."""

import os
import signal
import subprocess
import time

import pytest

from freezer import (BUDGET_MAX_USEC, FREEZE, SYNC, THAW, THAWED, header, is_readable, kill,
                     kill_together, name_of, wait_until)
from lab.loopfs import WRITE_SEC

KINDS = ["ext4", "xfs", "btrfs"]
# Long enough to freeze, and to stop processes, on a machine that is busy with other things.
BUDGET_USEC = 1_500_000


@pytest.fixture
def frozen(server, client, make_fs):
    """Three kinds of file systems, frozen for long, and the processes that hold them."""
    class Frozen:
        fss = [make_fs(kind) for kind in KINDS]
        report = client.frozen([[fss[0], fss[1]], [fss[2]]], budget_usec=BUDGET_MAX_USEC)
        family = server.family()

        def all_accept_writes(self, timeout=WRITE_SEC):
            return [fs.accepts_write(timeout) for fs in self.fss]
    assert len(Frozen.family.keepers) == 3
    return Frozen()


ALL = [True, True, True]


def test_the_death_of_the_freezer(frozen, server, client):
    kill(frozen.family.main)
    assert frozen.all_accept_writes() == ALL
    assert client.receive() is None
    assert wait_until(lambda: not frozen.family.left())
    assert server.ledgers() == []


def test_the_death_of_freezer_and_keepers(frozen, server):
    kill_together(frozen.family.main, *frozen.family.keepers)
    assert frozen.all_accept_writes() == ALL
    assert wait_until(lambda: not frozen.family.left())
    assert server.ledgers() == []


def test_the_death_of_freezer_and_deadman(frozen, server):
    kill_together(frozen.family.deadman, frozen.family.main)
    assert frozen.all_accept_writes() == ALL
    assert wait_until(lambda: not frozen.family.left())
    done = server.thaw_leftovers()
    assert (done.returncode, done.stderr, server.ledgers()) == (0, "", [])


def test_the_death_of_the_keepers_and_then_of_the_freezer(frozen):
    kill_together(*frozen.family.keepers)
    kill(frozen.family.main)
    assert frozen.all_accept_writes() == ALL


def kill_all(family):
    kill_together(*family.everybody())
    assert wait_until(lambda: not family.left())


def test_the_death_of_everybody_leaves_it_to_quiesced_thaw(frozen, server):
    kill_all(frozen.family)
    assert frozen.all_accept_writes(0.2) == [False] * 3
    assert len(server.ledgers()) == 1
    done = server.thaw_leftovers()
    assert (done.returncode, done.stderr) == (0, "")
    assert frozen.all_accept_writes() == ALL
    assert server.ledgers() == []


def test_quiesced_thaw_names_a_mount_that_has_moved(frozen, server):
    kill_all(frozen.family)
    fs, where = frozen.fss[0], frozen.fss[0].mount_point
    fs.umount()
    done = server.thaw_leftovers()
    assert done.returncode == 1
    assert f"{where} (device" in done.stderr and "not mounted there any more" in done.stderr
    assert [f.accepts_write() for f in frozen.fss[1:]] == [True, True]
    assert len(server.ledgers()) == 1
    fs.mount(where)
    assert server.thaw_leftovers().returncode == 0
    assert fs.accepts_write()
    assert server.ledgers() == []


def test_quiesced_thaw_leaves_a_running_freeze_alone(frozen, server, client):
    done = server.thaw_leftovers("--wait=1")
    assert (done.returncode, done.stderr) == (0, "")
    assert frozen.all_accept_writes(0.1) == [False] * 3
    assert client.ask(THAW).reason == "asked"


def test_a_stopped_freezer_is_overtaken_by_the_backstop(server, client, make_fs):
    fs = make_fs("ext4")
    client.frozen([fs], budget_usec=BUDGET_USEC)
    family = server.family()
    kill(family.main, number=signal.SIGSTOP)
    assert fs.accepts_write()
    kill(family.main, number=signal.SIGCONT)
    thawed = client.receive()
    assert (thawed.type, thawed.reason, thawed.states) == (THAWED, "deadline", ["thawed"])


def test_a_stopped_freezer_and_its_stopped_keepers_are_overtaken_by_the_deadman(
        server, client, make_fs):
    fss = [make_fs("ext4"), make_fs("xfs")]
    client.frozen(fss, budget_usec=BUDGET_USEC)
    family = server.family()
    kill(family.main, *family.keepers, number=signal.SIGSTOP)
    assert [fs.accepts_write() for fs in fss] == [True, True]
    kill(*family.keepers, family.main, number=signal.SIGCONT)
    thawed = client.receive()
    assert (thawed.reason, thawed.states) == ("deadline", ["thawed", "thawed"])


@pytest.mark.parametrize("again", [True, False], ids=["for a moment", "for good"])
def test_a_keeper_that_is_late_at_the_thaw_is_no_failure(server, client, make_fs, again):
    """It was frozen until then, by whoever it is thawed."""
    fss = [make_fs("ext4"), make_fs("xfs")]
    client.frozen(fss)
    keepers = server.family().keepers
    kill(*keepers, number=signal.SIGSTOP)
    client.send(header(THAW))
    assert [fs.accepts_write() for fs in fss] == [True, True]
    if again:
        kill(*keepers, number=signal.SIGCONT)
    thawed = client.receive()
    assert (thawed.reason, thawed.states) == ("asked", ["thawed"] * 2)
    assert thawed.errors == [0, 0]
    kill(*keepers, number=signal.SIGCONT)


def test_a_stranger_s_thaw_is_told_even_if_the_keeper_is_late(server, client, make_fs):
    fs = make_fs("ext4")
    client.frozen([fs])
    keepers = server.family().keepers
    kill(*keepers, number=signal.SIGSTOP)
    fs.thaw()
    thawed = client.ask(THAW)
    assert thawed.reason == "asked" and thawed.errors != [0]
    kill(*keepers, number=signal.SIGCONT)


def test_everybody_stopped_is_over_when_they_go_on(server, client, make_fs):
    fs = make_fs("ext4")
    client.frozen([fs], budget_usec=BUDGET_USEC)
    family = server.family()
    kill(*family.everybody(), number=signal.SIGSTOP)
    time.sleep(BUDGET_USEC / 1e6 + 0.6)
    assert not fs.accepts_write(0.1)
    kill(*family.everybody(), number=signal.SIGCONT)
    assert fs.accepts_write()
    assert client.receive().reason == "deadline"


@pytest.mark.parametrize("victim", ["deadman", "keeper"])
def test_the_death_of_a_helper_ends_the_freeze_and_is_reported(frozen, client, victim):
    kill(frozen.family.deadman if victim == "deadman" else frozen.family.keepers[1])
    assert is_readable(client)
    thawed = client.receive()
    assert (thawed.type, thawed.reason) == (THAWED, "broken")
    assert thawed.states == ["thawed"] * 3
    assert frozen.all_accept_writes() == ALL


def test_the_death_of_a_helper_before_the_freeze_ends_the_connection(server, client, make_fs):
    fs = make_fs("ext4")
    client.plan([fs])
    kill(server.family().deadman)
    refusal = client.receive()
    assert "was killed, before anything was frozen" in refusal.text
    assert fs.accepts_write()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_polite_signal_thaws_first(frozen, client, number):
    kill(frozen.family.main, number=number)
    thawed = client.receive()
    assert (thawed.type, thawed.reason) == (THAWED, "stopped")
    assert frozen.all_accept_writes() == ALL
    assert wait_until(lambda: not frozen.family.left())


def test_polite_signals_to_keepers_and_deadman_change_nothing(frozen, client):
    """systemd sends SIGTERM to the whole control group as soon as the main process is dead."""
    kill(frozen.family.deadman, *frozen.family.keepers, number=signal.SIGTERM)
    assert not is_readable(client, 0.2)
    assert frozen.all_accept_writes(0.1) == [False] * 3
    kill(frozen.family.main)
    assert frozen.all_accept_writes() == ALL


@pytest.mark.parametrize("delay_usec", range(0, 12_000, 400))
def test_a_kill_at_any_moment_of_the_freeze(server, make_fs, knob, delay_usec):
    fss = [make_fs("ext4"), make_fs("xfs")]
    client = server.client()
    client.plan(fss)
    family = server.family()
    client.send(header(FREEZE))
    time.sleep(delay_usec / 1e6)
    kill(family.main)
    assert [fs.accepts_write() for fs in fss] == [True, True]
    assert wait_until(lambda: not family.left())
    assert wait_until(lambda: knob.read_text() == "0\n")
    client.close()


@pytest.mark.parametrize("delay_usec", range(0, 12_000, 1000))
def test_a_kill_of_everybody_at_any_moment_of_the_freeze(server, make_fs, knob, delay_usec):
    fss = [make_fs("ext4"), make_fs("xfs")]
    client = server.client()
    client.plan(fss)
    family = server.family()
    client.send(header(FREEZE))
    time.sleep(delay_usec / 1e6)
    kill_all(family)
    assert server.thaw_leftovers().returncode == 0
    assert [fs.accepts_write() for fs in fss] == [True, True]
    assert wait_until(lambda: knob.read_text() == "0\n")
    client.close()


@pytest.mark.parametrize("step", ["planned", "synced"])
def test_a_kill_before_the_freeze_leaves_nothing(server, make_fs, step):
    fs = make_fs("ext4")
    client = server.client()
    client.plan([fs])
    if step == "synced":
        client.ask(SYNC)
    family = server.family()
    kill(family.main)
    assert wait_until(lambda: not family.left())
    assert wait_until(lambda: server.ledgers() == [])
    client.close()
    fs.umount()


def test_the_processes_are_out_of_reach_of_the_oom_killer_where_that_is_permitted(frozen):
    permitted = subprocess.run(["sh", "-c", "echo -1000 >/proc/self/oom_score_adj"],
                               stderr=subprocess.DEVNULL, check=False).returncode == 0
    with open("/proc/self/oom_score_adj", encoding="ascii") as file:
        expected = "-1000\n" if permitted else file.read()
    for pid in frozen.family.everybody():
        with open(f"/proc/{pid}/oom_score_adj", encoding="ascii") as file:
            assert file.read() == expected


def test_no_process_holds_what_would_hide_the_end_of_another(frozen):
    """Only the freezer has the client's connection; nobody has two keepers' sockets but it."""
    for pid in [frozen.family.deadman, *frozen.family.keepers]:
        sockets = [fd for fd in os.listdir(f"/proc/{pid}/fd") if int(fd) > 2 and
                   os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")]
        assert len(sockets) == 1, (name_of(pid), sockets)


def test_nothing_but_libc_is_loaded(frozen):
    """Nor does a name service bring its libraries in."""
    with open(f"/proc/{frozen.family.main}/maps", encoding="ascii") as file:
        loaded = {os.path.basename(line.split()[-1]) for line in file if "/lib/" in line}
    assert all(name.startswith(("libc.so", "ld-linux")) for name in loaded), loaded


def test_all_processes_together_need_less_than_a_megabyte(frozen):
    total = 0
    for pid in frozen.family.everybody():
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    assert total < 1024
