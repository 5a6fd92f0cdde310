# SPDX-License-Identifier: Apache-2.0
"""Bakes that nobody calls for, when their time comes; test_shutdown.py has one that was missed."""

import pytest

from lab.processes import wait_until
from vm.nightly import TIMER, assert_baked_by_timer, nightly_profile, timer_set

pytestmark = pytest.mark.usefixtures("load")

DAY_SEC = 86400
AHEAD_SEC = 15


@pytest.fixture
def nightly(instance):
    with nightly_profile(instance):
        yield instance


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
    timer_set(nightly, f"OnCalendar=\nOnCalendar=*-*-* {at} UTC\n"
              "RandomizedDelaySec=0\nAccuracySec=1s\n")
    nightly.run(f"systemctl start {TIMER}")
    wait_until(nightly.jobs, 120, "the timer starts a job", pause=0.2)
    (job,) = nightly.wait_for_jobs()
    assert_baked_by_timer(nightly, job)
