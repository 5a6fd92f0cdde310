# SPDX-License-Identifier: Apache-2.0
"""Man pages and completion name every verb, option and key that there is, and no other."""

import re
import subprocess

import pytest
from client import quiescectl
from completion import SCRIPT, complete
from lab.paths import TESTS

TOP = TESTS.parent
MAN = TOP / "man"
PAGES = sorted(MAN.glob("*.[0-9]"))
KEY_TABLES = {"quiesced.conf.5": "settings.c", "quiesced.profile.5": "profile.c"}


def verbs():
    found = re.findall(r"^  ([a-z]+) ", quiescectl("--help").stdout, re.MULTILINE)
    assert len(found) >= 16
    return found


def options_of(verb):
    result = quiescectl(verb, "--help")
    assert result.returncode == 0
    found = set(re.findall(r"^  (?:-.,|   ) --([a-z0-9-]+)", result.stdout, re.MULTILINE))
    assert "help" in found
    return found


def page(name):
    return (MAN / name).read_text()


def test_every_verb_has_its_entry_in_the_man_page():
    entries = re.findall(r"^\.It Cm ([a-z]+)", page("quiescectl.1").split(".Sh OPTIONS")[0], re.MULTILINE)
    assert sorted(entries) == sorted(verbs())
    synopsis = page("quiescectl.1").split(".Sh DESCRIPTION")[0]
    assert re.findall(r"^\.Cm ([a-z]+)$", synopsis, re.MULTILINE) == verbs()


def test_every_option_has_its_entry_in_the_man_page():
    text = page("quiescectl.1").split(".Sh OPTIONS")[1].split(".Sh RUNNING")[0]
    entries = set(re.findall(r"^\.It (?:Fl [a-z] , )?Fl -([a-z0-9-]+)", text, re.MULTILINE))
    assert entries == set().union(*map(options_of, verbs())) | {"version"}


@pytest.mark.parametrize("option, values", [
    ("kind", ["image", "snapshots"]),
    ("method", ["auto", "register", "create-image", "reboot", "bundle"]),
    ("consistency", ["application", "filesystem", "crash"]),
    ("on-degrade", ["fail", "label"]),
    ("wait", ["queued", "secured", "completed"]),
    ("override", ["protected", "locked"]),
    ("architecture", ["i386", "x86_64"]),
])
def test_the_values_of_an_option_are_documented_and_completed(option, values):
    verb = {"kind": "plan", "override": "deregister", "architecture": "bundle"}.get(option, "image")
    refused = quiescectl(verb, "abc", f"--{option}=bogus").stderr
    assert re.search("must be one of ([a-z0-9_, -]+);", refused).group(1).split(", ") == values
    text = page("quiescectl.1").split(f"Fl -{option} ")[1].split(".It Fl")[0]
    for value in values:
        assert re.search(rf"Cm {value}\b", text), value
    completed = re.search(rf"^\t--{option}\) echo (.*) ;;$", SCRIPT.read_text(), re.MULTILINE)
    assert completed.group(1).split() == values


def test_the_completion_knows_every_verb_and_its_options():
    assert sorted(complete("")) == sorted([*verbs(), "--help", "--version"])
    for verb in verbs():
        assert set(complete(verb, "-")) == {f"--{name}" for name in options_of(verb)}, verb


@pytest.mark.parametrize(
    "words, offered",
    [
        (["sta"], ["status"]),
        (["image", "--no-f"], ["--no-freeze"]),
        (["image", "--wait", "s"], ["secured"]),
        (["image", "--wait", "=", "c"], ["completed"]),
        (["image", "--wait", "="], ["queued", "secured", "completed"]),
        (["prune", "--wait", "="], ["queued", "completed"]),
        (["orphans", "--d"], ["--delete"]),
    ],
    ids=" ".join,
)
def test_the_completion_completes(words, offered):
    assert complete(*words) == offered


@pytest.mark.parametrize("name", KEY_TABLES)
def test_every_configuration_key_has_its_entry_in_the_man_page(name):
    keys = set()
    for source in TOP.glob(f"agent/*/{KEY_TABLES[name]}"):
        keys.update(re.findall(r'\{ "([A-Z]\w+)", "(\w+)",', source.read_text()))
    documented, section = set(), None
    for line in page(name).splitlines():
        if heading := re.match(r"\.Sh \[(\w+)\]", line):
            section = heading.group(1)
        elif key := re.match(r"\.It Va (\w+)=", line):
            documented.add((section, key.group(1)))
    assert keys and documented == keys


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_man_page_is_free_of_warnings(path):
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", path], capture_output=True, text=True, check=False)
    assert lint.stdout == ""
    shown = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", path], capture_output=True, text=True, check=True
    )
    assert shown.stderr == ""
    assert len(shown.stdout) > 1000
