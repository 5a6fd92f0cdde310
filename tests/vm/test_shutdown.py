# SPDX-License-Identifier: Apache-2.0
"""A shutdown during the window of a bake: it waits for the window, and the bake is finished later."""

import pytest

BUDGET_SEC = 15
# systemd-logind's InhibitDelayMaxSec= is 5 s: past it, what still delays is the stop of our units.
WINDOWS = {"within-logind's-patience": 3, "beyond-logind's-patience": 8}


@pytest.mark.parametrize("window_sec", WINDOWS.values(), ids=WINDOWS.keys())
def test_a_shutdown_waits_for_the_window_and_the_next_boot_finishes_the_job(instance, window_sec):
    cloud = instance.site.cloud
    cloud.fault("CreateSnapshots", delay_before=window_sec)
    with instance.budget(BUDGET_SEC):
        instance.begin_image("golden")
        instance.wait_frozen()
        instance.machine.shut_down()
        assert instance.boot_again() == "running"
        (job,) = instance.wait_for_jobs()
    assert (job["result"], job["consistency"]) == ("done", "filesystem"), story(instance)
    assert window_sec * 1e6 <= job["frozen-usec"] <= BUDGET_SEC * 1e6
    image = instance.site.image("golden")
    assert image["state"] == "available" and len(image["snapshots"]) == 2
    assert len(cloud.snapshots()) == 2
    assert len(cloud.calls(action="CreateSnapshots")) == 2  # one of them a dry run
    # The window's end was told before the machine went off, and / was unmounted in order.
    before = instance.run(f"journalctl -b -1 -o cat JOB_ID={job['id']}").stdout
    assert "the point in time is taken" in before, before
    said = instance.run("dmesg | grep EXT4-fs").stdout
    assert "mounted filesystem" in said and "recovery" not in said


def story(instance):
    return instance.run("journalctl -b -1 -u quiesced -u 'quiesced-freezer@*' -u systemd-logind; "
                        "journalctl -b -u quiesced").stdout
