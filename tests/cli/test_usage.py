# SPDX-License-Identifier: Apache-2.0
"""Wrong usage: exit status 2, and one message that names the argument. No bus is needed for it."""

import subprocess

import pytest
from client import QUIESCECTL, environment, quiescectl

WRONG = [
    ([], "needs a verb"),
    (["bogus"], "'bogus'"),
    (["--bogus"], "'--bogus'"),
    (["--json", "status"], "'--json' comes before the verb"),
    (["status", "extra"], "'extra'"),
    (["status", "--bogus"], "'--bogus'"),
    (["status", "-x"], "'-x'"),
    (["status", "--json=yes"], "'--json' takes no value"),
    (["volumes", "--wait=queued"], "'--wait=queued'"),
    (["plan", "one", "two"], "'two'"),
    (["plan", "one", "--kind=image"], "--kind=image"),
    (["plan", "--kind=other"], "--kind=other must be one of image, snapshots"),
    (["plan", ""], "the argument is empty; give [PROFILE]"),
    (["image"], "NAME"),
    (["image", ""], "the argument is empty; give NAME"),
    (["image", "abc", "def"], "'def'"),
    (["image", "abc", "--method=magic"], "--method=magic must be one of auto, register, create-image, reboot, bundle"),
    (["image", "abc", "--method"], "--method=METHOD"),
    (["image", "abc", "--consistency=total"], "--consistency=total"),
    (["image", "abc", "--on-degrade=panic"], "--on-degrade=panic"),
    (["image", "abc", "--wait=forever"], "--wait=forever"),
    (["image", "abc", "--budget=soon"], "--budget=soon must be a time span"),
    (["image", "abc", "--budget=0"], "--budget=0 must be between 1s and 30s"),
    (["image", "abc", "--budget=31s"], "--budget=31s must be between 1s and 30s"),
    (["image", "abc", "--budget=18446744073709551616"], "--budget=18446744073709551616"),
    (["image", "abc", "--volume=data"], "--volume=data must be a volume id"),
    (["image", "abc", "--exclude="], "--exclude= must be a volume id"),
    (["image", "abc", "--tag=plain"], "--tag=plain must be KEY=VALUE"),
    (["image", "abc", "--tag==x"], "--tag==x must be KEY=VALUE"),
    (["image", "abc", "--tag=aws:x=1"], "--tag=aws:x=1"),
    (["image", "abc", "--tag=quiesced:job=1"], "--tag=quiesced:job=1"),
    (["image", "abc", "--tag=a=1", "--tag=a=2"], "--tag=a=2"),
    (["image", "abc", "--tag=" + "k" * 128 + "=1"], "127 bytes of key"),
    (["image", "abc", "--description="], "--description= must not be empty"),
    (["image", "abc", "--no-freeze", "--consistency=filesystem"], "--consistency=filesystem"),
    (["image", "abc", "--no-freeze", "--budget=5s"], "--budget"),
    (["image", "abc", "--quiet", "--verbose"], "--quiet and --verbose"),
    (["snapshot", "--method=register"], "'--method=register'"),
    (["snapshot", "vol-1"], "'vol-1'"),
    (["bake"], "PROFILE"),
    (["bake", ""], "the argument is empty; give PROFILE"),
    (["cancel"], "JOB"),
    (["images", "ami-1"], "'ami-1'"),
    (["images", "--profile="], "--profile= must not be empty"),
    (["images", "--profile"], "--profile=PROFILE"),
    (["snapshots", "--wait=queued"], "'--wait=queued'"),
    (["snapshots", "--all=yes"], "'--all' takes no value"),
    (["verify"], "needs the id of an IMAGE"),
    (["verify", "ami-1", "ami-2"], "'ami-2'"),
    (["verify", "ami-1", "--wait=secured"], "--wait=secured must be one of queued, completed"),
    (["prune"], "needs the name of a PROFILE"),
    (["prune", "nightly", "--force"], "'--force'"),
    (["prune", "nightly", "--dry-run", "--wait=queued"], "--dry-run begins no job; leave out --wait"),
    (["prune", "nightly", "--dry-run", "--queue"], "--dry-run begins no job; leave out --queue"),
    (["deregister"], "needs the id of an IMAGE"),
    (["deregister", "ami-1", ""], "the argument is empty; give IMAGE..."),
    (["deregister", *["ami-1"] * 1001], "one argument too many: 'ami-1'"),
    (["deregister", "ami-1", "--override=all"], "--override=all must be one of protected, locked"),
    (["orphans", "snap-1"], "'snap-1'"),
    (["orphans", "--yes"], "--yes answers what --delete asks"),
    (["orphans", "--delete"], "--delete has no terminal to ask at; give --yes"),
    (["orphans", "--delete", "--json"], "--delete with --json"),
    (["orphans", "--delete", "--quiet"], "--delete with --quiet"),
    (["orphans", "--wait=queued"], "'--wait=queued'"),
    (["doctor", "one", "two"], "'two'"),
    (["doctor", "--all"], "'--all'"),
    (["jobs", "--quiet"], "'--quiet'"),
    (["freeze"], "quiescectl freeze -- COMMAND"),
    (["freeze", "--"], "quiescectl freeze -- COMMAND"),
    (["freeze", "--json", "--", "true"], "'--json'"),
]


@pytest.mark.parametrize("arguments, named", WRONG, ids=[" ".join(a)[:60] or "nothing" for a, _ in WRONG])
def test_wrong_usage_is_named_in_one_message_and_gives_2(arguments, named):
    result = quiescectl(*arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert named in result.stderr
    assert "--help'" in result.stderr


def test_options_are_taken_before_and_after_operands_and_abbreviated():
    for arguments in (["image", "--bud=99s", "abc"], ["image", "abc", "--budget", "99s"]):
        assert "--budget=99s must be between" in quiescectl(*arguments).stderr


def test_what_follows_the_command_of_a_freeze_is_the_commands_own():
    result = quiescectl("freeze", "true", "--bogus")
    assert result.returncode == 1
    assert "cannot reach the system bus" in result.stderr


def test_version():
    result = quiescectl("--version")
    assert result.returncode == 0
    assert result.stdout.startswith("quiesced ")


def test_without_a_bus_the_message_says_what_to_look_at():
    for verb in (["status"], ["volumes"], ["plan"], ["image", "abc"], ["jobs"], ["cancel", "j-1"], ["images"],
                 ["snapshots"], ["verify", "ami-1"], ["prune", "web"], ["prune", "web", "--dry-run"],
                 ["deregister", "ami-1"], ["orphans"], ["orphans", "--delete", "--yes"], ["doctor"]):
        result = quiescectl(*verb)
        assert result.returncode == 1, verb
        assert "cannot reach the system bus" in result.stderr
        assert "systemctl status dbus" in result.stderr
        assert result.stderr.count("\n") == 1


def test_output_that_cannot_be_written_is_a_failure():
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [QUIESCECTL, "--help"], env=environment(), stdout=full, stderr=subprocess.PIPE, text=True,
            check=False,
        )
    assert result.returncode == 1
    assert "standard output" in result.stderr
