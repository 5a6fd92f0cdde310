# SPDX-License-Identifier: Apache-2.0
"""A client of the freezer's protocol, written from its header alone, and the programs."""

import array
import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import time
from dataclasses import dataclass

from lab.paths import BUILD
from lab.processes import is_listening

VERSION = 1
(MOUNTINFO, PLAN, MOUNT, SYNC, FREEZE, THAW,
 PREPARED, SYNCED, FROZEN, THAWED, ERROR) = range(1, 12)
REASONS = ["none", "asked", "deadline", "failed", "stopped", "broken"]
STATES = ["planned", "freezing", "frozen", "thawing", "thawed", "foreign", "failed"]
NO_WARM_UP, SYNC_LAST = 1, 2
PATH_MAX = 4096
# What has to come does so long before. The budget is longer: what thaws meanwhile is no deadline.
WAIT_SEC = 25
BUDGET_MAX_USEC = 30_000_000

HEADER = struct.Struct("=II")
PLAN_BODY = struct.Struct("=QQII")
MOUNT_BODY = struct.Struct(f"=III{PATH_MAX}s")
REPORT_BODY = struct.Struct("=IIIIQQQQQQQ")
MOUNT_REPORT = struct.Struct("=IiQQ")
ERROR_BODY = struct.Struct("=i256s")



@dataclass
class Mount:
    state: str
    error: int
    freeze_usec: int
    thaw_usec: int


@dataclass
class Report:
    type: int
    reason: str
    rounds: int
    sync_usec: int
    sync_last_usec: int
    warm_up_usec: int
    freezing_at: int
    frozen_at: int
    thawing_at: int
    thawed_at: int
    mounts: list

    @property
    def states(self):
        return [mount.state for mount in self.mounts]

    @property
    def errors(self):
        return [mount.error for mount in self.mounts]


@dataclass
class Refusal:
    error: int
    text: str
    type: int = ERROR


def header(kind, version=VERSION):
    return HEADER.pack(version, kind)


def plan_packet(n_mounts, budget_usec=BUDGET_MAX_USEC, flags=0, sync_usec=60_000_000):
    return header(PLAN) + PLAN_BODY.pack(budget_usec, sync_usec, n_mounts, flags)


def mount_packet(path, number, group=0):
    return header(MOUNT) + MOUNT_BODY.pack(group, *number, os.fsencode(path))


def decode(packet):
    version, kind = HEADER.unpack_from(packet)
    assert version == VERSION
    if kind == ERROR:
        assert len(packet) == HEADER.size + ERROR_BODY.size
        error, text = ERROR_BODY.unpack_from(packet, HEADER.size)
        return Refusal(error, text.split(b"\0")[0].decode())
    if kind == MOUNTINFO:
        return kind
    reason, n_mounts, rounds, _, *times = REPORT_BODY.unpack_from(packet, HEADER.size)
    start = HEADER.size + REPORT_BODY.size
    assert len(packet) == start + n_mounts * MOUNT_REPORT.size
    mounts = [Mount(STATES[s], e, f, t)
              for s, e, f, t in MOUNT_REPORT.iter_unpack(packet[start:])]
    return Report(kind, REASONS[reason], rounds, *times, mounts)


class Client:
    def __init__(self, path, timeout=WAIT_SEC):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(timeout)
        self.socket.connect(path)

    def send(self, packet):
        """A freezer that has refused us is gone, but its answer still waits to be read."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.send(packet)

    def receive(self, timeout=WAIT_SEC):
        """The next answer, or None at the connection's end."""
        self.socket.settimeout(timeout)
        for _ in range(2):
            # Requests that the freezer left unread reset the connection, before its last answer.
            with contextlib.suppress(ConnectionResetError):
                packet = self.socket.recv(16384)
                return decode(packet) if packet else None
        return None

    def ask(self, kind, timeout=WAIT_SEC):
        self.send(header(kind))
        return self.receive(timeout)

    def mountinfo(self):
        self.send(header(MOUNTINFO))
        fds = array.array("i")
        packet, control, _, _ = self.socket.recvmsg(64, socket.CMSG_SPACE(fds.itemsize))
        assert decode(packet) == MOUNTINFO
        fds.frombytes(control[0][2][:fds.itemsize])
        with os.fdopen(fds[0]) as file:
            return file.read()

    def plan(self, mounts, **options):
        """`mounts`: LoopFs, or (path, (major, minor)), or a list of such for each group."""
        groups = [m if isinstance(m, list) else [m] for m in mounts]
        self.send(plan_packet(sum(map(len, groups)), **options))
        for group, members in enumerate(groups):
            for member in members:
                path, number = (member if isinstance(member, tuple)
                                else (member.mount_point, member.number))
                self.send(mount_packet(path, number, group))
        return self.receive()

    def frozen(self, mounts, **options):
        """Plans and freezes `mounts` as one group, or as groups, and demands that it works."""
        prepared = self.plan(mounts, **options)
        assert prepared.type == PREPARED and prepared.reason == "none", prepared
        report = self.ask(FREEZE)
        assert report.type == FROZEN and set(report.states) == {"frozen"}, report
        return report

    def close(self):
        self.socket.close()


class Activated:
    """systemd-socket-activate with a program behind it, one for each connection, and its log."""

    def __init__(self, folder, name, command, accept=True, uid=0):
        self.path = os.path.join(folder, f"{name}.sock")
        self.log_path = os.path.join(folder, f"{name}.log")
        starter = ["systemd-socket-activate", "--seqpacket", "-l", self.path]
        starter += ["--accept"] if accept else []
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*starter, *command], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        assert wait_until(lambda: is_listening(self.path)), self.log()
        os.chown(self.path, uid, -1)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def close(self):
        self.process.terminate()
        self.process.wait(WAIT_SEC)


class Server(Activated):
    """The freezer, and the processes of each freeze."""

    def __init__(self, folder, ledger_dir, accept=True, uid=0):
        self.ledger_dir = ledger_dir
        super().__init__(folder, "freezer", [str(BUILD / "quiesced-freezer"),
                                             f"--ledger-dir={ledger_dir}"], accept, uid)

    def client(self):
        return Client(self.path)

    def ledgers(self):
        if not os.path.isdir(self.ledger_dir):
            return []
        return [n for n in os.listdir(self.ledger_dir) if n.startswith("ledger-")]

    def family(self):
        """The processes of the one freeze that is planned."""
        (ledger,) = self.ledgers()
        return Family(int(ledger.split("-")[1]))

    def thaw_leftovers(self, *options):
        """A rescuer that it leaves behind goes on with its stderr: the log, as the freezer's."""
        command = [str(BUILD / "quiesced-thaw"), f"--ledger-dir={self.ledger_dir}", *options]
        with open(self.log_path, "ab") as log:
            start = log.tell()
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=log, timeout=60,
                                  check=False)
        done.stderr = self.log()[start:]
        return done


class Family:
    """Who is who among the freezer's processes."""

    def __init__(self, main):
        self.main = main
        self.keepers = children(main, "freezer-keeper")
        (self.deadman,) = children(main, "freezer-deadman")

    def everybody(self):
        return [self.main, self.deadman, *self.keepers]

    def left(self):
        return [pid for pid in self.everybody() if name_of(pid)]


def name_of(pid):
    """None once it has ended, whether or not its parent has taken note."""
    if state_of(pid) in "ZX":
        return None
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def children(pid, name=None):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            pids = [int(p) for p in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [p for p in pids if name is None or name_of(p) == name]


def kill(*pids, number=signal.SIGKILL):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def kill_together(*pids):
    """Stops all before any dies, so that none sees the end of another one.

    A kill must not hit btrfs inside FITHAW: the kernel then cannot read back the superblock (EINTR
    in btrfs_unfreeze), believes that it was changed, and makes the file system read-only.
    """
    kill(*pids, number=signal.SIGSTOP)
    wait_until(lambda: all(state_of(pid) in "DTZX" for pid in pids))
    kill(*pids)


def wait_until(condition, timeout=WAIT_SEC, step=0.005):
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(step)
    return True


def is_readable(client, timeout=WAIT_SEC):
    return bool(select.select([client.socket], [], [], timeout)[0])
