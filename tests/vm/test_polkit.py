# SPDX-License-Identifier: Apache-2.0
"""An image before an upgrade: by root, and by users whom polkit allows, asks or refuses."""

import pytest

pytestmark = pytest.mark.usefixtures("load")

PASSWORD = "correct-horse"
RULES_FILE = "/etc/polkit-1/rules.d/50-quiesced.rules"
RULES = """\
polkit.addRule(function(action, subject) {
    var results = {allowed: polkit.Result.YES, asked: polkit.Result.AUTH_SELF,
                   refused: polkit.Result.NO};
    return action.id == "org.quiesced1.bake" ? results[subject.user] : undefined;
});
"""
USERS = ("allowed", "asked", "refused")
BUSCTL = "busctl --timeout=120 --allow-interactive-authorization={} call org.quiesced1"
CREATE_IMAGE = ("/org/quiesced1 org.quiesced1.Manager CreateImage 'sa{{sv}}' '{}' "
                "1 wait s completed")
# An agent for the caller alone: exec keeps the process that it is for.
WITH_AGENT = """\
pkttyagent --notify-fd=3 --process=$$ 3>ready &
cat ready
exec {}
"""
# A person at a terminal, who types the password once there is a prompt; there may be none.
AT_A_TERMINAL = """\
trap : PIPE
cd /home/{user} && rm -f keys ready screen && mkfifo keys ready && chown {user} ready
runuser -u {user} -- script --quiet --return --command 'bash ./call' /dev/null <keys >screen 2>&1 &
exec 9>keys
while kill -0 $! 2>/dev/null && ! grep -q 'Password:' screen; do sleep 0.1; done
echo '{password}' >&9
wait $!
status=$?
cat screen
exit $status
"""


@pytest.fixture(scope="module")
def users(running):
    running.machine.write(RULES_FILE, RULES)
    for user in USERS:
        running.run(f"useradd --create-home --shell=/bin/bash {user}")
    running.run("chpasswd", stdin=f"asked:{PASSWORD}\n")
    yield
    for user in USERS:
        running.run(f"userdel --remove {user}", check=False)
    running.run(f"rm {RULES_FILE}")


def run_as(instance, user, command):
    return instance.run(f"cd / && runuser -u {user} -- {command}", check=False, timeout=120)


def run_at_terminal(instance, user, script, password):
    instance.machine.write(f"/home/{user}/call", script)
    return instance.run(AT_A_TERMINAL.format(user=user, password=password), check=False,
                        timeout=120)


def image_call(name, interactive="yes"):
    return f"{BUSCTL.format(interactive)} {CREATE_IMAGE.format(name)}"


def assert_refused(instance, done, why):
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "CreateImage is not permitted (org.quiesced1.bake)" in said and why in said
    assert instance.jobs() == []


def test_root_is_not_asked(instance):
    instance.create_image("by-root")
    assert instance.site.image("by-root")["state"] == "available"


def test_a_user_whom_a_rule_allows_makes_an_image(instance, users):
    done = run_as(instance, "allowed", image_call("by-allowed", interactive="no"))
    assert done.returncode == 0, done.stderr
    assert instance.site.image("by-allowed")["state"] == "available"


def test_a_user_who_is_asked_makes_an_image_with_the_password(instance, users):
    done = run_at_terminal(instance, "asked", WITH_AGENT.format(image_call("by-asked")), PASSWORD)
    assert done.returncode == 0, done.stdout
    assert "Authentication is required to take a snapshot or an image" in done.stdout
    assert instance.site.image("by-asked")["state"] == "available"


def test_a_wrong_password_makes_none(instance, users):
    done = run_at_terminal(instance, "asked", WITH_AGENT.format(image_call("by-asked")), "wrong")
    assert_refused(instance, done, "the password was not right")


def test_who_has_no_agent_or_wants_no_question_is_told(instance, users):
    done = run_as(instance, "asked", image_call("by-asked"))
    assert_refused(instance, done, "needs a password")
    call = WITH_AGENT.format(image_call("by-asked", interactive="no"))
    done = run_at_terminal(instance, "asked", call, PASSWORD)
    assert_refused(instance, done, "needs a password")
    assert "Password:" not in done.stdout


@pytest.mark.parametrize("user, why", [("refused", "polkit's rules refuse it"),
                                       ("nobody", "needs a password")])
def test_a_user_who_is_refused_or_has_no_rule_is_told(instance, users, user, why):
    assert_refused(instance, run_as(instance, user, image_call("not-made", interactive="no")), why)


def test_the_refusal_has_a_name(instance, users):
    done = run_as(instance, "refused", "dbus-send --system --print-reply --dest=org.quiesced1 "
                  "/org/quiesced1 org.quiesced1.Manager.Inhibit string:me string:why")
    assert done.stderr.startswith("Error org.quiesced1.Error.AccessDenied: ")


def test_quiescectl_asks_at_the_terminal(instance, users):
    done = run_at_terminal(instance, "asked", "quiescectl image by-asked --no-progress", PASSWORD)
    assert done.returncode == 0, done.stdout
    assert instance.site.image("by-asked")["id"] in done.stdout


def test_quiescectl_says_the_same_and_fails(instance, users):
    for user, why in (("refused", "polkit's rules refuse it"), ("asked", "needs a password")):
        done = run_as(instance, user, "quiescectl image not-made")
        assert done.returncode == 1
        assert_refused(instance, done, why)
        assert done.stderr.startswith("quiescectl: ")
        assert done.stderr.endswith("(AccessDenied)\n")
    # Anyone may look.
    assert run_as(instance, "refused", "quiescectl status").returncode == 0
    done = run_as(instance, "allowed", "quiescectl image by-quiescectl --no-progress")
    assert done.returncode == 0, done.stderr
    assert instance.site.image("by-quiescectl")["id"] in done.stdout
