# SPDX-License-Identifier: Apache-2.0
"""status --announce: one line once the boot has ended, in the form that a verification looks for."""

import re
import time

import pytest
from client import Client
from fake_systemd import Systemd
from harness import WAIT_SEC, Host
from lab.paths import TESTS
from test_verbs import IDENTITY, end

IDENTITY = {**IDENTITY, "image_id": "ami-0123456789abcdef0"}
LINE = "quiesced: i-0123456789abcdef0 runs ami-0123456789abcdef0 ({})\n"


@pytest.fixture
def fresh():
    """The daemon has not found out where it runs."""
    with Host(survey=False) as host:
        client = Client(host)
        yield host, client
        client.close()


def survey(host):
    worker = host.worker("survey")
    worker.report("identity", **IDENTITY)
    worker.result()


@pytest.mark.parametrize("state", ["running", "degraded"])
def test_it_waits_for_the_end_of_the_boot(fresh, state):
    host, client = fresh
    with Systemd(host.bus, "starting") as systemd:
        process = client.start("status", "--announce")
        assert systemd.subscribed.wait(WAIT_SEC)
        survey(host)
        time.sleep(0.2)
        assert process.poll() is None
        systemd.finish(state)
        result = end(process)
    assert (result.returncode, result.stdout, result.stderr) == (0, LINE.format(state), "")


def test_after_the_boot_it_speaks_at_once(fresh):
    host, client = fresh
    survey(host)
    with Systemd(host.bus, "running"):
        assert client.run("status", "--announce").stdout == LINE.format("running")


def test_a_signal_that_is_not_the_end_is_not_taken_for_it(fresh):
    host, client = fresh
    survey(host)
    with Systemd(host.bus, "initializing") as systemd:
        process = client.start("status", "--announce")
        assert systemd.subscribed.wait(WAIT_SEC)
        systemd.finish("starting")
        time.sleep(0.2)
        assert process.poll() is None
        systemd.finish("running")
        assert end(process).stdout == LINE.format("running")


def test_a_machine_that_is_no_instance_says_nothing_on_its_console(fresh):
    host, client = fresh
    with Systemd(host.bus, "running"):
        process = client.start("status", "--announce")
        host.worker("survey").result("failed", error="NotOnEC2", message="not on EC2")
        result = end(process)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", "quiescectl: not on EC2\n")


def test_without_systemd_it_fails_in_words(fresh):
    _, client = fresh
    result = client.run("status", "--announce")
    assert result.returncode == 1 and result.stdout == "" and result.stderr.startswith("quiescectl: ")


def test_what_is_written_is_what_is_looked_for():
    """The two ends of the marker lie in layers that do not see each other."""
    written = re.search(r'printf\("(quiesced: .*)\\n"', (TESTS.parent / "agent/cli/announce.c").read_text())
    sought = re.search(r'"(quiesced: .*)"', (TESTS.parent / "agent/flow/console.c").read_text())
    assert written.group(1).startswith(sought.group(1))
