# SPDX-License-Identifier: Apache-2.0
"""A freeze for another tool lasts as long as its descriptor."""

import os
import select

import pytest
from gi.repository import GLib
from harness import JOB, WAIT_SEC, BusError, Client, wait_until
from test_jobs import bake, fails


def begin(host, **options):
    return host.client.begin("Freeze", "(a{sv})", options)


def frozen(host, **options):
    """The worker and the holder's descriptor, in the middle of the freeze."""
    call = begin(host, **options)
    worker = host.worker("freeze")
    worker.freeze()
    assert not call.done()
    worker.report("frozen")
    return worker, call.result()[0]


def ended(fd, patience=WAIT_SEC):
    """True once the other end of the descriptor is closed."""
    poll = select.poll()
    poll.register(fd, 0)
    return bool(poll.poll(patience * 1000))


def test_the_descriptor_comes_once_it_is_frozen(host):
    worker, fd = frozen(host, **{"budget-usec": GLib.Variant("t", 4000000)})
    assert worker.request["kind"] == "freeze" and worker.request["options"] == {"budget-usec": 4000000}
    assert host.client.get("Frozen") is True
    assert not ended(fd, 0.1)
    os.close(fd)


def test_closing_it_thaws(host):
    worker, fd = frozen(host)
    os.close(fd)
    assert worker.receive() == {"request": "thaw"}
    worker.report("thawed", frozen_usec=900)
    worker.result(frozen_usec=900)
    _, path, (_, _, result) = host.client.wait_for("JobRemoved")
    assert result == "done" and host.client.get("Frozen") is False
    job = host.client.call("ListJobs")[0][0]
    assert job[2] == "freeze"
    assert host.client.get("FrozenUSec", path=job[1], interface=JOB) == 900
    assert host.client.get("LastBake") == {}, "a freeze is no bake"


def test_every_copy_must_be_closed(host):
    worker, fd = frozen(host)
    copy = os.dup(fd)
    os.close(fd)
    worker.connection.settimeout(0.2)
    with pytest.raises(TimeoutError):
        worker.receive()
    os.close(copy)


def test_the_end_of_the_budget_ends_the_descriptor(host):
    worker, fd = frozen(host)
    worker.report("thawed", frozen_usec=5)
    assert ended(fd)
    assert os.read(fd, 1) == b""
    worker.result("failed", error="FreezeTimeout", message="The budget ended")
    assert host.client.wait_for("JobRemoved")[2][2] == "failed"
    os.close(fd)


def test_a_dead_worker_ends_the_descriptor(host):
    worker, fd = frozen(host)
    worker.kill()
    assert ended(fd)
    assert host.client.wait_for("JobRemoved")[2][2] == "failed"
    host.no_worker()
    os.close(fd)


def test_a_dead_daemon_ends_the_descriptor(host):
    _worker, fd = frozen(host)
    host.daemon.kill()
    host.daemon.wait()
    assert ended(fd)
    host.start()
    os.close(fd)


def test_cancel_thaws(host):
    worker, fd = frozen(host)
    path = host.client.call("ListJobs")[0][0][1]
    host.client.call("Cancel", path=path, interface=JOB)
    assert worker.receive() == {"request": "cancel"}
    worker.report("thawed", frozen_usec=5)
    assert ended(fd)
    worker.result("cancelled")
    os.close(fd)


def test_a_freeze_that_fails_says_why(host):
    call = begin(host)
    worker = host.worker("freeze")
    worker.result("failed", error="ForeignFreeze", message="/data is frozen by someone else")
    assert "/data is frozen" in fails(call, "ForeignFreeze")


def test_a_client_that_is_gone_holds_nothing(host):
    # Its answer goes to nobody, and takes the only copy of the descriptor along.
    client = Client(host.bus.address)
    client.begin("Freeze", "(a{sv})", {})
    worker = host.worker("freeze")
    client.close()
    worker.freeze()
    worker.report("frozen")
    assert worker.receive() == {"request": "thaw"}


def test_a_freeze_is_a_job_like_others(host):
    bake(host)
    worker = host.worker("bake")
    fails(begin(host), "Busy")
    queued = begin(host, **{"if-busy": GLib.Variant("s", "queue")})
    wait_until(lambda: host.client.get("NRunningJobs") == 2, "the queue")
    worker.result()
    freezer = host.worker("freeze")
    freezer.freeze()
    freezer.report("frozen")
    os.close(queued.result()[0])


def test_no_other_process_gets_the_descriptor(host):
    _worker, fd = frozen(host)
    mine = os.stat(fd).st_ino
    # A worker started meanwhile: were the other end inherited, it would outlive our closing.
    host.client.begin("Rescan")
    other = host.worker("survey")
    inodes = {os.stat(f"/proc/{other.pid}/fd/{n}").st_ino for n in os.listdir(f"/proc/{other.pid}/fd")}
    assert mine not in inodes
    assert len(inodes - {os.stat("/dev/null").st_ino}) <= 5
    os.close(fd)


def test_a_bake_that_says_frozen_is_not_answered_with_a_descriptor(host):
    bake(host)
    worker = host.worker("bake")
    worker.freeze()
    worker.report("frozen")
    worker.report("thawed", frozen_usec=1)
    worker.result()
    assert host.client.wait_for("JobRemoved")[2][2] == "done"


def test_a_worker_that_says_frozen_twice_gives_one_descriptor(host):
    worker, fd = frozen(host)
    worker.report("frozen")
    # Nobody waits for a second one: it has nothing to hold, and is told to thaw.
    assert worker.receive() == {"request": "thaw"}
    os.close(fd)


def test_busy_is_told_of_a_freeze(host):
    _worker, fd = frozen(host)
    with pytest.raises(BusError) as caught:
        bake(host)
    assert "(freeze) is running" in caught.value.message
    os.close(fd)
