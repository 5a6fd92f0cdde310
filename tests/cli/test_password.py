# SPDX-License-Identifier: Apache-2.0
"""At a terminal, quiescectl has polkit ask for the password."""

import contextlib
import subprocess

import pytest
from client import QUIESCECTL, environment
from harness import DAEMON, NOBODY, WAIT_SEC, Host, wait_until

RULES = """
polkit.addRule(function(action, subject) {
    if (action.id == "org.quiesced1.bake")
        return polkit.Result.AUTH_SELF;
});
"""


@pytest.fixture
def asking():
    with Host(rules=RULES, uid=DAEMON) as host:
        yield host


def as_nobody(host, *command, **options):
    return subprocess.Popen(
        ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command],
        env=environment(host.bus.env()), stdin=subprocess.PIPE, text=True,
        stderr=subprocess.STDOUT, **options)


def answered(caller, text):
    """Typed until it was read: what is typed while the prompt is being set up is thrown away."""
    def typed():
        with contextlib.suppress(BrokenPipeError):
            caller.stdin.write(text)
            caller.stdin.flush()
        with contextlib.suppress(subprocess.TimeoutExpired):
            caller.wait(1)
        return caller.poll() is not None

    wait_until(typed, "the end")
    with contextlib.suppress(BrokenPipeError):
        caller.stdin.close()
    return caller.returncode


def test_a_terminal_is_asked_for_the_password(asking, tmp_path):
    screen = tmp_path / "screen"
    command = f"{QUIESCECTL} image web-1"
    with screen.open("w") as file:
        caller = as_nobody(asking, "script", "--quiet", "--return", "--command", command, "/dev/null",
                           stdout=file)
        wait_until(lambda: "Password:" in screen.read_text(), "the question")
        assert answered(caller, "not the password\n") == 1
    said = screen.read_text()
    assert "Authentication is required to take a snapshot or an image of this instance" in said
    assert "or the password was not right" in said
    asking.no_worker(0.05)


def test_without_a_terminal_nobody_is_asked(asking):
    caller = as_nobody(asking, str(QUIESCECTL), "image", "web-1", stdout=subprocess.PIPE)
    said, _ = caller.communicate(timeout=WAIT_SEC)
    assert caller.returncode == 1
    assert "needs a password" in said and "Authentication is required" not in said
