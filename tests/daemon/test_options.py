# SPDX-License-Identifier: Apache-2.0
"""Options and arguments that are wrong, each refused by name; asked with busctl, as a person would."""

import pytest
from harness import ERROR, MANAGER, NAME, ROOT, BusError, Host
from gi.repository import GLib


@pytest.fixture(scope="module")
def host():
    with Host() as running:
        yield running
        running.no_worker()  # not one of these calls may start any


CUT = ("Bake", "CreateImage", "CreateSnapshots", "Plan")
LEADING = {"Bake": ["nightly"], "CreateImage": ["web"], "Plan": [""]}


def call(host, method, *option):
    leading = LEADING.get(method, [])
    signature = "s" * len(leading) + "a{sv}"
    return host.bus.busctl(
        "call", NAME, ROOT, MANAGER, method, signature, *leading, "1" if option else "0", *option
    )


def refused(host, method, *option):
    result = call(host, method, *option)
    assert result.returncode != 0, result.stdout
    return result.stderr


def error_name(host, method, option):
    leading = LEADING.get(method, [])
    with pytest.raises(BusError) as caught:
        host.client.call(method, f"({'s' * len(leading)}a{{sv}})", *leading, option)
    return caught.value.name


@pytest.mark.parametrize("method", [*CUT, "Freeze"])
def test_an_unknown_option_is_named_with_those_that_are_known(host, method):
    message = refused(host, method, "colour", "s", "blue")
    assert "no option 'colour'" in message and "budget-usec" in message
    assert error_name(host, method, {"colour": GLib.Variant("s", "blue")}) == ERROR + "UnknownOption"


@pytest.mark.parametrize(
    "method, option",
    [
        ("CreateSnapshots", "method"),
        ("Freeze", "tags"),
        ("Freeze", "wait"),
        ("Freeze", "no-freeze"),
        ("Plan", "wait"),
        ("Plan", "if-busy"),
        ("Bake", "name"),
        ("CreateImage", "kind"),
    ],
)
def test_an_option_of_another_method_is_unknown_here(host, method, option):
    assert f"no option '{option}'" in refused(host, method, option, "s", "x")


@pytest.mark.parametrize(
    "option, signature, value, wanted",
    [
        ("method", "t", ["1"], "a string (type s)"),
        ("budget-usec", "u", ["5000000"], "an unsigned 64-bit number (type t)"),
        ("volumes", "s", ["vol-1"], "an array of strings (type as)"),
        ("tags", "a{sv}", ["0"], "a dictionary of strings (type a{ss})"),
        ("no-freeze", "s", ["yes"], "a boolean (type b)"),
    ],
)
def test_a_wrong_type_is_told_with_the_right_one(host, option, signature, value, wanted):
    message = refused(host, "CreateImage", option, signature, *value)
    assert f"'{option}'" in message and wanted in message and f"not of type {signature}" in message


def test_a_wrong_type_has_its_own_error(host):
    wrong = {"budget-usec": GLib.Variant("s", "10s")}
    assert error_name(host, "CreateImage", wrong) == ERROR + "InvalidArgument"


@pytest.mark.parametrize(
    "option, signature, value, said",
    [
        ("method", "s", ["clone"], "must be one of: auto, register, create-image"),
        ("consistency", "s", ["best"], "application, filesystem, crash"),
        ("on-degrade", "s", ["ignore"], "fail, label"),
        ("wait", "s", ["forever"], "queued, secured, completed"),
        ("if-busy", "s", ["push"], "refuse, queue"),
        ("budget-usec", "t", ["0"], "1000000 to 30000000"),
        ("budget-usec", "t", ["30000001"], "1000000 to 30000000"),
        ("volumes", "as", ["2", "vol-1", "data"], "'data', which is neither"),
        ("exclude", "as", ["1", ""], "'', which is neither"),
        ("volumes", "as", ["129", *["vol-1"] * 129], "more than 128"),
        ("description", "s", ["x" * 256], "longer than 255"),
        ("tags", "a{ss}", ["1", "aws:x", "y"], "'aws:x': the prefixes"),
        ("tags", "a{ss}", ["1", "quiesced:job", "y"], "reserved"),
        ("tags", "a{ss}", ["1", "", "y"], "1 to 127"),
        ("tags", "a{ss}", ["1", "k" * 128, "y"], "1 to 127"),
        ("tags", "a{ss}", ["1", "k", "v" * 256], "at most 255"),
        ("tags", "a{ss}", ["36", *[w for i in range(36) for w in (f"k{i}", "v")]], "more than 35"),
        ("exclude", "as", ["20", *["/" + "d" * 4000] * 20], "larger than 64 KiB"),
    ],
)
def test_a_bad_value_is_told_with_what_is_allowed(host, option, signature, value, said):
    message = refused(host, "CreateImage", option, signature, *value)
    assert said in message
    assert f"'{option}'" in message or "together" in message


def test_an_option_given_twice_is_refused(host):
    doubled = host.bus.busctl(
        "call", NAME, ROOT, MANAGER, "Freeze", "a{sv}", "2", "budget-usec", "t", "2000000", "budget-usec",
        "t", "3000000",
    )
    assert "'budget-usec' is given twice" in doubled.stderr


@pytest.mark.parametrize(
    "name, said",
    [
        ("ab", "2 characters"),
        ("x" * 129, "129 characters"),
        ("web%d", "letters, digits"),
        ("caf\u00e9", "letters, digits"),
        ("", "0 characters"),
    ],
)
def test_an_image_name_that_ec2_refuses_is_refused_at_once(host, name, said):
    result = host.bus.busctl("call", NAME, ROOT, MANAGER, "CreateImage", "sa{sv}", name, "0")
    assert said in result.stderr


@pytest.mark.parametrize("name", ["", "../../etc/passwd", ".hidden", "a b", "x" * 65, "a/b", "a:b"])
def test_a_profile_name_that_is_no_file_name_is_refused(host, name):
    result = host.bus.busctl("call", NAME, ROOT, MANAGER, "Bake", "sa{sv}", name, "0")
    assert "cannot be a profile's name" in result.stderr


def test_a_lock_wants_a_name(host):
    assert "'who' must have" in host.bus.busctl("call", NAME, ROOT, MANAGER, "Inhibit", "ss", "", "").stderr
    long = host.bus.busctl("call", NAME, ROOT, MANAGER, "Inhibit", "ss", "me", "y" * 257)
    assert "'why' at most 256" in long.stderr


def test_wrong_arguments_altogether_are_the_buss_own_error(host):
    result = host.bus.busctl("call", NAME, ROOT, MANAGER, "CreateImage", "s", "web")
    assert "expecting 'sa{sv}'" in result.stderr
