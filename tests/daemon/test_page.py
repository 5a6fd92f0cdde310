# SPDX-License-Identifier: Apache-2.0
"""org.quiesced1(5) names everything that callers can see, and nothing else."""

import re
import xml.etree.ElementTree
from pathlib import Path

from lab.paths import TESTS

TOP = TESTS.parent
PAGE = (TOP / "man/org.quiesced1.5").read_text()
INTERFACE = (Path(__file__).parent / "interface.xml").read_text()


def section(title):
    return re.search(rf"^\.S[hs] {title}\n(.*?)(?=^\.S[hs] |\Z)", PAGE, re.DOTALL | re.MULTILINE).group(1)


def members(kind, interface):
    tree = xml.etree.ElementTree.fromstring(f"<node>{INTERFACE}</node>")
    return [e.get("name") for e in tree.find(f"interface[@name='org.quiesced1.{interface}']").iter(kind)]


def signatures(kind, interface, direction):
    tree = xml.etree.ElementTree.fromstring(f"<node>{INTERFACE}</node>")
    found = {}
    for element in tree.find(f"interface[@name='org.quiesced1.{interface}']").iter(kind):
        found[element.get("name")] = [
            f"{a.get('type')} {a.get('name')}" for a in element.iter("arg") if a.get("direction") == direction
        ]
    return found


def test_methods_and_their_arguments():
    entries = dict(re.findall(r"^\.It Fn (\w+)(.*?) No ", section("Methods"), re.MULTILINE))
    arguments = {name: re.findall(r'"([^"]+)"', rest) for name, rest in entries.items()}
    assert arguments == signatures("method", "Manager", "in")


def test_what_methods_give():
    entries = re.findall(r"^\.It Fn (\w+).*?No \\\(-> (.*)$", section("Methods"), re.MULTILINE)
    given = {name: [] if "nothing" in rest else rest.split(", ") for name, rest in entries}
    assert given == signatures("method", "Manager", "out")


def test_signals():
    entries = re.findall(r"^\.It Fn (\w+)(.*)$", section("Signals"), re.MULTILINE)
    shown = {name: re.findall(r'"([^"]+)"', rest) for name, rest in entries}
    assert shown == signatures("signal", "Manager", None)


def properties(text):
    found = []
    for entry in re.findall(r"^\.It Sy (.*?) No \(", text, re.MULTILINE):
        found += [name.strip() for name in entry.split(",")]
    return found


def test_properties():
    assert sorted(properties(section("Properties"))) == sorted(members("property", "Manager"))
    assert sorted(properties(section("JOBS"))) == sorted(members("property", "Job"))


def test_options():
    source = (TOP / "agent/daemon/options.c").read_text()
    table = source[source.index("static const Option options[]") :]
    known = dict(re.findall(r'^ +\{ "([a-z-]+)", "([^"]+)"', table, re.MULTILINE))
    shown = {}
    for names, signature in re.findall(r"^\.It Sy (.*?) No \((.*)\)$", section("OPTIONS"), re.MULTILINE):
        shown.update({name.replace("Sy", "").strip(): signature for name in names.split(",")})
    assert shown == known


def test_errors_of_the_daemon_and_of_its_workers():
    names = re.findall(r'ERROR_PREFIX "(\w+)"', (TOP / "agent/daemon/errors.h").read_text())
    names += re.findall(r'^ +\[FAILURE_(?!NONE)\w+\] = "(\w+)"', (TOP / "agent/flow/failure.c").read_text(), re.MULTILINE)
    shown = re.findall(r"\b[A-Z]\w+\b", " ".join(re.findall(r"^\.It Sy (.*)$", section("ERROR NAMES"), re.MULTILINE)))
    assert names and set(names) <= set(shown)
