# SPDX-License-Identifier: Apache-2.0
"""A shutdown or sleep: put off while something may be frozen, and never the end of a window."""

import os
import signal
import time

import pytest

from fake_logind import DENIED, IN_PROGRESS, SUBJECTS, Logind, announce
from harness import ERROR, JOB, STOP_SEC, BusError, Host, wait_until
from test_inhibit import lock, prepared
from test_jobs import bake, image, state

LOCKS = len(SUBJECTS)
ROUND_LIMIT = "[Daemon]\nInhibitDelayMaxSec=1min\n"
SIGNALS = ("PrepareForShutdown", "PrepareForSleep")


@pytest.fixture
def logind(host):
    with Logind(host.bus) as running:
        yield running


def prepare(host):
    """A job that is about to freeze."""
    path = bake(host)
    worker = host.worker("bake")
    worker.report("prepare")
    return path, worker


def freeze(host):
    path, worker = prepare(host)
    assert prepared(worker) == {"participants": 0, "agreed": 0}
    worker.report("freezing")
    wait_until(lambda: host.client.get("Frozen"), "Frozen")
    return path, worker


def test_it_is_delayed_from_the_first_participant_to_the_thaw(host, logind):
    path = bake(host)
    worker = host.worker("bake")
    worker.report("step", step="plan")
    wait_until(lambda: host.client.get("Step", path=path, interface=JOB) == "plan", "the step")
    assert logind.asked == []
    worker.freeze()
    assert [(one[0], one[1], one[3]) for one in logind.asked] == [
        (subject, "quiesced", "delay") for subject in SUBJECTS]
    logind.wait_until_held(LOCKS)
    worker.report("thawed", frozen_usec=1)
    logind.wait_until_held(0)
    worker.report("secured", snapshots=["snap-1"], consistency="filesystem")
    worker.result(snapshots=["snap-1"], consistency="filesystem")
    host.client.wait_for("JobRemoved")
    assert logind.held() == 0 and len(logind.asked) == LOCKS


def test_each_further_try_is_delayed_as_well(host, logind):
    _, worker = freeze(host)
    worker.report("thawed", frozen_usec=1)
    logind.wait_until_held(0)
    worker.freeze()
    logind.wait_until_held(LOCKS)
    assert len(logind.asked) == 2 * LOCKS


@pytest.mark.parametrize("how", ["killed", "failed"])
def test_a_worker_that_ends_delays_nothing_any_more(host, logind, how):
    _, worker = freeze(host)
    logind.wait_until_held(LOCKS)
    worker.kill() if how == "killed" else worker.result("failed", error="FreezeFailed", message="no")
    logind.wait_until_held(0)


@pytest.mark.parametrize("signal_name", SIGNALS)
def test_what_has_not_frozen_yet_is_cancelled(signal_name):
    with Host(config=ROUND_LIMIT) as host, Logind(host.bus) as logind:
        participant = lock(host)
        path, worker = prepare(host)
        host.client.wait_for("PrepareForQuiesce", True, path)
        logind.tell(signal_name)
        assert worker.receive() == {"request": "cancel"}
        assert "about to shut down or sleep" in host.log()
        logind.tell(signal_name)
        worker.result("cancelled", error="Cancelled", message="The job was cancelled")
        logind.wait_until_held(0)
        assert host.client.wait_for("PrepareForQuiesce", False, path)
        assert host.log().count("about to shut down or sleep") == 1
        os.close(participant)


@pytest.mark.parametrize("signal_name", SIGNALS)
def test_what_is_frozen_finishes_its_window(host, logind, signal_name):
    path, worker = freeze(host)
    logind.tell(signal_name)
    worker.report("thawed", frozen_usec=1)
    logind.wait_until_held(0)
    worker.report("secured", snapshots=["snap-1"], consistency="filesystem")
    wait_until(lambda: state(host, path) == "secured", "the point in time")
    assert "about to shut down" not in host.log()


def test_what_needed_no_freeze_delays_nothing_behind_its_window(host, logind):
    path, worker = prepare(host)
    assert prepared(worker)["participants"] == 0
    logind.wait_until_held(LOCKS)
    worker.report("thawed", frozen_usec=0)
    logind.wait_until_held(0)
    assert host.client.wait_for("PrepareForQuiesce", False, path)
    worker.report("secured", snapshots=["snap-1"], consistency="crash")
    logind.tell("PrepareForShutdown")
    worker.result(snapshots=["snap-1"], consistency="crash")
    host.client.wait_for("JobRemoved")
    assert state(host, path) == "done" and "about to shut down" not in host.log()


def test_the_end_of_a_sleep_cancels_nothing(host, logind):
    path, worker = prepare(host)
    assert prepared(worker)["participants"] == 0
    logind.tell("PrepareForSleep", begins=False)
    worker.report("freezing")
    wait_until(lambda: host.client.get("Frozen"), "Frozen")
    assert state(host, path) == "running"


@pytest.mark.parametrize("begun", [("shutdown",), ("sleep",), SUBJECTS])
def test_nobody_is_asked_to_be_quiet_once_it_has_begun(host, logind, begun):
    logind.refusal, logind.refused = IN_PROGRESS, begun
    path, worker = prepare(host)
    assert worker.receive() == {"request": "cancel"}
    worker.result("cancelled", error="Cancelled", message="The job was cancelled")
    host.client.wait_for("JobRemoved")
    assert host.client.seen("PrepareForQuiesce") == []
    assert state(host, path) == "cancelled"


def test_a_signal_that_is_not_from_logind_is_not_believed(host, logind):
    _, worker = prepare(host)
    prepared(worker)
    owner = host.bus.busctl("call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                            "GetNameOwner", "s", "org.quiesced1").stdout.split('"')[1]
    announce(host.client.connection, "PrepareForShutdown", True, destination=owner)
    announce(host.client.connection, "PrepareForShutdown", True)
    host.client.get("Version")  # it has been read
    worker.report("freezing")
    wait_until(lambda: host.client.get("Frozen"), "Frozen")
    assert "about to shut down" not in host.log()


@pytest.mark.parametrize("refusal", ["org.freedesktop.DBus.Error.AccessDenied",
                                     "org.freedesktop.DBus.Error.LimitsExceeded"])
def test_a_logind_that_refuses_is_done_without(host, logind, refusal):
    logind.refusal = refusal
    freeze(host)
    assert len(logind.asked) == LOCKS


@pytest.mark.parametrize("refused", SUBJECTS)
def test_what_logind_grants_is_held_without_the_rest(host, logind, refused):
    logind.refusal, logind.refused = DENIED, (refused,)
    freeze(host)
    assert len(logind.asked) == LOCKS and logind.held() == 1


def test_a_logind_that_is_silent_is_not_waited_for_long(host, logind):
    logind.silent = True
    began = time.monotonic()
    freeze(host)
    assert 4.5 < time.monotonic() - began < 45


def test_a_job_that_is_cancelled_while_logind_is_silent_gets_no_answer(host, logind):
    logind.silent = True
    path, worker = prepare(host)
    wait_until(lambda: logind.asked, "the question")
    host.client.call("Cancel", path=path, interface=JOB)
    assert worker.receive() == {"request": "cancel"}
    worker.result("cancelled", error="Cancelled", message="The job was cancelled")
    host.client.wait_for("JobRemoved")
    logind.silent = False
    freeze(host)


def test_a_stopped_daemon_lets_the_window_end_and_leaves_the_rest_to_the_next(host):
    path, worker = freeze(host)
    host.daemon.send_signal(signal.SIGTERM)
    host.record(worker.request["job"], state="cut")
    with pytest.raises(BusError) as caught:
        image(host, "new").result()
    assert caught.value.name == ERROR + "Busy"
    worker.report("thawed", frozen_usec=7)
    wait_until(lambda: not host.client.get("Frozen"), "the thaw")
    assert state(host, path) == "running"
    worker.report("secured", snapshots=["snap-1"], consistency="filesystem")
    assert host.daemon.wait(STOP_SEC) == 0
    with pytest.raises((AssertionError, ConnectionResetError)):
        worker.receive()  # it was killed, and never told to cancel
    host.survey = False
    host.start()
    host.worker("survey")
    assert host.worker("resume").request["job"] == worker.request["job"]


def is_being_stopped(host):
    with pytest.raises(BusError) as caught:
        host.client.call("CreateImage", "(sa{sv})", "new", {})
    return "being stopped" in caught.value.message


def test_a_stopped_daemon_lets_nothing_freeze_once_more(host):
    _, worker = freeze(host)
    host.daemon.send_signal(signal.SIGTERM)
    wait_until(lambda: is_being_stopped(host), "it knows")
    worker.report("thawed", frozen_usec=7)
    worker.report("prepare")
    assert worker.receive() == {"request": "cancel"}
    worker.result("cancelled", error="Cancelled", message="The job was cancelled")
    assert host.daemon.wait(STOP_SEC) == 0
    host.start()


def test_a_stopped_daemon_takes_the_failure_of_a_window(host):
    path, worker = freeze(host)
    host.daemon.send_signal(signal.SIGTERM)
    worker.report("thawed", frozen_usec=7)
    worker.result("failed", error="ApiTimeout", message="no answer")
    assert host.client.wait_for("JobRemoved")[2][1:] == (path, "failed")
    assert host.daemon.wait(STOP_SEC) == 0
    host.start()


def test_a_freeze_for_another_program_ends_with_the_daemon(host):
    call = host.client.begin("Freeze", "(a{sv})", {})
    worker = host.worker("freeze")
    worker.freeze()
    worker.report("frozen")
    (fd,) = call.result()
    host.daemon.send_signal(signal.SIGTERM)
    assert worker.receive() == {"request": "cancel"}
    worker.report("thawed", frozen_usec=7)
    worker.result()
    assert host.daemon.wait(STOP_SEC) == 0
    os.close(fd)
    host.start()
