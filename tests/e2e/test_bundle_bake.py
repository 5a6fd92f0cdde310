# SPDX-License-Identifier: Apache-2.0
"""
An image of an instance-store root: a disk on a loop device under writers, read by the real capture
in the window of the real freezer, bundled to the simulated S3, and registered.
"""

import subprocess

import pytest

from lab import processes
from lab.processes import wait_until
from lab.storelab import KEPT, MARK, SECRETS, StoreLab
from lab.written import boottime_usec

BUDGET = "10s"
ERROR = "org.quiesced1.Error."


@pytest.fixture(scope="module")
def module_store():
    with StoreLab(budget=BUDGET) as lab:
        yield lab


@pytest.fixture
def store(module_store):
    module_store.recover()
    yield module_store
    module_store.recover()


def pause_at(store, step, *arguments):
    """A bake that stands still at `step`: (its client, the worker's id)."""
    store.pause_worker(step)
    client = store.bake_in_background("bake", "store", *arguments)

    def stopped():
        assert client.poll() is None, (client.communicate(), store.log())
        return next((w for w in store.workers() if processes.is_stopped(w)), None)

    worker = wait_until(stopped, 30, f"the worker stops at {step}")
    store.pause_worker(None)
    return client, worker


def assert_nothing_is_left(store):
    assert store.images_in_cloud() == []
    assert store.objects() == {} and store.staged() == []
    assert store.captures() == []


def test_a_disk_under_load_becomes_an_image(store):
    folder = store.root / "srv/written"
    folder.mkdir(exist_ok=True)
    with store.writers([(kind, folder) for kind in ("append", "sync")]) as writers:
        writers.wait_for_writes(20)
        client, worker = pause_at(store, "prepared")
        writers.wait_for_writes(40)     # after the live passes: in the window's own
        cut_usec = boottime_usec()
        processes.send(worker, 18)
        assert client.wait(60) == 0, client.communicate()
        with store.unbundled() as image:
            verdict = store.judge_image(image, writers, cut_usec)
            raw = image.read_bytes()
    assert verdict.problems == [] and verdict.returned >= 40
    assert MARK not in raw
    (job,) = store.new_jobs()
    assert (job["result"], job["consistency"]) == ("done", "filesystem")
