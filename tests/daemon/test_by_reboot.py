# SPDX-License-Identifier: Apache-2.0
"""An image for which EC2 reboots this host: who may have it, and that nothing stands in its way."""

import json

import pytest

from fake_logind import Logind
from harness import DAEMON, MANAGER, NAME, NOBODY, ROOT, Host, wait_until
from test_inhibit import prepared
from test_jobs import bake

from lab import processes

MAY_BAKE = """
polkit.addRule(function(action, subject) {
    if (action.id == "org.quiesced1.bake")
        return polkit.Result.YES;
});
"""
MAY_REBOOT = """
polkit.addRule(function(action, subject) {
    if (action.id == "org.quiesced1.reboot")
        return polkit.Result.YES;
});
"""
BY_REBOOT = ("1", "method", "s", "reboot")


@pytest.fixture(scope="module")
def baking():
    with Host(rules=MAY_BAKE, uid=DAEMON) as running:
        yield running


def call(host, method, *arguments):
    return host.bus.busctl("call", NAME, ROOT, MANAGER, method, "sa{sv}", *arguments, uid=NOBODY)


def test_root_may_reboot_whatever_asks_for_it(host):
    bake(host)
    worker = host.worker("bake")
    assert worker.request["may-reboot"] is True
    worker.result()


def test_who_may_bake_may_not_reboot_by_a_profile(baking):
    assert call(baking, "Bake", "nightly", "0").returncode == 0
    worker = baking.worker("bake")
    assert worker.request["may-reboot"] is False
    worker.result()
    wait_until(lambda: baking.client.get("NRunningJobs") == 0, "the end")


@pytest.mark.parametrize("method", ["Bake", "CreateImage"])
def test_who_may_bake_is_asked_again_for_a_reboot(baking, method):
    result = call(baking, method, "nightly", *BY_REBOOT)
    assert result.returncode != 0 and "org.quiesced1.reboot" in result.stderr
    baking.no_worker(0.05)


def test_a_wrong_option_is_told_to_who_may_bake(baking):
    result = call(baking, "Bake", "nightly", "2", *BY_REBOOT[1:], "colour", "s", "red")
    assert "no option 'colour'" in result.stderr


def test_who_may_reboot_may():
    with Host(rules=MAY_REBOOT, uid=DAEMON) as host:
        asked = host.client.pool.submit(call, host, "CreateImage", "web", *BY_REBOOT)
        worker = host.worker("bake")
        assert worker.request["may-reboot"] is True
        assert worker.request["options"] == {"method": "reboot"}
        worker.report("secured", image="ami-1", snapshots=[], consistency="filesystem")
        worker.result(image="ami-1")
        assert asked.result().returncode == 0


def reboot(host):
    """A job whose call may be out, and which makes no application wait any more."""
    path = bake(host)
    worker = host.worker("bake")
    worker.report("prepare")
    assert prepared(worker)["participants"] == 0
    worker.report("rebooting")
    assert host.client.wait_for("PrepareForQuiesce", False, path)
    return path, worker


def test_the_shutdown_that_follows_is_neither_delayed_nor_an_end_of_the_job(host):
    with Logind(host.bus) as logind:
        path, worker = reboot(host)
        logind.wait_until_held(0)
        logind.tell("PrepareForShutdown")
        worker.report("progress", percent=1)
        wait_until(lambda: host.client.job(path)["Progress"] == 1, "the progress")
        assert "about to shut down" not in host.log()
        worker.result()


def test_the_job_is_left_to_the_next_boot(host):
    path, worker = reboot(host)
    record = {"id": host.client.job(path)["Id"], "kind": "bake", "state": "cutting"}
    host.jobs.mkdir(exist_ok=True)
    (host.jobs / f"{record['id']}.json").write_text(json.dumps(record))
    host.stop()
    with pytest.raises((AssertionError, ConnectionError)):
        worker.receive()
    wait_until(lambda: not processes.is_alive(worker.pid), "its end")
    host.start()
    assert host.worker("resume").request["job"] == record["id"]
