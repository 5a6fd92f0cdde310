# SPDX-License-Identifier: Apache-2.0
"""The network goes in the window of a bake: thawed within the budget, and nothing is left over."""

import pytest

from lab.processes import wait_until
from vm.standstill import STRIKE, assert_stalled_at

BUDGET_SEC = 5
LINK = "$(ls /sys/class/net | grep -v lo)"
DOWN = f"ip link set dev {LINK} down\n"
UP = f"ip link set dev {LINK} up\n"


@pytest.fixture(scope="module")
def writers(running):
    with running.writers() as writers:
        yield writers


def assert_thawed(writers, struck):
    writers.wait_for_writes(5)
    writers.fetch()
    assert writers.errors() == {}
    assert_stalled_at(writers, int(float(struck) * 1e6), BUDGET_SEC)


def network_back(instance):
    instance.run(UP)
    return instance.wait_for_jobs()


def test_a_request_that_cannot_go_out_makes_nothing(writers, instance):
    with instance.paused_workers("frozen", BUDGET_SEC):
        instance.begin_image("unsent")
        struck = instance.run(f"{STRIKE}{DOWN}kill -CONT $worker").stdout
        assert_thawed(writers, struck)
        (job,) = network_back(instance)
    assert (job["result"], job["consistency"]) == ("failed", "crash")
    assert job["error"].rsplit(".", 1)[1] in ("ApiUnreachable", "ApiTimeout"), job
    assert instance.site.cloud.snapshots() == []


def test_an_answer_that_cannot_come_in_is_looked_for_later(writers, instance):
    cloud = instance.site.cloud
    cloud.fault("CreateSnapshots", delay_after=2 * BUDGET_SEC)
    with instance.budget(BUDGET_SEC):
        instance.begin_image("unanswered", "--on-degrade=label")
        wait_until(lambda: len(cloud.snapshots()) == 2, 120, "the snapshots are cut")
        struck = instance.run(f"{DOWN}cut -d' ' -f1 /proc/uptime").stdout
        assert_thawed(writers, struck)
        (job,) = network_back(instance)
    assert (job["result"], job["consistency"]) == ("done", "crash")
    assert len(cloud.snapshots()) == 2
    assert instance.site.image("unanswered")["state"] == "available"
