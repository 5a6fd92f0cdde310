# SPDX-License-Identifier: Apache-2.0
"""
A snapshot of the root holds the record of its own job, as it was while frozen: an instance launched
from the image, or a root restored from it, must not take that job for its own and undo it.
"""

import json
import signal

import pytest

from lab import processes
from lab.processes import wait_until


@pytest.fixture
def frozen_record(lab):
    """The record as the image has it; the image, finished since."""
    lab.pause_worker("frozen")
    client = lab.bake_in_background("image", "golden")
    worker = wait_until(
        lambda: next((w for w in lab.workers() if processes.is_stopped(w)), None), 10, "it pauses")
    (record,) = [r for r in lab.records().values() if r["state"] == "cutting"]
    lab.pause_worker(None)
    processes.send(worker, signal.SIGCONT)
    assert client.wait(60) == 0
    return record


def resumed(lab, record):
    """The job that a daemon makes of such a record."""
    lab.stop_daemon()
    path = lab.folder / f"state/jobs/{record['id']}.json"
    path.write_text(json.dumps(record))
    lab.start_daemon()
    (job,) = lab.wait_for_new_jobs()
    return job


def assert_untouched(lab):
    image = lab.cloud_image("golden")
    assert image["state"] == "available"
    assert image["tags"]["quiesced:consistency"] == "filesystem"
    assert len(lab.cloud.snapshots()) == len(lab.volumes)


def test_an_instance_launched_from_the_image_leaves_it_alone(lab, frozen_record):
    frozen_record["instance-id"] = "i-0fedcba9876543210"
    job = resumed(lab, frozen_record)
    assert (job["result"], job["error"]) == ("failed", "org.quiesced1.Error.WorkerDied")
    assert "i-0fedcba9876543210" in job["message"]
    assert_untouched(lab)


def test_so_does_the_same_instance_with_its_root_restored(lab, frozen_record):
    job = resumed(lab, frozen_record)
    assert (job["result"], job["error"]) == ("failed", "org.quiesced1.Error.WorkerDied")
    assert_untouched(lab)


def test_who_cannot_know_whose_it_is_leaves_it_for_later(lab, frozen_record):
    lab.cloud.configure(imds_enabled=False)
    frozen_record["instance-id"] = "i-0fedcba9876543210"
    resumed(lab, frozen_record)
    assert lab.records()[frozen_record["id"]]["state"] == "cutting"
    assert_untouched(lab)
    lab.cloud.configure(imds_enabled=True)
    lab.restart_daemon()
    (job,) = lab.wait_for_new_jobs()
    assert "i-0fedcba9876543210" in job["message"]
    assert_untouched(lab)
