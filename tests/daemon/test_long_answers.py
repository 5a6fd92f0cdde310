# SPDX-License-Identifier: Apache-2.0
"""Lists of a large account: in pieces from the worker, in one message to the caller, within bounds."""

import contextlib
import json

import pytest
from harness import ERROR, JOB, BusError
from test_life import ask, details

PIECE_ITEMS = 1000
N_IMAGES = 12000
MIB = 1 << 20


def one_image(number):
    return {
        "id": f"ami-{number:017x}", "name": f"web-{number}", "state": "available", "created-usec": 1 << 50,
        "profile": "nightly", "instance": "i-0123456789abcdef0", "job": "j-20260101T000000Z-000001",
        "consistency": "filesystem", "snapshots": [f"snap-{number:017x}", f"snap-{number + 1:017x}"], "size-gib": 8,
    }


def send_in_pieces(worker, report, key, items, **rest):
    worker.report(report, **{report: {key: [], **rest}})
    for first in range(0, len(items), PIECE_ITEMS):
        worker.report(report, **{report: {key: items[first : first + PIECE_ITEMS]}})


def test_twelve_thousand_images_are_one_list(host):
    images = [one_image(i) for i in range(N_IMAGES)]
    call = ask(host, "ListImages")
    worker = host.worker("list-images")
    send_in_pieces(worker, "answer", "images", images)
    worker.result()
    assert call.result()[0] == images
    assert host.client.get("Frozen") is False, "it still answers"


def test_a_plan_of_as_many_is_one_text(host):
    call = ask(host, "PlanPrune")
    worker = host.worker("plan-prune")
    send_in_pieces(worker, "answer", "objects", [one_image(i) for i in range(N_IMAGES)], profile="nightly", keep=7)
    worker.result()
    plan = json.loads(call.result()[0])
    assert len(plan["objects"]) == N_IMAGES and (plan["profile"], plan["keep"]) == ("nightly", 7)


def test_details_come_in_pieces_as_well(host):
    path = ask(host, "Prune").result()[0]
    worker = host.worker("prune")
    removed = [{"id": f"ami-{i:017x}", "name": "web", "snapshots": []} for i in range(N_IMAGES)]
    send_in_pieces(worker, "details", "removed", removed, kept=3)
    worker.result()
    host.client.wait_for("JobRemoved")
    assert json.loads(details(host, path)) == {"removed": removed, "kept": 3}


def test_an_answer_without_end_is_refused_and_its_worker_ended(host):
    call = ask(host, "FindOrphans")
    worker = host.worker("orphans")
    with contextlib.suppress(OSError):
        for _ in range(30):
            worker.report("answer", answer={"orphans": ["x" * (MIB - 1000)]})
    with pytest.raises(BusError) as caught:
        call.result()
    assert caught.value.name == ERROR + "AnswerTooLong" and "24 MiB" in caught.value.message
    worker.wait()
    assert host.client.get("Frozen") is False


def test_a_list_that_a_message_cannot_hold_is_refused_before_the_bus_refuses_it(host):
    """Numbers take six bytes in JSON and some forty in a message."""
    call = ask(host, "ListSnapshots")
    worker = host.worker("list-snapshots")
    many = [{f"k{i}": 1 for i in range(40)}] * 2000
    for _ in range(25):
        worker.report("answer", answer={"snapshots": many})
    worker.result()
    with pytest.raises(BusError) as caught:
        call.result()
    assert caught.value.name == ERROR + "AnswerTooLong" and "50000" in caught.value.message
    assert "--profile" in caught.value.message
    assert host.client.get("Frozen") is False, "the bus has not thrown it out"


def test_details_without_end_are_left_out_and_the_job_goes_on(host):
    path = ask(host, "Prune").result()[0]
    worker = host.worker("prune")
    for _ in range(27):
        worker.report("details", details={"removed": ["x" * (MIB - 1000)]})
    worker.result()
    host.client.wait_for("JobRemoved")
    assert host.client.get("State", path=path, interface=JOB) == "done"
    assert host.log().count("too long to be shown") == 1
    assert details(host, path) == "", "nor is a part of them"
