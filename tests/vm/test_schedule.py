# SPDX-License-Identifier: Apache-2.0
"""Bakes that nobody calls for: a timer's, when its time comes, and after the boot that follows it."""

import pytest

from lab.processes import wait_until

TIMER = "quiesced-bake@nightly.timer"
SERVICE = "quiesced-bake@nightly.service"
DROP_IN = f"/etc/systemd/system/{TIMER}.d/time.conf"
STAMP = f"/var/lib/systemd/timers/stamp-{TIMER}"
PROFILE = "/etc/quiesced/profiles/nightly.conf"
NIGHTLY = """\
[Bake]
Type=image
Name=nightly-%d-%t
Consistency=filesystem
OnDegrade=fail

[Tags]
team=web
"""
DAY_SEC = 86400
AHEAD_SEC = 15


@pytest.fixture
def nightly(instance):
    """The instance, with a profile and without its timer."""
    instance.machine.write(PROFILE, NIGHTLY)
    yield instance
    instance.run(f"systemctl disable --now {TIMER}; rm -rf {DROP_IN} {STAMP} {PROFILE}; "
                 "systemctl daemon-reload")


def timer_set(instance, text):
    instance.machine.write(DROP_IN, f"[Timer]\n{text}")
    instance.run("systemctl daemon-reload")


def image_of_timer(instance):
    """Once its job is there and has ended well."""
    wait_until(instance.jobs, 120, "the timer starts a job")
    (job,) = instance.wait_for_jobs()
    assert (job["result"], job["profile"], job["consistency"]) == ("done", "nightly", "filesystem")
    (image,) = [one for one in instance.site.cloud.images() if one["state"] == "available"]
    return image


def assert_baked_by(instance, image):
    assert image["name"].startswith("nightly-")
    tags = image["tags"]
    assert (tags["quiesced:profile"], tags["team"]) == ("nightly", "web")
    instance.run(f"while systemctl is-active --quiet {SERVICE}; do sleep 0.2; done")
    assert instance.run(f"systemctl show -P Result {SERVICE}").stdout == "success\n"


def test_it_waits_for_midnight_and_at_most_an_hour(nightly):
    nightly.run(f"systemctl start {TIMER}")
    now, then = map(int, nightly.run(
        "date +%s; "
        f"date --date=\"$(systemctl show -P NextElapseUSecRealtime {TIMER})\" +%s").stdout.split())
    midnight = now - now % DAY_SEC + DAY_SEC
    assert midnight <= then <= midnight + 3600
    assert nightly.jobs() == []


def test_an_image_appears_when_its_time_comes(nightly):
    at = nightly.run(f"date -u --date='{AHEAD_SEC} seconds' +%T").stdout.strip()
    timer_set(nightly, f"OnCalendar=\nOnCalendar=*-*-* {at} UTC\nRandomizedDelaySec=0\n")
    nightly.run(f"systemctl start {TIMER}")
    assert_baked_by(nightly, image_of_timer(nightly))


def test_a_missed_run_is_made_up_for_after_the_boot(nightly):
    timer_set(nightly, "RandomizedDelaySec=0\n")
    nightly.run(f"systemctl enable {TIMER} && mkdir -p {STAMP.rpartition('/')[0]} && "
                f"touch --date='2 days ago' {STAMP}")
    nightly.machine.shut_down()
    assert nightly.site.cloud.snapshots() == []
    assert nightly.boot_again() == "running"
    assert_baked_by(nightly, image_of_timer(nightly))
    # Once: the next one is tomorrow's.
    assert nightly.run(f"find {STAMP} -mmin -60").stdout != ""
