# SPDX-License-Identifier: Apache-2.0
"""Whenever capture is killed, left or addressed badly: nothing stays mounted, attached or half-made."""

import contextlib
import errno
import glob
import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from capture import Server
from freezer import THAW, children, kill, state_of, wait_until
from lab.capture import (DISCARD, KEEP, PASS, PASSED, READY, TAKE, begin_packet, final_packet, header,
                         mount_packet, name_packet, rule_packet, scrub_packet)
from lab.loopdisk import MIB
from lab.loopfs import run
from test_capture import private_folder, windowed

GOOD_MOUNT = mount_packet("/nonexistent", (7, 0))
SEQUENCES = {
    "empty header": [b"\0" * 7],
    "no such version": [header(PASS, version=2)],
    "no such type": [header(0)],
    "an answer": [header(READY)],
    "a huge type": [header(0xFFFFFFFF)],
    "begin too short": [begin_packet((7, 0), 1)[:-1]],
    "begin too long": [begin_packet((7, 0), 1) + b"\0" * 60_000],
    "no mounts": [begin_packet((7, 0), 0)],
    "too many mounts": [begin_packet((7, 0), 65)],
    "too large a delta": [begin_packet((7, 0), 1, delta=(4 << 30) + 1)],
    "a job of no name": [begin_packet((7, 0), 1, job="")],
    "a job that leads elsewhere": [begin_packet((7, 0), 1, job="../x")],
    "a job that is hidden": [begin_packet((7, 0), 1, job=".x")],
    "an endless job": [begin_packet((7, 0), 1, job="x" * 64)],
    "a relative folder": [begin_packet((7, 0), 1, folder="x")],
    "an endless folder": [begin_packet((7, 0), 1, folder="/" * 4096)],
    "a pass before the beginning": [header(PASS)],
    "a mount before the beginning": [GOOD_MOUNT],
    "a scrub before the beginning": [scrub_packet()],
    "a rule before the beginning": [rule_packet(1, "x")],
    "a final before the beginning": [final_packet(1_000_000)],
    "a keep before the beginning": [header(KEEP)],
    "no such device": [begin_packet((7, 1 << 19), 1)],
    "no block device": [begin_packet((1, 3), 1)],
    "taking what leads elsewhere": [name_packet(TAKE, "a/../../b", "/")],
    "discarding what leads elsewhere": [name_packet(DISCARD, "/etc", "/")],
}


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    """For what never gets as far as a disk."""
    server = Server(tmp_path_factory.mktemp("shared"))
    yield server
    server.close()


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_bad_sequence_is_refused_with_a_reason(shared_server, name):
    client = shared_server.client()
    with contextlib.closing(client):
        for packet in SEQUENCES[name]:
            client.send(packet)
        refusal = client.receive()
        assert refusal.error in (errno.EPROTO, errno.ENODEV) and len(refusal.text) > 10
        assert client.receive() is None


def test_out_of_order_ends_the_capture(capture_server, make_disk, stage):
    disk = make_disk("ext4")
    for packet in (final_packet(1_000_000), scrub_packet(), header(KEEP), rule_packet(1, "x"),
                   begin_packet((7, 0), 1), GOOD_MOUNT, name_packet(TAKE, "job", stage)):
        client = capture_server.client()
        with contextlib.closing(client):
            client.began(disk, stage)
            refusal = client.ask(packet)
            assert refusal.error == errno.EPROTO and "out of order" in refusal.text
            assert client.receive() is None and list(stage.iterdir()) == []


def test_a_budget_that_no_freeze_has_is_refused(capture_server, make_disk, stage):
    disk = make_disk("ext4")
    for budget in (0, 999, 30_000_001, 2**64 - 1):
        client = capture_server.client()
        with contextlib.closing(client):
            client.began(disk, stage)
            client.make_pass()
            assert "between 1 ms and 30 s" in client.ask(final_packet(budget)).text


def test_random_packets_never_crash(capture_server, stage):
    choice = random.Random(5)
    for _ in range(40):
        client = capture_server.client()
        for _ in range(choice.randrange(1, 5)):
            packet = bytearray(choice.choice([
                begin_packet((7, 250), 1, folder=stage), GOOD_MOUNT, header(PASS), scrub_packet(),
                rule_packet(2, "*"), name_packet(TAKE, "no-such-job", stage)]))
            for _ in range(choice.randrange(0, 4)):
                packet[choice.randrange(min(len(packet), 40))] = choice.randrange(256)
            client.send(bytes(packet))
        client.socket.shutdown(1)
        while client.receive() is not None:
            pass
        client.close()
    assert wait_until(lambda: len(ends(capture_server)) > 30)
    assert set(ends(capture_server)) == {"0"}
    assert list(stage.iterdir()) == []


def ends(server):
    return re.findall(r"died with code (\d+)", server.log())


def test_another_user_is_refused(capture_server, stage):
    """Even one who may connect; the owner of the socket is served."""
    os.chmod(capture_server.path, 0o666)
    os.chmod(os.path.dirname(capture_server.path), 0o755)
    asking = f"""
import sys
sys.path[:0] = {sys.path!r}
from lab.capture import *
answer = Client({capture_server.path!r}).ask(name_packet(DISCARD, "job", {str(stage)!r}))
print(answer.type, getattr(answer, "text", ""))
"""
    def ask(uid):
        return run("setpriv", f"--reuid={uid}", "--clear-groups", "/usr/bin/python3", "-c", asking)
    assert "only root and the owner of the socket may capture" in ask(65534)
    os.chown(capture_server.path, 65534, -1)
    assert ask(65534) == "14"


def capture_of(server):
    """The process behind the one connection."""
    found = []
    assert wait_until(lambda: found.extend(children(server.process.pid, "quiesced-captur")) or found)
    return found[0]


def attached(folder):
    """Loop devices of files in this folder, with a name or without."""
    found = []
    for path in glob.glob("/sys/block/loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            if Path(path).read_text().startswith(f"{folder}/"):
                found.append(path.split("/")[3])
    return found


def nothing_is_left(stage, disk, used):
    assert wait_until(lambda: attached(stage) == [])
    assert list(stage.iterdir()) == []
    about = os.statvfs(stage)
    assert wait_until(lambda: (about.f_blocks - os.statvfs(stage).f_bfree) - used < 1000)
    assert disk.accepts_write()


def mounted_by(process):
    """The devices of all mounts that it sees."""
    lines = Path(f"/proc/{process}/mountinfo").read_text().splitlines()
    return {line.split()[2] for line in lines}


def used_blocks(folder):
    about = os.statvfs(folder)
    return about.f_blocks - about.f_bfree


@pytest.fixture
def staged_apart(make_fs):
    """A file system of the stage's own, whose room tells what is left."""
    fs = make_fs("ext4", name="stage-fs", size=256 * MIB)
    folder = private_folder(fs.mount_point)
    run("sync", "-f", fs.mount_point)
    return folder


@pytest.mark.parametrize("stage_of_it", ["began", "within a pass", "passed", "caught", "scrubbed"])
def test_killed_at_any_stage_it_leaves_nothing(capture_server, capturer, client, make_disk,
                                               staged_apart, stage_of_it):
    disk = make_disk("ext4")
    Path(disk.mounted[0].mount_point, "much").write_bytes(os.urandom(30 * MIB))
    run("sync", "-f", disk.mounted[0].mount_point)
    used = used_blocks(staged_apart)
    capturer.began(disk, staged_apart)
    victim = capture_of(capture_server)
    if stage_of_it == "within a pass":
        capturer.send(header(PASS))
    elif stage_of_it != "began":
        capturer.make_pass()
    if stage_of_it in ("caught", "scrubbed"):
        windowed(capturer, client, disk)
    if stage_of_it == "scrubbed":
        capturer.scrub()
    kill(victim)
    answer = capturer.receive()
    assert answer is None or answer.type == PASSED
    nothing_is_left(staged_apart, disk, used)


def test_killed_within_a_scrub_it_leaves_no_mount_that_nobody_saw(capture_server, capturer, client,
                                                                 make_disk, staged_apart):
    disk = make_disk("ext4")
    with open(Path(disk.mounted[0].mount_point, "long.pem"), "wb") as file:
        file.truncate(64 << 30)  # it is all read, for the key that may be in it
    used = used_blocks(staged_apart)
    capturer.began(disk, staged_apart)
    capturer.make_pass()
    windowed(capturer, client, disk)
    victim = capture_of(capture_server)
    capturer.send(scrub_packet())
    assert wait_until(lambda: any(os.path.exists(f"/sys/fs/ext4/{loop}")
                                  for loop in attached(staged_apart)))
    kill(victim, number=signal.SIGSTOP)
    assert wait_until(lambda: state_of(victim) == "T")
    loops = {Path(f"/sys/block/{loop}/dev").read_text().strip() for loop in attached(staged_apart)}
    assert loops and not loops & (mounted_by("self") | mounted_by(victim))
    kill(victim)
    while capturer.receive() is not None:
        pass
    nothing_is_left(staged_apart, disk, used)


def test_a_client_that_goes_within_a_pass_ends_it(capture_server, capturer, make_disk, staged_apart):
    disk = make_disk("ext4")
    Path(disk.mounted[0].mount_point, "much").write_bytes(os.urandom(30 * MIB))
    run("sync", "-f", disk.mounted[0].mount_point)
    used = used_blocks(staged_apart)
    capturer.began(disk, staged_apart)
    victim = capture_of(capture_server)
    capturer.send(header(PASS))
    capturer.close()
    assert wait_until(lambda: state_of(victim) in "ZX")
    nothing_is_left(staged_apart, disk, used)


def test_the_freezer_thaws_when_capture_dies_in_the_window(capture_server, capturer, client, make_disk,
                                                           stage):
    """That nothing stays frozen is not capture's to see to."""
    disk = make_disk("ext4")
    capturer.began(disk, stage)
    capturer.make_pass()
    client.frozen(disk.mounted)
    capturer.send(final_packet(20_000_000))
    kill(capture_of(capture_server))
    client.ask(THAW)
    assert disk.accepts_write() and list(stage.iterdir()) == []


def test_without_a_socket_it_says_how_it_is_started():
    done = subprocess.run([Server.PROGRAM], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 1 and "start quiesced-capture by its socket unit" in done.stderr
    done = subprocess.run([Server.PROGRAM, "--x"], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 2 and "--x: unknown to quiesced-capture" in done.stderr
