# SPDX-License-Identifier: Apache-2.0
"""What is malformed, oversized or out of order gets an error and the connection's end."""

import array
import errno
import os
import random
import re
import socket

import pytest

from freezer import (ERROR, FREEZE, FROZEN, MOUNT, MOUNTINFO, PLAN, PREPARED, SYNC, THAW,
                     header, mount_packet, plan_packet, wait_until)

GOOD_MOUNT = mount_packet("/nonexistent", (7, 0))
SEQUENCES = {
    "empty header": [b"\0" * 7],
    "no such version": [header(MOUNTINFO, version=2)],
    "no such type": [header(0)],
    "an answer": [header(PREPARED)],
    "a huge type": [header(0xFFFFFFFF)],
    "header too long": [header(MOUNTINFO) + b"\0"],
    "plan too short": [plan_packet(1)[:-1]],
    "plan too long": [plan_packet(1) + b"\0"],
    "mount too short": [plan_packet(1), GOOD_MOUNT[:-1]],
    "mount too long": [plan_packet(1), GOOD_MOUNT + b"\0" * 60_000],
    "freeze without a plan": [header(FREEZE)],
    "sync without a plan": [header(SYNC)],
    "thaw without a plan": [header(THAW)],
    "mount without a plan": [GOOD_MOUNT],
    "freeze amid the mounts": [plan_packet(2), GOOD_MOUNT, header(FREEZE)],
    "a plan amid the mounts": [plan_packet(2), GOOD_MOUNT, plan_packet(2)],
    "mountinfo after the plan": [plan_packet(1), header(MOUNTINFO)],
    "no mounts": [plan_packet(0)],
    "too many mounts": [plan_packet(257)],
    "very many mounts": [plan_packet(0xFFFFFFFF)],
    "no budget": [plan_packet(1, budget_usec=0)],
    "too short a budget": [plan_packet(1, budget_usec=999)],
    "too long a budget": [plan_packet(1, budget_usec=30_000_001)],
    "endless budget": [plan_packet(1, budget_usec=2**64 - 1)],
    "endless sync": [plan_packet(1, sync_usec=2**64 - 1)],
    "unknown flag": [plan_packet(1, flags=4)],
    "relative path": [plan_packet(1), mount_packet("data", (7, 0))],
    "empty path": [plan_packet(1), mount_packet("", (7, 0))],
    "endless path": [plan_packet(1), mount_packet("/" + "x" * 4095, (7, 0))],
    "something behind the path": [plan_packet(1), mount_packet(b"/data\0/etc", (7, 0))],
    "groups out of order": [plan_packet(2), mount_packet("/a", (7, 0), 1),
                            mount_packet("/b", (7, 1), 0)],
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_bad_sequence_is_refused_with_a_reason(client, name):
    for packet in SEQUENCES[name]:
        client.send(packet)
    refusal = client.receive()
    assert refusal.type == ERROR and refusal.error in (errno.EPROTO, errno.EINVAL)
    assert len(refusal.text) > 10
    assert client.receive() is None


def test_an_empty_packet_ends_the_connection(client):
    client.send(b"")
    assert client.receive() is None


@pytest.mark.parametrize("kind", [FREEZE, SYNC, MOUNTINFO, PLAN, MOUNT])
def test_a_message_out_of_order_while_frozen_thaws_and_ends(client, make_fs, kind):
    fs = make_fs("ext4")
    client.frozen([fs], budget_usec=30_000_000)
    client.send({PLAN: plan_packet(1), MOUNT: GOOD_MOUNT}.get(kind, header(kind)))
    refusal = client.receive()
    assert (refusal.type, refusal.error) == (ERROR, errno.EPROTO)
    assert "out of order" in refusal.text
    assert fs.accepts_write()


def test_a_message_during_the_freeze_ends_it(client, make_fs):
    fs = make_fs("ext4")
    client.plan([fs], budget_usec=30_000_000)
    client.send(header(FREEZE))
    client.send(header(SYNC))
    answer = client.receive()
    assert answer.type == FROZEN or answer.reason == "stopped"
    assert client.receive().error == errno.EPROTO
    assert client.receive() is None
    assert fs.accepts_write()


def test_descriptors_that_a_client_sends_are_not_kept(server, client, make_fs):
    fs = make_fs("ext4")
    client.plan([fs])
    main = server.family().main
    before = len(os.listdir(f"/proc/{main}/fd"))
    with open("/dev/null", "rb") as null:
        for _ in range(3):
            client.socket.sendmsg([header(SYNC)], [
                (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null.fileno()] * 50))])
            client.receive()
    assert len(os.listdir(f"/proc/{main}/fd")) == before


def test_random_packets_never_crash_or_freeze(server):
    choice = random.Random(7)
    for _ in range(60):
        client = server.client()
        for _ in range(choice.randrange(1, 6)):
            packet = bytearray(choice.choice([
                plan_packet(1), GOOD_MOUNT, header(SYNC), header(FREEZE), header(THAW)]))
            for _ in range(choice.randrange(0, 4)):
                packet[choice.randrange(min(len(packet), 40))] = choice.randrange(256)
            client.send(bytes(packet[:choice.randrange(1, len(packet) + 1)]
                              if choice.random() < 0.2 else packet))
        client.socket.shutdown(1)
        while client.receive() is not None:
            pass
        client.close()
    assert wait_until(lambda: len(ends(server)) > 50)
    assert set(ends(server)) == {"0"}


def ends(server):
    return re.findall(r"died with code (\d+)", server.log())
