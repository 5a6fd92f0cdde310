# SPDX-License-Identifier: Apache-2.0
"""One look at EC2 serves all jobs that wait for it, and whoever gets none looks for himself."""

import contextlib
import threading

import pytest
from harness import JOB, Host, wait_until
from test_followed import end, secured

REGION = "eu-central-1"


def wish(worker, serial, *snapshots, images=(), within_usec=0, region=REGION):
    worker.report("wish", serial=serial, within_usec=within_usec, region=region,
                  snapshots=list(snapshots), images=list(images))


def seen(worker):
    """The next sight for this worker; the reply without one, if it has to look for itself."""
    while (reply := worker.receive()).get("later"):
        pass
    return reply


def looked(looker, order, snapshots=(), images=()):
    looker.report("looked", round=order["round"], sight={
        "snapshots": {one: {"state": 0, "progress": 7} for one in snapshots},
        "images": {one: {"state": 0, "snapshots": []} for one in images},
    })


def test_one_look_serves_all_and_each_gets_its_own(host):
    first, _ = secured(host, "a")
    second, _ = secured(host, "b")
    wish(first, 1, "snap-a", within_usec=600_000_000)
    assert first.receive() == {"reply": "look", "serial": 1, "later": True}
    wish(second, 1, "snap-b", "snap-c", images=["ami-b"])
    looker = host.worker("look")
    order = looker.receive()
    assert order["request"] == "look" and order["region"] == REGION
    assert sorted(order["snapshots"]) == ["snap-a", "snap-b", "snap-c"]
    assert order["images"] == ["ami-b"]
    looked(looker, order, ["snap-a", "snap-b", "snap-x"], ["ami-b"])
    assert seen(first) == {
        "reply": "look", "serial": 1,
        "sight": {"snapshots": {"snap-a": {"state": 0, "progress": 7}}, "images": {}},
    }
    assert seen(second) == {
        "reply": "look", "serial": 1,
        "sight": {"snapshots": {"snap-b": {"state": 0, "progress": 7}},
                  "images": {"ami-b": {"state": 0, "snapshots": []}}},
    }
    # The same worker looks again, and ends with the last but one of them.
    wish(first, 2, "snap-a")
    order = looker.receive()
    assert order["snapshots"] == ["snap-a"]
    looker.report("looked", round=order["round"], sight={"blind": True, "throttled": True})
    assert seen(first)["sight"] == {"blind": True, "throttled": True}
    end(host, second)
    assert looker.receive() == {"request": "cancel"}
    looker.result()
    looker.wait()
    end(host, first)


@pytest.mark.parametrize("how", ["looked", "lost"])
def test_the_one_that_looks_ends_once_the_last_that_waits_is_served_or_gone(host, how):
    first, _ = secured(host, "a")
    second, _ = secured(host, "b")
    wish(first, 1, "snap-a")
    looker = host.worker("look")
    order = looker.receive()
    if how == "lost":
        looked(looker, order, ["snap-a"])
        assert seen(first)["sight"]
        wish(first, 2, "snap-a", within_usec=600_000_000)
        assert first.receive()["later"]
    end(host, second)
    host.record(first.request["job"], state="cut")
    if how == "looked":
        looked(looker, order, ["snap-a"])
        assert seen(first)["sight"]
    else:
        first.kill()
        first = host.worker("resume")
    assert looker.receive() == {"request": "cancel"}
    looker.result()
    looker.wait()
    end(host, first)


def test_a_wish_that_comes_during_a_look_waits_for_its_end(host):
    first, _ = secured(host, "a")
    second, _ = secured(host, "b")
    wish(first, 1, "snap-a")
    looker = host.worker("look")
    order = looker.receive()
    wish(second, 1, "snap-b")
    wish(first, 2, "snap-a", within_usec=600_000_000)
    first.report("progress", percent=3)
    second.report("progress", percent=4)
    for percent in 3, 4:
        wait_until(lambda: ("Progress", percent) in host.client.changes(JOB), "both wishes are there")
    looked(looker, order, ["snap-a"])
    order = looker.receive()
    assert sorted(order["snapshots"]) == ["snap-a", "snap-b"]
    looked(looker, {"round": order["round"] - 1}, ["snap-a"])
    looked(looker, order, ["snap-a", "snap-b"])
    assert (seen(first)["serial"], seen(second)["serial"]) == (2, 1)
    end(host, first, second)


def test_looks_in_two_regions_are_two(host):
    first, _ = secured(host, "a")
    second, _ = secured(host, "b")
    wish(first, 1, "snap-a", region="us-east-1")
    looker = host.worker("look")
    order = looker.receive()
    assert (order["region"], order["snapshots"]) == ("us-east-1", ["snap-a"])
    wish(second, 1, "snap-b")
    looked(looker, order, ["snap-a"])
    order = looker.receive()
    assert (order["region"], order["snapshots"]) == (REGION, ["snap-b"])
    looked(looker, order, ["snap-b"])
    seen(first), seen(second)
    end(host, first, second)


def test_a_job_that_waits_alone_looks_for_itself(host):
    first, _ = secured(host, "a")
    wish(first, 1, "snap-a")
    assert seen(first) == {"reply": "look", "serial": 1}
    host.no_worker()
    end(host, first)


@pytest.mark.parametrize("how", ["kill", "result", "raw"])
def test_when_the_one_that_looks_is_lost_all_look_for_themselves(host, how):
    first, _ = secured(host, "a")
    second, _ = secured(host, "b")
    wish(first, 1, "snap-a", within_usec=600_000_000)
    assert first.receive()["later"]
    wish(second, 1, "snap-b")
    looker = host.worker("look")
    looker.receive()
    {"kill": looker.kill, "result": lambda: looker.result("failed", error="NotOnEC2"),
     "raw": lambda: looker.raw("rubbish\n")}[how]()
    assert seen(first) == seen(second) == {"reply": "look", "serial": 1}
    wish(second, 2, "snap-b")
    another = host.worker("look")
    order = another.receive()
    looked(another, order, ["snap-b"])
    assert seen(second)["sight"]["snapshots"]
    end(host, first, second)


@contextlib.contextmanager
def alive(*workers):
    """They say so, all the while."""
    over = threading.Event()

    def talk():
        while not over.wait(0.2):
            for worker in workers:
                worker.report("alive")

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_one_that_looks_and_hangs_is_killed_and_one_that_has_nothing_to_look_at_is_not():
    with Host(config="[Daemon]\nWorkerSilenceSec=4s\n") as host:
        first, _ = secured(host, "a")
        second, _ = secured(host, "b")
        with alive(first, second):
            wish(first, 1, "snap-a")
            looker = host.worker("look")
            looked(looker, looker.receive(), ["snap-a"])
            assert seen(first)["sight"]
            wish(first, 2, "snap-a", within_usec=5_000_000)
            assert looker.receive()["snapshots"] == ["snap-a"], "the same one, after a long silence"
            assert seen(first) == {"reply": "look", "serial": 2}
        assert "has ended (said nothing for 4.00s" in host.log()
        end(host, first, second)


@pytest.mark.parametrize("fields", [
    {}, {"serial": "x", "region": 5}, {"region": REGION, "snapshots": "snap-1", "images": []},
    {"region": REGION, "snapshots": [], "images": None},
])
def test_odd_wishes_are_answered(host, fields):
    first, _ = secured(host, "a")
    second, _ = secured(host, "b")
    first.report("wish", **fields)
    assert seen(first) == {"reply": "look", "serial": 0}
    host.no_worker()
    end(host, first, second)
