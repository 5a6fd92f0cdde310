# SPDX-License-Identifier: Apache-2.0
"""How long writers stall for a snapshot: quiesced, the usual shell lines, and a bare program."""

import os
import statistics
import subprocess
import time

from lab.lab import Lab
from lab.paths import BUILD
from lab.written import boottime_usec

FILE_SYSTEMS = {"a": "ext4", "b": "ext4", "c": "xfs", "d": "xfs"}
VOLUME_BYTES = 1 << 30
SERVER_SEC = 0.2
DIRTY_BYTES = 200 << 20  # on each of the four
PACE_USEC = 500
# Shorter ones are the scheduler's.
STALL_USEC = 1000

WRITERS = {"buffered": "append", "fdatasync": "sync"}


class Sample:
    """One run: `moment` lies inside the freeze, `server_usec` is the time that EC2 took."""

    def __init__(self, writers, began, ended, moment, server_usec):
        longest = total = 0
        for written in writers.written:
            stalls = written.stalls(began, ended, longer_than_usec=STALL_USEC)
            around = [s.usec for s in stalls if s.began_usec <= moment <= s.began_usec + s.usec]
            longest = max([longest, *around])
            total = max(total, sum(s.usec for s in stalls))
        self.server_usec = server_usec
        self.own_usec = longest - server_usec
        self.total_own_usec = total - server_usec


def wall_offset_usec():
    return boottime_usec() - int(time.time() * 1e6)


def run_on_cloud(lab, writers, command):
    """A run of something that calls CreateSnapshots."""
    lab.cloud.clear_calls()
    began = boottime_usec()
    command()
    ended = boottime_usec()
    (call,) = [c for c in lab.cloud.calls("CreateSnapshots") if not c["dry_run"]]
    server_usec = int(call["duration"] * 1e6)
    moment = int(call["time"] * 1e6) + wall_offset_usec() + server_usec // 2
    writers.wait_for_writes(2)
    return Sample(writers, began, ended, moment, server_usec)


def run_quiesced(lab, writers):
    return run_on_cloud(lab, writers, lambda: lab.json("snapshot", "--wait=completed"))


def run_shell(lab, writers):
    mounts = [v.mount_point for v in lab.volumes]
    lines = [f"fsfreeze -f {m}" for m in mounts]
    lines.append(
        f"aws --endpoint-url $AWS_ENDPOINT_URL_EC2 ec2 create-snapshots"
        f" --instance-specification InstanceId={lab.instance_id} >/dev/null"
    )
    lines += [f"fsfreeze -u {m}" for m in mounts]
    env = {**lab.environment(), **lab.cloud.env("static"), "HOME": str(lab.folder)}
    os.sync()

    def command():
        subprocess.run(["sh", "-c", "; ".join(lines)], env=env, check=True)

    return run_on_cloud(lab, writers, command)


def run_bare(lab, writers):
    hold_usec = int(SERVER_SEC * 1e6)
    began = boottime_usec()
    subprocess.run(
        [BUILD / "bare-freeze", str(hold_usec // 1000), *(v.mount_point for v in lab.volumes)],
        check=True, stdout=subprocess.DEVNULL,
    )
    ended = boottime_usec()
    writers.wait_for_writes(2)
    # The program ends right after its thaw.
    return Sample(writers, began, ended, ended - hold_usec // 2, hold_usec)


TOOLS = {"quiesced": run_quiesced, "shell": run_shell, "bare": run_bare}


def make_dirty(lab):
    block = os.urandom(1 << 20)
    for volume in lab.volumes:
        with open(os.path.join(volume.mount_point, "dirty"), "wb") as f:
            for _ in range(DIRTY_BYTES >> 20):
                f.write(block)


def samples_of(lab, kind, dirty, runs, progress):
    """{tool: [Sample]}, the tools taking turns."""
    samples = {tool: [] for tool in TOOLS}
    for _ in range(runs):
        for tool, run in TOOLS.items():
            folders = [lab.new_folder(v, "bench") for v in lab.volumes]
            with lab.writers([(WRITERS[kind], f) for f in folders], pace_usec=PACE_USEC) as writers:
                writers.wait_for_writes(200)
                if dirty:
                    make_dirty(lab)
                samples[tool].append(run(lab, writers))
            lab.empty_cloud()
            progress()
    return samples


def medians(samples, what):
    return {
        tool: statistics.median(getattr(s, what) for s in each) / 1000
        for tool, each in samples.items()
    }


def measure(runs, progress):
    """Three lists of (what, {tool: ms}): own share, sum of all stalls, the server's time."""
    rows, sums, servers = [], [], []
    # The simulated EC2 copies all bytes within its call: on a busy machine that takes its time.
    with Lab(FILE_SYSTEMS, budget="30s", backend=False, volume_bytes=VOLUME_BYTES) as lab:
        lab.cloud.fault("CreateSnapshots", times=-1, delay_before=SERVER_SEC)
        # What has once been written is copied ever after: the clean cases come first.
        for dirty in (False, True):
            for kind in WRITERS:
                samples = samples_of(lab, kind, dirty, runs, progress)
                name = f"{kind}, {'800 MB dirty' if dirty else 'clean'}"
                rows.append((name, medians(samples, "own_usec")))
                servers.append((name, medians(samples, "server_usec")))
                sums.append((name, medians(samples, "total_own_usec")))
    return rows, sums, servers
