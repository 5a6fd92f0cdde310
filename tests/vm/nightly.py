# SPDX-License-Identifier: Apache-2.0
"""The timer of a profile, and what it makes."""

import contextlib

TIMER = "quiesced-bake@nightly.timer"
SERVICE = "quiesced-bake@nightly.service"
DROP_IN = f"/etc/systemd/system/{TIMER}.d/time.conf"
STAMP = f"/var/lib/systemd/timers/stamp-{TIMER}"
PROFILE = "/etc/quiesced/profiles/nightly.conf"
# Its own budget: a test may have set a short one for all others.
NIGHTLY = """\
[Bake]
Type=image
FreezeBudgetSec=30s
Name=nightly-%d-%t
Consistency=filesystem
OnDegrade=fail

[Tags]
team=web
"""


@contextlib.contextmanager
def nightly_profile(instance):
    """The instance, with a profile and without its timer."""
    instance.machine.write(PROFILE, NIGHTLY)
    try:
        yield instance
    finally:
        instance.run(f"systemctl disable --now {TIMER}; rm -rf {STAMP} {PROFILE}; "
                     f"! rm {DROP_IN} || systemctl daemon-reload")


def timer_set(instance, text):
    instance.machine.write(DROP_IN, f"[Timer]\n{text}")
    instance.run("systemctl daemon-reload")


@contextlib.contextmanager
def missed_run(instance):
    """Its timer is enabled, and ran last so long ago that the next boot makes up for it."""
    with nightly_profile(instance):
        timer_set(instance, "RandomizedDelaySec=0\n")
        instance.run(f"systemctl enable {TIMER} && mkdir -p {STAMP.rpartition('/')[0]} && "
                     f"touch --date='2 days ago' {STAMP}")
        yield


def assert_baked_by_timer(instance, job):
    """Once, and the next one is tomorrow's."""
    assert (job["result"], job["profile"], job["consistency"]) == (
        "done", "nightly", "filesystem"), job
    (image,) = [one for one in instance.site.cloud.images() if one["state"] == "available"]
    assert image["name"].startswith("nightly-")
    tags = image["tags"]
    assert (tags["quiesced:profile"], tags["team"]) == ("nightly", "web")
    assert tags["quiesced:job"] == job["id"]
    instance.machine.wait_for(f"! systemctl is-active --quiet {SERVICE}", f"{SERVICE} ends")
    assert instance.run(f"systemctl show -P Result {SERVICE}").stdout == "success\n"
    assert instance.run(f"find {STAMP} -mmin -60").stdout != ""
