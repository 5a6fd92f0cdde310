# SPDX-License-Identifier: Apache-2.0
"""Participants: told before a freeze, waited for, and told after it."""

import os
import time

import pytest
from harness import JOB, MANAGER, NAME, ROOT, WAIT_SEC, BusError, Host, wait_until
from test_jobs import bake

QUICK = "[Daemon]\nInhibitDelayMaxSec=300ms\n"
# Long enough for one participant to let go, and not too long to wait for another that does not.
UNHURRIED = "[Daemon]\nInhibitDelayMaxSec=2s\n"
PATIENT = "[Daemon]\nInhibitDelayMaxSec=1min\n"


@pytest.fixture
def quick_host():
    with Host(config=QUICK) as running:
        yield running


@pytest.fixture
def unhurried_host():
    with Host(config=UNHURRIED) as running:
        yield running


@pytest.fixture
def patient_host():
    with Host(config=PATIENT) as running:
        yield running


def lock(host, who="database", why="flush"):
    return host.client.call("Inhibit", "(ss)", who, why)[0]


def prepared(worker):
    reply = worker.receive()
    assert reply.pop("reply") == "prepared"
    return reply


def test_without_participants_the_worker_goes_on_at_once(host):
    path = bake(host)
    worker = host.worker("bake")
    worker.report("prepare")
    assert prepared(worker) == {"participants": 0, "agreed": 0}
    assert host.client.wait_for("PrepareForQuiesce", True)[2] == (True, path)


def test_a_participant_is_waited_for(patient_host):
    host = patient_host
    fd = lock(host)
    path = bake(host)
    worker = host.worker("bake")
    worker.report("prepare")
    host.client.wait_for("PrepareForQuiesce", True, path)
    worker.connection.settimeout(0.2)
    with pytest.raises(TimeoutError):
        worker.receive()
    worker.connection.settimeout(WAIT_SEC)
    worker.lines = worker.connection.makefile("rb")
    os.close(fd)
    assert prepared(worker) == {"participants": 1, "agreed": 1}
    assert host.client.get("Participants", path=path, interface=JOB) == [("database", True)]
    worker.report("thawed", frozen_usec=5)
    assert host.client.wait_for("PrepareForQuiesce", False)[2] == (False, path)


def test_one_that_does_not_answer_is_left_behind_and_named(unhurried_host):
    host = unhurried_host
    assert host.client.get("InhibitDelayMaxUSec") == 2000000
    slow, fast = lock(host, "slow"), lock(host, "fast")
    path = bake(host)
    worker = host.worker("bake")
    began = time.monotonic()
    worker.report("prepare")
    host.client.wait_for("PrepareForQuiesce", True)
    os.close(fast)
    assert prepared(worker) == {"participants": 2, "agreed": 1}
    assert 1.9 < time.monotonic() - began < 30
    assert dict(host.client.get("Participants", path=path, interface=JOB)) == {"slow": False, "fast": True}
    assert "'slow' did not release its lock in time" in host.log()
    os.close(slow)


def test_a_lock_taken_while_others_are_waited_for_does_not_count(patient_host):
    host = patient_host
    first = lock(host, "first")
    bake(host)
    worker = host.worker("bake")
    worker.report("prepare")
    host.client.wait_for("PrepareForQuiesce", True)
    late = lock(host, "late")
    os.close(first)
    assert prepared(worker) == {"participants": 1, "agreed": 1}
    os.close(late)


def test_a_duplicate_of_the_lock_still_holds_it(quick_host):
    fd = lock(quick_host)
    copy = os.dup(fd)
    os.close(fd)
    bake(quick_host)
    worker = quick_host.worker("bake")
    worker.report("prepare")
    assert prepared(worker) == {"participants": 1, "agreed": 0}
    os.close(copy)


def test_a_participant_that_ends_lets_go(host):
    # busctl ends with its answer, and the descriptor with it.
    taken = host.bus.busctl("call", NAME, ROOT, MANAGER, "Inhibit", "ss", "gone", "")
    assert taken.returncode == 0
    bake(host)
    worker = host.worker("bake")
    worker.report("prepare")
    assert prepared(worker) == {"participants": 0, "agreed": 0}


def test_whatever_a_holder_writes_wakes_nobody(host):
    fd = lock(host)
    os.write(fd, b"x" * 1000)
    wait_until(lambda: rests(host), "the daemon at rest")
    os.close(fd)


def rests(host):
    """Nothing woke the daemon for a while: one that polls what lies in a pipe never comes to this."""
    before = switches(host)
    time.sleep(0.3)
    return switches(host) == before


def switches(host):
    with open(f"/proc/{host.daemon.pid}/status") as status:
        return sum(int(line.split()[1]) for line in status if "ctxt_switches" in line)


@pytest.mark.parametrize("how", ["killed", "failed"])
def test_a_worker_that_ends_before_the_freeze_releases_the_participants(host, how):
    fd = lock(host)
    path = bake(host)
    worker = host.worker("bake")
    worker.report("prepare")
    host.client.wait_for("PrepareForQuiesce", True)
    worker.kill() if how == "killed" else worker.result("failed", error="PlanRefused", message="no")
    assert host.client.wait_for("PrepareForQuiesce", False)[2] == (False, path)
    host.client.wait_for("JobRemoved")
    assert [s[0] for s in host.client.signals if s[0] in ("PrepareForQuiesce", "JobRemoved")] == [
        "PrepareForQuiesce", "PrepareForQuiesce", "JobRemoved",
    ]
    os.close(fd)
    bake(host, "again")
    host.worker("bake").freeze()


def test_locks_are_limited(host):
    held = [lock(host, f"p{i}") for i in range(64)]
    with pytest.raises(BusError) as caught:
        lock(host, "one too many")
    assert caught.value.name.endswith("Busy")
    os.close(held.pop())
    wait_until(lambda: can_lock(host, held), "room for another")
    for fd in held:
        os.close(fd)


def can_lock(host, held):
    try:
        held.append(lock(host, "again"))
    except BusError:
        return False
    return True


def test_frozen_is_seen_while_it_lasts(host):
    bake(host)
    worker = host.worker("bake")
    worker.freeze()
    wait_until(lambda: host.client.get("Frozen"), "Frozen")
    worker.report("thawed", frozen_usec=1)
    wait_until(lambda: not host.client.get("Frozen"), "the thaw")
    frozen = [v for k, v in host.client.changes("org.quiesced1.Manager") if k == "Frozen"]
    assert frozen == [True, False]


def test_a_worker_killed_while_frozen_ends_the_frozen_state(host):
    bake(host)
    worker = host.worker("bake")
    worker.freeze()
    wait_until(lambda: host.client.get("Frozen"), "Frozen")
    worker.kill()
    wait_until(lambda: not host.client.get("Frozen"), "the end")
    assert host.client.wait_for("PrepareForQuiesce", False)


def test_what_is_logged_while_frozen_is_written_after_the_thaw(host):
    bake(host)
    worker = host.worker("bake")
    worker.freeze()
    wait_until(lambda: host.client.get("Frozen"), "Frozen")
    bake(host, "weekly", if_busy="queue")
    assert "weekly" not in host.log()
    worker.report("thawed", frozen_usec=1)
    wait_until(lambda: "weekly" in host.log(), "the held line")
