# SPDX-License-Identifier: Apache-2.0
"""Who may do what: asked of the real polkitd."""

import os
import signal
import subprocess
import time

import pytest
from harness import DAEMON, ERROR, JOB, MANAGER, NAME, NOBODY, ROOT, WAIT_SEC, Host, wait_until
from test_jobs import bake

NOBODY_MAY_BAKE = """
polkit.addRule(function(action, subject) {
    if (action.id == "org.quiesced1.bake" && subject.user == "nobody")
        return polkit.Result.YES;
    if (action.id == "org.quiesced1.freeze")
        return polkit.Result.NO;
});
"""
NO_RULES = ""
NOT_ASKED = ("--allow-interactive-authorization=no",)

CALLS = {
    "Bake": ("sa{sv}", "nightly", "0"),
    "CreateImage": ("sa{sv}", "web", "0"),
    "CreateSnapshots": ("a{sv}", "0"),
    "Freeze": ("a{sv}", "0"),
    "Inhibit": ("ss", "me", ""),
    "Verify": ("sa{sv}", "ami-1a2b3c4d", "0"),
    "Publish": ("sa{sv}", "ami-1a2b3c4d", "0"),
    "Prune": ("sa{sv}", "nightly", "0"),
    "Deregister": ("asa{sv}", "1", "ami-1a2b3c4d", "0"),
    "DeleteOrphans": ("asa{sv}", "1", "snap-1a2b3c4d", "0"),
}
READING = {
    "ListImages": ("list-images", "a{sv}", "0"),
    "ListSnapshots": ("list-snapshots", "a{sv}", "0"),
    "PlanPrune": ("plan-prune", "sa{sv}", "nightly", "0"),
    "FindOrphans": ("orphans", "a{sv}", "0"),
    "Doctor": ("doctor", "a{sv}", "0"),
}


@pytest.fixture(scope="module")
def allowing():
    with Host(rules=NOBODY_MAY_BAKE, uid=DAEMON) as running:
        yield running


@pytest.fixture(scope="module")
def strict():
    with Host(rules=NO_RULES, uid=DAEMON) as running:
        yield running


@pytest.fixture(scope="module")
def bare():
    with Host() as running:
        yield running


def call(host, method, *arguments, path=ROOT, interface=MANAGER, flags=()):
    return host.bus.busctl(*flags, "call", NAME, path, interface, method, *arguments, uid=NOBODY)


def test_a_rule_lets_a_user_bake(allowing):
    result = call(allowing, "Bake", *CALLS["Bake"])
    assert result.returncode == 0, result.stderr
    allowing.worker("bake").result()
    assert allowing.client.wait_for("JobRemoved")[2][2] == "done"


def test_a_user_who_may_bake_may_cancel_and_inhibit(allowing):
    path = bake(allowing)
    worker = allowing.worker("bake")
    assert call(allowing, "Cancel", path=path, interface=JOB).returncode == 0
    assert worker.receive() == {"request": "cancel"}
    assert call(allowing, "Inhibit", *CALLS["Inhibit"]).returncode == 0
    worker.result("cancelled")
    wait_until(lambda: allowing.client.get("NRunningJobs") == 0, "the end")


def test_a_rule_that_refuses_is_told_apart(allowing):
    result = call(allowing, "Freeze", *CALLS["Freeze"], flags=NOT_ASKED)
    assert "org.quiesced1.freeze" in result.stderr and "rules refuse it;" in result.stderr


def test_who_could_have_been_asked_may_also_have_given_a_wrong_password(allowing):
    result = call(allowing, "Freeze", *CALLS["Freeze"])
    assert "rules refuse it, or the password was not right" in result.stderr


@pytest.mark.parametrize("method", CALLS)
def test_without_a_rule_a_user_needs_a_password(strict, method):
    result = call(strict, method, *CALLS[method])
    assert result.returncode != 0 and "needs a password" in result.stderr
    strict.no_worker(0.05)


def test_interaction_without_an_agent_is_still_refused(strict):
    flags = ["--allow-interactive-authorization=yes"]
    result = call(strict, "Bake", *CALLS["Bake"], flags=flags)
    assert "is not permitted" in result.stderr


def test_the_error_has_its_name(strict):
    result = subprocess.run(
        ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "dbus-send",
         f"--bus={strict.bus.address}", "--print-reply", f"--dest={NAME}", ROOT, f"{MANAGER}.Inhibit",
         "string:me", "string:"],
        capture_output=True, text=True, timeout=WAIT_SEC, check=False,
    )
    assert result.stderr.startswith(f"Error {ERROR}AccessDenied: Inhibit is not permitted")


def test_everyone_may_plan_and_read(strict):
    assert strict.bus.busctl("get-property", NAME, ROOT, MANAGER, "Version", uid=NOBODY).returncode == 0
    assert call(strict, "ListJobs").returncode == 0
    planned = strict.client.pool.submit(call, strict, "Plan", "sa{sv}", "", "0")
    worker = strict.worker("plan")
    worker.report("plan", plan={"method": "register"})
    worker.result()
    assert "register" in planned.result().stdout


@pytest.mark.parametrize("method", READING)
def test_everyone_may_ask_what_there_is(strict, method):
    verb, *arguments = READING[method]
    asked = strict.client.pool.submit(call, strict, method, *arguments)
    worker = strict.worker(verb)
    worker.report("answer", answer={"images": [], "snapshots": []})
    worker.result()
    assert asked.result().returncode == 0


def test_root_is_not_asked_for(strict):
    strict.bus.polkit.send_signal(signal.SIGSTOP)
    try:
        result = strict.bus.busctl("call", NAME, ROOT, MANAGER, "Inhibit", *CALLS["Inhibit"])
        assert result.returncode == 0, result.stderr
    finally:
        strict.bus.polkit.send_signal(signal.SIGCONT)


def test_the_daemon_goes_on_while_polkit_does_not_answer(strict):
    strict.bus.polkit.send_signal(signal.SIGSTOP)
    try:
        waiting = strict.bus.busctl("--timeout=0.3", "call", NAME, ROOT, MANAGER, "Bake", *CALLS["Bake"],
                                    uid=NOBODY)
        assert waiting.returncode != 0
        began = time.monotonic()
        assert strict.client.get("Frozen") is False
        assert time.monotonic() - began < 10, "it waits for no answer"
    finally:
        strict.bus.polkit.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("method", CALLS)
def test_without_polkit_only_root_may(bare, method):
    result = call(bare, method, *CALLS[method])
    assert "without polkit only root may do this" in result.stderr
    bare.no_worker(0.05)


def test_a_stranger_cannot_cancel(bare):
    path = bake(bare)
    worker = bare.worker("bake")
    assert "is not permitted" in call(bare, "Cancel", path=path, interface=JOB).stderr
    assert bare.client.get("State", path=path, interface=JOB) == "running"
    worker.result()
    wait_until(lambda: bare.client.get("NRunningJobs") == 0, "the end")


def test_the_bus_policy_lets_strangers_say_nothing_else(bare):
    # Not an interface that quiesced has: the bus itself refuses it.
    result = bare.bus.busctl("call", NAME, ROOT, "org.example.Other", "Do", uid=NOBODY)
    assert "rejected" in result.stderr.lower() or "denied" in result.stderr.lower()


def test_polkit_is_not_asked_while_something_is_frozen():
    with Host(rules=NOBODY_MAY_BAKE) as host:
        bake(host)
        worker = host.worker("bake")
        worker.freeze()
        wait_until(lambda: host.client.get("Frozen"), "Frozen")
        asked = host.client.pool.submit(call, host, "Inhibit", *CALLS["Inhibit"])
        time.sleep(0.3)
        assert not asked.done()
        # Root is not kept waiting.
        os.close(host.client.call("Inhibit", "(ss)", "root", "")[0])
        worker.report("thawed", frozen_usec=1)
        assert asked.result().returncode == 0


def test_polkit_that_comes_later_is_asked():
    with Host() as host:
        assert "without polkit" in call(host, "Inhibit", *CALLS["Inhibit"]).stderr
        host.bus.start_polkit(NOBODY_MAY_BAKE)
        assert call(host, "Inhibit", *CALLS["Inhibit"]).returncode == 0
