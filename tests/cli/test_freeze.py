# SPDX-License-Identifier: Apache-2.0
"""freeze -- COMMAND: the command runs inside the freeze, and its status counts only if that held."""

import os
import signal
import time

import pytest
from client import end
from harness import WAIT_SEC, wait_until

UNTIL_TOLD = "while [ ! -e $D/end ]; do sleep 0.02; done"


def freeze(worker):
    worker.report("prepare")
    assert worker.receive()["reply"] == "prepared"
    worker.report("freezing")
    worker.report("frozen")


def thaw(worker):
    """The client has let go, and the worker does as it is told."""
    assert worker.receive() == {"request": "thaw"}
    worker.report("thawed", frozen_usec=1000, phases={})
    worker.result()


@pytest.fixture
def started(host, client, tmp_path):
    """Begins `freeze -- sh -c SCRIPT`; the script's folder is $D."""

    def start(script, *options):
        process = client.start("freeze", *options, "--", "sh", "-c", f"D={tmp_path}; {script}")
        return process, host.worker("freeze")

    return start


def test_the_command_runs_while_frozen_and_not_before(host, started, tmp_path):
    process, worker = started("touch $D/ran; echo out; echo err >&2; exit 7")
    time.sleep(0.2)
    assert not (tmp_path / "ran").exists()
    freeze(worker)
    thaw(worker)
    result = end(process)
    assert (tmp_path / "ran").exists()
    assert (result.returncode, result.stdout, result.stderr) == (7, "out\n", "err\n")


def test_it_stays_frozen_until_the_command_ends(host, started, tmp_path):
    process, worker = started(f"touch $D/ran; {UNTIL_TOLD}")
    freeze(worker)
    wait_until((tmp_path / "ran").exists, "the command")
    worker.connection.settimeout(0.3)
    with pytest.raises(TimeoutError):
        worker.connection.recv(1)
    worker.connection.settimeout(WAIT_SEC)
    (tmp_path / "end").touch()
    worker.lines = worker.connection.makefile("rb")
    thaw(worker)
    assert end(process).returncode == 0


def test_options_reach_the_worker(host, started):
    process, worker = started("true", "--budget=2s", "--volume=/data", "--exclude=vol-1", "--queue")
    assert worker.request["options"] == {"budget-usec": 2000000, "volumes": ["/data"], "exclude": ["vol-1"]}
    freeze(worker)
    thaw(worker)
    assert end(process).returncode == 0


def test_the_commands_signal_is_passed_on(host, started):
    process, worker = started("kill -KILL $$")
    freeze(worker)
    thaw(worker)
    assert end(process).returncode == 137


def test_a_freeze_that_fails_runs_nothing(host, started, tmp_path):
    process, worker = started("touch $D/ran")
    worker.result("failed", error="FreezeFailed", message="/data: cannot be frozen")
    result = end(process)
    assert result.returncode == 1
    assert "/data: cannot be frozen" in result.stderr and "(FreezeFailed)" in result.stderr
    assert not (tmp_path / "ran").exists()


def test_a_lost_freeze_lets_the_command_finish_and_gives_1(host, started, tmp_path):
    process, worker = started(f"echo first; {UNTIL_TOLD}; echo last")
    freeze(worker)
    assert process.stdout.readline() == "first\n"
    worker.report("thawed", frozen_usec=1000, phases={})
    worker.result("failed", error="FreezeTimeout", message="the budget of 1s was over")
    assert "ended before the command did" in process.stderr.readline()
    (tmp_path / "end").touch()
    result = end(process)
    assert result.returncode == 1
    assert result.stdout == "last\n"
    assert "--budget=" in result.stderr


def test_the_daemon_has_the_last_word_on_whether_it_held(host, started):
    process, worker = started("true")
    freeze(worker)
    assert worker.receive() == {"request": "thaw"}
    worker.report("thawed", frozen_usec=1000, phases={})
    worker.result("failed", error="FreezeTimeout", message="the budget of 1s was over")
    result = end(process)
    assert result.returncode == 1
    assert "(FreezeTimeout)" in result.stderr and "do not use" in result.stderr


def test_a_worker_that_dies_is_a_lost_freeze(host, started, tmp_path):
    process, worker = started(f"touch $D/ran; {UNTIL_TOLD}")
    freeze(worker)
    wait_until((tmp_path / "ran").exists, "the command")
    worker.kill()
    assert "ended before the command did" in process.stderr.readline()
    (tmp_path / "end").touch()
    assert end(process).returncode == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_thaws_at_once_and_is_passed_to_the_command(host, started, tmp_path, number):
    process, worker = started(
        f"trap 'touch $D/got; exit' {number.name[3:]}; touch $D/ran; while :; do sleep 0.02; done"
    )
    freeze(worker)
    wait_until((tmp_path / "ran").exists, "the command")
    process.send_signal(number)
    thaw(worker)
    result = end(process)
    assert result.returncode == 128 + number
    assert "thawed early" in result.stderr
    assert (tmp_path / "got").exists()


def test_a_killed_quiescectl_thaws(host, started, tmp_path):
    process, worker = started(f"exec >/dev/null 2>&1; touch $D/ran; {UNTIL_TOLD}")
    freeze(worker)
    wait_until((tmp_path / "ran").exists, "the command")
    process.kill()
    thaw(worker)
    (tmp_path / "end").touch()
    assert end(process).returncode == -signal.SIGKILL


def test_a_command_that_is_not_there_is_found_out_before_anything_is_frozen(host, client, tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("")
    for command, status in (("no-such-command", 127), (tmp_path / "none", 127), (plain, 126), (tmp_path, 126)):
        result = client.run("freeze", "--", command)
        assert result.returncode == status, command
        assert f"cannot run '{command}'" in result.stderr and "nothing was frozen" in result.stderr
    host.no_worker()


def test_a_command_is_looked_for_in_path(host, client, tmp_path, monkeypatch):
    program = tmp_path / "my-command"
    program.write_text("exit 5\n")  # no "#!": a shell runs it
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"/nonexistent:{tmp_path}:{os.environ['PATH']}")
    process = client.start("freeze", "my-command")
    worker = host.worker("freeze")
    freeze(worker)
    thaw(worker)
    assert end(process).returncode == 5
