# SPDX-License-Identifier: Apache-2.0
"""Every kind of fault, as a client sees it, and what has happened in the cloud behind it."""

import http.client
import ssl
import time
import xml.etree.ElementTree as ElementTree

import pytest

from cloud.control import CloudError
from cloud.conftest import DATA
from cloud.raw import RawClient
from lab.processes import wait_until

SNAPSHOT = {"VolumeId": DATA}


@pytest.fixture
def raw(cloud):
    client = RawClient(cloud)
    yield client
    client.close()


@pytest.fixture
def made(cloud):
    """How many snapshots came into being since the test began."""
    cloud.configure(snapshot_seconds=0)
    before = len(cloud.snapshots())
    return lambda: len(cloud.snapshots()) - before


def is_xml(body):
    try:
        ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return False
    return True


def test_without_a_fault_calls_share_a_connection(cloud, raw, made):
    assert raw.call("CreateSnapshot", **SNAPSHOT)[0] == 200
    assert raw.call("DescribeSnapshots")[0] == 200
    assert made() == 1
    assert len({call["connection"] for call in cloud.calls()}) == 1


@pytest.mark.parametrize("answer", ["lost", "reset", "not-http"])
def test_an_answer_that_does_not_come_hides_what_was_done(cloud, raw, made, answer):
    cloud.fault("CreateSnapshot", answer=answer)
    with pytest.raises((http.client.HTTPException, ConnectionError, ssl.SSLError)):
        raw.call("CreateSnapshot", **SNAPSHOT)
    assert made() == 1


def test_a_reset_before_acting_leaves_nothing(cloud, raw, made):
    cloud.fault("CreateSnapshot", answer="reset", act=False)
    with pytest.raises(ConnectionError):
        raw.call("CreateSnapshot", **SNAPSHOT)
    assert made() == 0


def impatient(cloud):
    """It has no time for an answer, but all of it for a connection."""
    client = RawClient(cloud)
    client.connection.connect()
    client.connection.sock.settimeout(0.5)
    return client


@pytest.mark.parametrize("acts", [True, False])
def test_an_answer_that_never_comes_keeps_the_connection_open(cloud, made, acts):
    cloud.fault("CreateSnapshot", answer="never", act=acts)
    client = impatient(cloud)
    with pytest.raises(TimeoutError):
        client.call("CreateSnapshot", **SNAPSHOT)
    client.close()
    wait_until(lambda: made() == acts, 10, "it acts, or not")


@pytest.mark.parametrize("delay, act_is_late", [("delay_after", False), ("delay_before", True)])
def test_the_answer_comes_late_with_or_without_the_act(cloud, raw, delay, act_is_late):
    cloud.fault("CreateSnapshot", **{delay: 0.3})
    began = time.time()
    assert raw.call("CreateSnapshot", **SNAPSHOT)[0] == 200
    ended, acted = time.time(), cloud.snapshots()[-1]["start_time"]
    assert (acted - began if act_is_late else ended - acted) >= 0.3


def test_an_error_is_told_as_ec2_tells_it(cloud, raw, made):
    cloud.fault("CreateSnapshot", error="RequestLimitExceeded", status=503, times=2)
    for status in (503, 503, 200):
        answer = raw.call("CreateSnapshot", **SNAPSHOT)
        assert answer[0] == status
        assert (b"<Code>RequestLimitExceeded</Code>" in answer[1]) == (status == 503)
    assert made() == 1


def test_an_error_may_hide_that_the_act_was_done(cloud, raw, made):
    cloud.fault("CreateSnapshot", error="InternalError", status=500, act=True)
    assert raw.call("CreateSnapshot", **SNAPSHOT)[0] == 500
    assert made() == 1


@pytest.mark.parametrize("answer", ["truncated", "malformed", "rubbish", "empty"])
def test_a_reply_that_is_not_xml_is_sound_http(cloud, raw, made, answer):
    cloud.fault("CreateSnapshot", answer=answer)
    status, body = raw.call("CreateSnapshot", **SNAPSHOT)
    assert status == 200 and not is_xml(body)
    assert raw.call("DescribeSnapshots")[0] == 200
    assert made() == 1


def test_a_reply_may_be_html_or_declare_entities_or_lead_elsewhere(cloud, raw):
    for answer in ("html", "doctype", "redirect"):
        cloud.fault("DescribeSnapshots", answer=answer)
    assert b"<h1>Gateway</h1>" in raw.call("DescribeSnapshots")[1]
    assert b"<!DOCTYPE" in raw.call("DescribeSnapshots")[1]
    assert raw.call("DescribeSnapshots") == (302, b"")


def test_a_body_may_end_before_its_length(cloud, raw):
    cloud.fault("DescribeSnapshots", answer="cut")
    with pytest.raises(http.client.IncompleteRead):
        raw.call("DescribeSnapshots")


def test_a_body_may_never_reach_its_length(cloud):
    cloud.fault("DescribeSnapshots", answer="long-length")
    client = impatient(cloud)
    with pytest.raises(TimeoutError):
        client.call("DescribeSnapshots")
    client.close()


def test_a_length_may_be_too_short(cloud, raw):
    cloud.fault("DescribeSnapshots", answer="short-length")
    assert not is_xml(raw.call("DescribeSnapshots")[1])


def test_a_huge_reply_is_xml_all_the_same(cloud, raw):
    cloud.fault("DescribeSnapshots", answer="huge", bytes=3 << 20)
    body = raw.call("DescribeSnapshots")[1]
    assert len(body) > 3 << 20 and is_xml(body)


def test_a_reply_may_drip_or_come_in_chunks(cloud, raw):
    cloud.fault("DescribeSnapshots", answer="drip", seconds=0.3)
    cloud.fault("DescribeSnapshots", answer="chunked")
    began = time.monotonic()
    assert is_xml(raw.call("DescribeSnapshots")[1])
    assert time.monotonic() - began >= 0.3
    assert is_xml(raw.call("DescribeSnapshots")[1])


def test_a_dry_run_does_not_use_up_a_fault(cloud, raw):
    cloud.fault("CreateSnapshot", error="InternalError", status=500)
    assert raw.call("CreateSnapshot", DryRun="true", **SNAPSHOT)[0] == 412
    assert raw.call("CreateSnapshot", **SNAPSHOT)[0] == 500
    cloud.fault("CreateSnapshot", error="InternalError", status=500, dry_run=True)
    assert raw.call("CreateSnapshot", **SNAPSHOT)[0] == 200
    assert raw.call("CreateSnapshot", DryRun="true", **SNAPSHOT)[0] == 500


def test_a_fault_hits_the_calls_it_names(cloud, raw):
    number = cloud.fault("Describe*", error="Unavailable", status=503, skip=1,
                         where={"Owner.1": "self"})
    answers = [raw.call("DescribeSnapshots", **{"Owner.1": owner})[0]
               for owner in ("self", "amazon", "self", "self")]
    assert answers == [200, 200, 503, 200]
    assert [call["fault"] for call in cloud.calls()] == [None, None, number, None]
    assert cloud.faults()[0]["hits"] == 1


def test_a_wrong_request_is_refused_in_spite_of_a_fault(cloud, raw):
    cloud.fault("DescribeSnapshots", answer="lost", times=-1)
    assert b"<Code>UnknownParameter</Code>" in raw.call("DescribeSnapshots", Colour="red")[1]


def test_an_unknown_kind_of_fault_is_an_error_of_the_test(cloud):
    with pytest.raises(CloudError, match="unknown answer sleepy; known: normal"):
        cloud.fault("CreateSnapshot", answer="sleepy")


def test_open_connections_can_be_dropped(cloud, raw):
    assert raw.call("DescribeSnapshots")[0] == 200
    assert cloud.drop_connections() == 1
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError, ssl.SSLError)):
        raw.call("DescribeSnapshots")


@pytest.mark.parametrize("listener", ["ec2-foreign-ca", "ec2-wrong-host"])
def test_a_certificate_that_cannot_be_trusted_is_offered(cloud, listener):
    with pytest.raises(ssl.SSLCertVerificationError):
        RawClient(cloud, listener=listener).call("DescribeSnapshots")


def test_the_log_tells_how_long_a_call_was_inside(cloud, raw):
    cloud.fault("DescribeSnapshots", delay_before=0.2)
    raw.call("DescribeSnapshots", MaxResults="7")
    call = cloud.calls("DescribeSnapshots")[0]
    assert 0.2 <= call["duration"] < 2
    assert (call["status"], call["params"], call["acted"]) == (200, {"MaxResults": 7}, True)
