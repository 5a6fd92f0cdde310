# SPDX-License-Identifier: Apache-2.0
"""The progress line: on a terminal one line that is redrawn and taken away, elsewhere nothing."""

import fcntl
import os
import pty
import re
import struct
import termios

import pytest
from client import end
from harness import wait_until

ERASE = "\r\x1b[K"


class Terminal:
    """A pseudo-terminal for somebody's standard error, and what was written to it."""

    def __init__(self, columns=80):
        self.fd, self.other = pty.openpty()
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.set_blocking(self.fd, False)
        self.written = ""

    def read(self):
        try:
            self.written += os.read(self.fd, 65536).decode()
        except OSError:  # nothing yet, or nobody holds the other end any more
            pass
        return self.written

    def close(self):
        os.close(self.fd)
        os.close(self.other)


@pytest.fixture
def terminal():
    terminal = Terminal()
    yield terminal
    terminal.close()


def run_bake(host, client, terminal, *arguments, seen):
    process = client.start("image", "web-1", *arguments, stderr=terminal.other)
    worker = host.worker("bake")
    worker.report("step", step="cut")
    if seen:
        wait_until(lambda: seen in terminal.read(), seen)
    worker.freeze()
    worker.report("thawed", frozen_usec=12345, phases={})
    worker.report("step", step="complete")
    worker.report("progress", percent=45)
    if seen:
        wait_until(lambda: "45 %" in terminal.read(), "45 %")
    worker.result(image="ami-1", snapshots=["snap-1"], consistency="filesystem", frozen_usec=12345)
    result = end(process)
    assert result.returncode == 0
    assert "ami-1" in result.stdout and ERASE not in result.stdout
    if seen:  # what is written to a terminal is read from it a moment later
        wait_until(lambda: terminal.read().endswith(ERASE), "the end of the line")
    return terminal.read()


def test_a_terminal_shows_step_percent_and_frozen_time_in_one_line(host, client, terminal, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    written = run_bake(host, client, terminal, seen=": cut")
    assert "\n" not in written
    lines = written.split(ERASE)
    assert re.fullmatch(r"j-\S+: complete, 45 %, frozen 12\.3ms", lines[-2])
    assert lines[-1] == "", "the line is taken away at the end"
    assert len(lines) == len(set(lines)) + 1, "only news is drawn"


def test_the_line_is_cut_to_the_terminals_width(host, client, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal(columns=30)
    process = client.start("snapshot", stderr=terminal.other)
    worker = host.worker("bake")
    worker.report("step", step="complete")
    wait_until(lambda: "comp" in terminal.read() or ": c" in terminal.read(), "the step")
    assert max(map(len, terminal.read().split(ERASE))) == 29
    worker.result(snapshots=["snap-1"])
    assert end(process).returncode == 0
    terminal.close()


@pytest.mark.parametrize("arguments", [["--no-progress"], ["--json", "--no-progress"]])
def test_no_progress_shows_none(host, client, terminal, monkeypatch, arguments):
    monkeypatch.setenv("TERM", "xterm")
    assert run_bake(host, client, terminal, *arguments, seen=None) == ""


def test_a_terminal_that_cannot_erase_shows_none(host, client, terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert run_bake(host, client, terminal, seen=None) == ""


def test_verbose_writes_a_line_for_each_step_even_without_a_terminal(host, client):
    process = client.start("image", "web-1", "--verbose")
    worker = host.worker("bake")
    first = process.stderr.readline()  # from now on it is told of each
    for step in ("identity", "plan", "cut"):
        worker.report("step", step=step)
    worker.report("progress", percent=1)
    worker.report("progress", percent=2)
    worker.result(image="ami-1", snapshots=["snap-1"])
    result = end(process)
    lines = [line.split(": ", 1)[1] for line in (first + result.stderr).splitlines()]
    assert [line for line in lines if line in ("identity", "plan", "cut")] == ["identity", "plan", "cut"]
    assert len(lines) == len(set(lines)) and "%" not in result.stderr


def test_without_a_terminal_standard_error_stays_empty(host, client):
    process = client.start("image", "web-1")
    worker = host.worker("bake")
    worker.report("step", step="cut")
    worker.result(image="ami-1", snapshots=["snap-1"])
    assert end(process).stderr == ""
