# SPDX-License-Identifier: Apache-2.0
"""The power goes in the window of a bake: the next boot ends its job, and nothing is left over."""

import pytest

from vm.standstill import STRIKE

# As long as it may be: the power goes within it, however slow the machine is.
BUDGET_SEC = 30
# Where the worker stands when the power goes, and what the next boot makes of its job: the class that
# was reached is known to nobody any more.
CUTS = {
    "before-the-request": ("frozen", "failed", 0),
    "after-the-cut": ("sent", "done", 2),
}


@pytest.mark.parametrize("point, result, n_snapshots", CUTS.values(), ids=CUTS.keys())
def test_the_next_boot_ends_the_job(load, instance, point, result, n_snapshots):
    cloud = instance.site.cloud
    with instance.paused_workers(point, BUDGET_SEC):
        instance.begin_image("powerless", "--on-degrade=label")
        instance.run(STRIKE)
        load.note()
        instance.machine.cut_power()
        assert instance.boot_again() == "running"
        (job,) = instance.wait_for_jobs()
    assert (job["result"], job["consistency"]) == (result, "crash"), job
    assert result == "done" or job["message"]
    assert len(cloud.snapshots()) == n_snapshots
    images = [one for one in cloud.images() if one["state"] != "deregistered"]
    assert [one["state"] for one in images] == ["available"] * (result == "done")
    made = [call for call in cloud.calls(action="CreateSnapshots") if not call["dry_run"]]
    assert len(made) == n_snapshots // 2
    # The root was frozen when the power went: whole on disk.
    said = instance.run("dmesg | grep EXT4-fs").stdout
    # "recovery complete" may be about files that were deleted while open.
    assert "mounted filesystem" in said and "recovery required" not in said
    load.after_boot()
