# SPDX-License-Identifier: Apache-2.0
"""A client of capture's protocol, written from its header alone."""

import array
import contextlib
import os
import socket
import struct
from dataclasses import dataclass

VERSION = 1
(BEGIN, MOUNT, PASS, FINAL, RULE, SCRUB, KEEP, TAKE, DISCARD,
 READY, PASSED, CAUGHT, KEPT, DISCARDED, SCRUBBED, ERROR) = range(1, 17)
INCLUDE, EXCLUDE = 1, 2
NO_DEFAULTS, MACHINE_ID, LEASES = 1, 2, 4
LIST_MAX = 32768

HEADER = struct.Struct("=II")
BEGIN_BODY = struct.Struct("=IIQII64s4096s")
MOUNT_BODY = struct.Struct("=II4096s")
FINAL_BODY = struct.Struct("=Q")
RULE_BODY = struct.Struct("=I1024s")
SCRUB_BODY = struct.Struct("=II")
NAME_BODY = struct.Struct("=64s4096s")
REPORT_BODY = struct.Struct("=QQQQQ")
REMOVALS_BODY = struct.Struct(f"=QII{LIST_MAX}s")
ERROR_BODY = struct.Struct("=i1024s")

WAIT_SEC = 60


@dataclass
class Report:
    type: int
    size: int
    used: int
    read: int
    changed: int
    span_usec: int


@dataclass
class Removals:
    type: int
    bytes: int
    count: int
    paths: list


@dataclass
class Refusal:
    error: int
    text: str
    type: int = ERROR


def header(kind, version=VERSION):
    return HEADER.pack(version, kind)


def begin_packet(number, n_mounts, job="job-1", folder="/", delta=0):
    return header(BEGIN) + BEGIN_BODY.pack(*number, delta, n_mounts, 0, job.encode(),
                                           os.fsencode(folder))


def mount_packet(path, number):
    return header(MOUNT) + MOUNT_BODY.pack(*number, os.fsencode(path))


def final_packet(budget_usec):
    return header(FINAL) + FINAL_BODY.pack(budget_usec)


def rule_packet(kind, pattern):
    return header(RULE) + RULE_BODY.pack(kind, os.fsencode(pattern))


def scrub_packet(flags=0):
    return header(SCRUB) + SCRUB_BODY.pack(flags, 0)


def name_packet(kind, job, folder):
    return header(kind) + NAME_BODY.pack(job.encode(), os.fsencode(folder))


def decode(packet):
    version, kind = HEADER.unpack_from(packet)
    body = packet[HEADER.size:]
    assert version == VERSION
    if kind == ERROR:
        error, text = ERROR_BODY.unpack(body)
        return Refusal(error, text.split(b"\0")[0].decode())
    if kind == SCRUBBED:
        size, count, listed, names = REMOVALS_BODY.unpack(body)
        return Removals(kind, size, count, [n.decode() for n in names.split(b"\0")[:listed]])
    return Report(kind, *REPORT_BODY.unpack(body))


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(WAIT_SEC)
        self.socket.connect(os.fspath(path))
        self.fd = None

    def send(self, packet):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.send(packet)

    def receive(self):
        """The next answer, or None at the connection's end; a descriptor is in `fd` then."""
        for _ in range(2):
            with contextlib.suppress(ConnectionResetError):
                fds = array.array("i")
                packet, control, _, _ = self.socket.recvmsg(65536,
                                                            socket.CMSG_SPACE(fds.itemsize))
                if control:
                    self.drop_fd()
                    fds.frombytes(control[0][2][:fds.itemsize])
                    self.fd = fds[0]
                return decode(packet) if packet else None
        return None

    def ask(self, packet):
        self.send(packet)
        return self.receive()

    def wanted(self, packet, kind):
        answer = self.ask(packet)
        assert answer is not None and answer.type == kind, answer
        return answer

    def begin(self, number, mounts, folder, **options):
        """`mounts`: (path, (major, minor)), or what has a mount_point and a number."""
        places = [m if isinstance(m, tuple) else (m.mount_point, m.number) for m in mounts]
        self.send(begin_packet(number, len(places), folder=folder, **options))
        for path, its_number in places:
            self.send(mount_packet(path, its_number))
        return self.receive()

    def began(self, disk, folder, **options):
        """Of a LoopDisk, or of a LoopFs, whose device is the disk."""
        mounts = getattr(disk, "mounted", [disk])
        answer = self.begin(disk.number, mounts, folder, **options)
        assert answer.type == READY, answer
        return answer

    def make_pass(self):
        return self.wanted(header(PASS), PASSED)

    def final(self, budget_usec=20_000_000):
        return self.wanted(final_packet(budget_usec), CAUGHT)

    def scrub(self, flags=0, rules=()):
        for kind, pattern in rules:
            self.send(rule_packet(kind, pattern))
        return self.wanted(scrub_packet(flags), SCRUBBED)

    def keep(self):
        """A descriptor of the image, which is the client's until the next one."""
        self.wanted(header(KEEP), KEPT)
        return self.fd

    def drop_fd(self):
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def close(self):
        self.drop_fd()
        self.socket.close()
