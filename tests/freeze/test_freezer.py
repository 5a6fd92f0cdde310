# SPDX-License-Identifier: Apache-2.0
"""What the freezer does for a client that behaves."""

import errno
import os
import subprocess
import threading
import time

import pytest

from freezer import (FREEZE, FROZEN, NO_WARM_UP, PREPARED, SYNC, SYNC_LAST, SYNCED, THAW, THAWED,
                     WAIT_SEC, Server, header, is_readable, wait_until)
from lab.loopfs import run

KINDS = ["ext4", "ext2", "xfs", "btrfs"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_write_returns_between_freeze_and_thaw(client, make_fs, kind):
    fs = make_fs(kind)
    assert client.plan([fs]).reason == "none"
    synced = client.ask(SYNC)
    assert synced.type == SYNCED and 1 <= synced.rounds <= 5
    assert fs.accepts_write()
    frozen = client.ask(FREEZE)
    assert frozen.type == FROZEN and frozen.states == ["frozen"]
    assert not fs.accepts_write(0.2)
    thawed = client.ask(THAW)
    assert (thawed.type, thawed.reason, thawed.states) == (THAWED, "asked", ["thawed"])
    assert thawed.errors == [0]
    assert (thawed.freezing_at <= thawed.frozen_at < thawed.thawing_at <= thawed.thawed_at)
    assert fs.accepts_write()


def test_a_writer_stalls_as_long_as_the_freeze_and_goes_on(client, make_fs):
    fs = make_fs("ext4")
    writes, stop = [], threading.Event()

    def write():
        with open(os.path.join(fs.mount_point, "log"), "wb", buffering=0) as file:
            while not stop.is_set():
                began = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
                file.write(b"x" * 64)
                writes.append((began, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000))
                time.sleep(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert wait_until(lambda: len(writes) > 20)
        client.frozen([fs])
        time.sleep(0.3)
        report = client.ask(THAW)
        count = len(writes)
        assert wait_until(lambda: len(writes) > count + 20)
    finally:
        stop.set()
        writer.join()
    # One that returned before the freeze may be noted later.
    assert [w for w in writes if report.frozen_at < w[0] and w[1] < report.thawing_at] == []
    ends = [ended for _, ended in writes]
    assert 300_000 < max(b - a for a, b in zip(ends, ends[1:])) < 15_000_000


def test_all_of_many_are_frozen_at_the_same_time(client, make_fs):
    fss = [make_fs(kind, name=f"{kind}-{i}") for i, kind in enumerate(["ext4", "xfs", "btrfs"])]
    client.frozen(fss)
    assert [fs.accepts_write(0.1) for fs in fss] == [False] * 3
    client.ask(THAW)
    assert [fs.accepts_write() for fs in fss] == [True] * 3


def test_groups_freeze_an_inner_file_system_before_the_one_that_holds_it(client, make_fs):
    outer = make_fs("ext4", name="outer", size=256 << 20)
    inner = make_fs("ext4", folder=outer.mount_point, name="inner")
    for number in range(5):
        with open(os.path.join(inner.mount_point, f"dirty-{number}"), "wb") as file:
            file.write(os.urandom(1 << 20))
    report = client.frozen([[inner], [outer]])
    assert report.frozen_at - report.freezing_at < 20_000_000
    thawed = client.ask(THAW)
    assert thawed.states == ["thawed", "thawed"] and thawed.errors == [0, 0]
    assert inner.accepts_write() and outer.accepts_write()


@pytest.mark.parametrize("flags", [SYNC_LAST, SYNC_LAST | NO_WARM_UP])
def test_what_cannot_freeze_is_synced_beside_the_others(client, make_fs, flags):
    fs, other = make_fs("ext4"), ("/dev/shm", run("mountpoint", "-d", "/dev/shm").split(":"))
    memory = (other[0], tuple(map(int, other[1])))
    assert client.plan([[fs], [memory]], flags=flags).reason == "none"
    assert client.ask(SYNC).errors == [0, 0]
    frozen = client.ask(FREEZE)
    assert (frozen.type, frozen.states, frozen.errors) == (FROZEN, ["frozen", "planned"], [0, 0])
    assert not fs.accepts_write(0.2)
    thawed = client.ask(THAW)
    assert (thawed.type, thawed.reason) == (THAWED, "asked")
    assert (thawed.states, thawed.errors) == (["thawed", "planned"], [0, 0])


def test_a_plan_may_be_for_a_sync_alone(client, make_fs):
    fs = make_fs("ext4")
    assert client.plan([fs], flags=SYNC_LAST).reason == "none"
    assert client.ask(SYNC).errors == [0]
    assert client.ask(FREEZE).states == ["planned"]
    assert fs.accepts_write()


def test_mountinfo_is_that_of_pid_1(client):
    with open("/proc/1/mountinfo", encoding="utf-8") as file:
        assert client.mountinfo().splitlines()[0] == file.read().splitlines()[0]


def test_the_deadline_thaws_and_says_so_unasked(client, make_fs):
    fs = make_fs("ext4")
    frozen = client.frozen([fs], budget_usec=2_000_000)
    assert not fs.accepts_write(0.1)
    assert is_readable(client)
    thawed = client.receive()
    assert (thawed.type, thawed.reason) == (THAWED, "deadline")
    # From the arming on, which is before the warm-up; and hardly late.
    assert 1_500_000 < thawed.thawing_at - frozen.freezing_at + thawed.warm_up_usec < 12_000_000
    assert fs.accepts_write()
    again = client.ask(THAW)
    assert (again.reason, again.thawed_at) == ("deadline", thawed.thawed_at)


def test_the_end_of_the_connection_thaws(server, make_fs):
    fs = make_fs("xfs")
    client = server.client()
    client.frozen([fs])
    client.close()
    assert fs.accepts_write()
    assert wait_until(lambda: not server.ledgers())


def test_a_client_that_never_reads_is_thawed_at_its_deadline(server, make_fs):
    fs = make_fs("ext4")
    client = server.client()
    prepared = client.plan([fs], budget_usec=2_000_000)
    assert prepared.type == PREPARED
    family = server.family()
    client.send(header(FREEZE))
    assert wait_until(lambda: not fs.accepts_write(0.05))
    assert fs.accepts_write()
    client.close()
    assert wait_until(lambda: not family.left())
    assert wait_until(lambda: "1 mounts, thawed at the deadline" in server.log())


def test_a_client_that_floods_and_never_reads_blocks_nobody(server, make_fs):
    fs = make_fs("ext4")
    client = server.client()
    client.frozen([fs], budget_usec=30_000_000)
    client.ask(THAW)
    client.socket.settimeout(3)
    with pytest.raises(OSError):
        for _ in range(100_000):
            client.socket.send(header(THAW))
    assert fs.accepts_write()
    client.close()


def test_a_file_system_in_use_can_be_unmounted_right_after(server, make_fs):
    fs = make_fs("ext4")
    client = server.client()
    client.frozen([fs])
    client.ask(THAW)
    client.socket.shutdown(1)
    assert client.receive() is None
    fs.umount(patience=0)
    client.close()


def test_a_foreign_freeze_survives_and_is_named(server, make_fs):
    foreign, ours = make_fs("ext4", name="foreign"), make_fs("ext4", name="ours")
    foreign.freeze()
    with_client = server.client()
    assert with_client.plan([ours, foreign]).reason == "none"
    report = with_client.ask(FREEZE)
    assert (report.type, report.reason) == (THAWED, "failed")
    assert report.states[1] == "foreign" and report.errors == [0, errno.EBUSY]
    assert ours.accepts_write()
    with_client.close()
    assert wait_until(lambda: not server.ledgers())
    assert not foreign.accepts_write(0.2)
    beside = server.client()
    beside.frozen([ours])
    assert beside.ask(THAW).reason == "asked"
    assert not foreign.accepts_write(0.2)
    foreign.thaw()
    beside.close()


def test_a_foreign_freeze_is_left_alone_without_warm_up_too(client, make_fs):
    foreign, ours = make_fs("ext4", name="foreign"), make_fs("xfs", name="ours")
    foreign.freeze()
    client.plan([[ours], [foreign]], flags=NO_WARM_UP)
    report = client.ask(FREEZE)
    assert report.states == ["thawed", "foreign"] and report.warm_up_usec == 0
    assert ours.accepts_write() and not foreign.accepts_write(0.2)
    foreign.thaw()  # who waits for that was forked from us, and keeps the client's connection


def test_somebody_else_thawing_ours_is_reported(client, make_fs):
    fs = make_fs("ext4")
    client.frozen([fs])
    fs.thaw()
    report = client.ask(THAW)
    assert report.reason == "asked" and report.errors == [errno.EINVAL]


def test_the_knob_is_set_for_the_freeze_only(client, make_fs, knob):
    client.frozen([make_fs("ext4")])
    assert wait_until(lambda: knob.read_text() == "0\n")
    assert client.ask(THAW).reason == "asked"


def test_a_knob_that_somebody_else_has_set_stays_set(client, make_fs, knob):
    fs = make_fs("ext4")
    knob.write_text("1")
    try:
        client.frozen([fs])
        client.ask(THAW)
        assert knob.read_text() == "1\n"
    finally:
        knob.write_text("0")


def test_a_vanished_mount_fails_the_plan_and_the_others_are_reported(server, make_fs):
    stays, goes = make_fs("ext4", name="stays"), make_fs("ext4", name="goes")
    where, number = goes.mount_point, goes.number
    goes.umount()
    client = server.client()
    report = client.plan([stays, (where, number)])
    assert (report.type, report.reason) == (PREPARED, "failed")
    assert report.errors == [0, errno.ESTALE]
    assert client.receive() is None
    client.close()
    goes.mount(where)


def test_another_file_system_on_the_mount_point_is_a_vanished_one(client, make_fs):
    below, above = make_fs("ext4", name="below"), make_fs("ext4", name="above")
    number, above_point = below.number, above.mount_point
    run("mount", "--bind", above_point, below.mount_point)
    try:
        report = client.plan([(below.mount_point, number)])
        assert report.errors == [errno.ESTALE]
    finally:
        run("umount", below.mount_point)


def test_a_missing_folder_is_a_vanished_mount(client):
    assert client.plan([("/nonexistent/a", (7, 0))]).errors == [errno.ESTALE]


def test_a_mount_cannot_vanish_once_it_is_planned(client, make_fs):
    fs = make_fs("ext4")
    client.plan([fs])
    with pytest.raises(RuntimeError, match="busy"):
        fs.umount(patience=0)


def test_two_mounts_of_one_file_system_are_refused(client, make_fs, scratch):
    fs = make_fs("ext4")
    other = os.path.join(scratch, "bind")
    os.mkdir(other)
    run("mount", "--bind", fs.mount_point, other)
    try:
        report = client.plan([fs, (other, fs.number)])
        assert report.errors == [0, errno.EEXIST]
    finally:
        run("umount", other)


def test_a_bind_mount_and_a_subvolume_stand_for_their_file_system(client, make_fs, scratch):
    fs = make_fs("btrfs")
    run("btrfs", "subvolume", "create", os.path.join(fs.mount_point, "sub"))
    other = os.path.join(scratch, "bind")
    os.mkdir(other)
    run("mount", "--bind", os.path.join(fs.mount_point, "sub"), other)
    try:
        client.frozen([(other, fs.number)])
        assert not fs.accepts_write(0.2)
        client.ask(THAW)
        assert fs.accepts_write()
    finally:
        client.close()
        assert wait_until(lambda: subprocess.run(["umount", other], check=False).returncode == 0)


@pytest.mark.parametrize("name", [
    "with space", "new\nline", "Ünïcødé-字", "back\\slash", "x" * 200])
def test_awkward_paths(client, make_fs, name):
    fs = make_fs("ext4", name=name)
    client.frozen([fs])
    assert not fs.accepts_write(0.1)
    assert client.ask(THAW).reason == "asked"


def test_tmpfs_is_refused_by_name_and_the_rest_thawed(client, make_fs, scratch):
    fs = make_fs("ext4")
    folder = os.path.join(scratch, "tmpfs")
    os.mkdir(folder)
    run("mount", "-t", "tmpfs", "tmpfs", folder)
    try:
        number = os.stat(folder).st_dev
        client.plan([fs, (folder, (os.major(number), os.minor(number)))])
        report = client.ask(FREEZE)
        assert (report.type, report.reason) == (THAWED, "failed")
        assert report.errors == [0, errno.EOPNOTSUPP]
        assert fs.accepts_write()
    finally:
        client.close()
        assert wait_until(lambda: subprocess.run(["umount", folder], check=False).returncode == 0)


def test_a_read_only_mount_can_be_frozen(client, make_fs):
    fs = make_fs("ext4")
    run("mount", "-o", "remount,ro", fs.mount_point)
    client.frozen([fs])
    assert client.ask(THAW).errors == [0]
    run("mount", "-o", "remount,rw", fs.mount_point)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_a_full_file_system_can_be_frozen(client, make_fs, kind):
    fs = make_fs(kind)
    with open(os.path.join(fs.mount_point, "fill"), "wb", buffering=0) as file:
        with pytest.raises(OSError, match="No space"):
            while True:
                file.write(bytes(1 << 20))
    client.frozen([fs])
    assert client.ask(THAW).reason == "asked"
    os.unlink(os.path.join(fs.mount_point, "fill"))
    assert fs.accepts_write()


def test_a_second_freeze_on_the_host_is_refused_until_the_first_has_ended(server, make_fs):
    a, b = make_fs("ext4", name="a"), make_fs("ext4", name="b")
    first, second = server.client(), server.client()
    first.frozen([a])
    refused = second.plan([b])
    assert refused.error == errno.EBUSY and "another freeze is running" in refused.text
    assert second.receive() is None
    first.ask(THAW)
    first.close()
    assert wait_until(lambda: not server.ledgers())
    third = server.client()

    def free():
        client = server.client()
        report = client.plan([b])
        client.close()
        return report.type == PREPARED
    assert wait_until(free)
    for client in (second, third):
        client.close()


def test_a_listening_socket_is_accepted(scratch, ledger_dir, make_fs, knob):
    fs = make_fs("ext4")
    server = Server(scratch, ledger_dir, accept=False)
    try:
        client = server.client()
        client.frozen([fs])
        assert not fs.accepts_write(0.1)
        client.ask(THAW)
        client.close()
        assert server.process.wait(WAIT_SEC) == 0
        assert server.ledgers() == []
    finally:
        server.close()


def connect_as(uid, server):
    """What another user is told."""
    code = ("import sys; sys.path[:0] = %r; from freezer import Client, header, MOUNTINFO\n"
            "c = Client(%r); print(c.receive())" % (
                [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))],
                server.path))
    os.chmod(os.path.dirname(server.path), 0o755)
    os.chmod(server.path, 0o666)
    return subprocess.run(
        ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "/usr/bin/python3", "-B",
         "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_a_stranger_is_refused(server):
    told = connect_as(65534, server)
    assert f"error={errno.EACCES}" in told.stdout and "may freeze" in told.stdout, told


def test_the_owner_of_the_socket_is_served(scratch, ledger_dir):
    server = Server(scratch, ledger_dir, uid=65534)
    try:
        code = ("import sys; sys.path[:0] = %r; from freezer import Client\n"
                "print(len(Client(%r).mountinfo()) > 100)" % (
                    [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))],
                    server.path))
        os.chmod(scratch, 0o755)
        os.chmod(server.path, 0o666)
        told = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3",
             "-B", "-c", code], capture_output=True, text=True, timeout=60, check=False)
        assert told.stdout == "True\n", told
    finally:
        server.close()


def test_two_hundred_mounts_in_one_plan_are_checked_one_by_one(client):
    report = client.plan([(f"/nonexistent/{i}", (7, i)) for i in range(200)])
    assert report.errors == [errno.ESTALE] * 200


def test_the_log_names_the_freeze_after_it_is_over(server, make_fs):
    fs = make_fs("ext4")
    client = server.client()
    client.frozen([fs])
    client.ask(THAW)
    client.close()
    assert wait_until(lambda: "1 mounts, thawed as asked" in server.log())
