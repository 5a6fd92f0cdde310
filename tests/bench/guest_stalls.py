# SPDX-License-Identifier: Apache-2.0
"""How long writers stall for a snapshot of a guest whose root is frozen with the rest."""

import json
import statistics

from cloud.account import empty_account
from vm.base import REGION
from vm.writers import GuestWriters

# What stalls is one write(2) of each of these.
KINDS = {"append": "buffered", "sync": "fdatasync"}
MOUNT_POINTS = ("/srv", "/data")
PACE_USEC = 2000
CHATTER = ("systemd-run --quiet --unit=chatter /bin/bash -c "
           "'while sleep 0.02; do logger \"a line in the journal\"; done'")
UPTIME = "cut -d' ' -f1 /proc/uptime"
QUIESCED = "quiescectl snapshot --wait=completed --no-progress --json"
# The usual lines, under a deadman that needs neither a file nor a new program when its time has
# come: SysRq-j thaws all file systems.
DEADMAN_SEC = 60
SHELL = f"""
export AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
echo 1 >/proc/sys/kernel/sysrq
( sleep {DEADMAN_SEC}; echo j >/proc/sysrq-trigger ) >/dev/null 2>&1 &
deadman=$!
sync
fsfreeze -f /data
fsfreeze -f /
aws --region {REGION} --endpoint-url https://ec2.{REGION}.amazonaws.com ec2 create-snapshots \
    --instance-specification InstanceId=$instance >/dev/null; status=$?
fsfreeze -u /
fsfreeze -u /data
kill $deadman
exit $status
"""
NOTHING = "sleep 2"
PHASES = ("sync-usec", "warm-up-usec", "freeze-usec", "hold-usec", "thaw-usec")


class Sample:
    """One run: {kind: longest stall}, the server's share in it, and what the command printed."""

    def __init__(self, instance, command):
        machine, cloud = instance.machine, instance.site.cloud
        cloud.clear_calls()
        with GuestWriters(machine, KINDS, MOUNT_POINTS, pace_usec=PACE_USEC) as writers:
            writers.wait_for_writes(100)
            began = instance.run(UPTIME).stdout
            done = instance.run(f"instance={instance.id}; {command}", timeout=DEADMAN_SEC + 60)
            ended = instance.run(UPTIME).stdout
            writers.wait_for_writes(5)
            writers.stop()
            span = [int(float(text) * 1e6) for text in (began, ended)]
            self.longest_usec = {
                kind: max(one.longest_stall_usec(*span)
                          for one in writers.written if one.kind == kind)
                for kind in KINDS}
        self.output = done.stdout
        self.server_usec = sum(int(call["duration"] * 1e6) for call in cloud.calls(service="ec2")
                               if call["action"] == "CreateSnapshots" and not call["dry_run"])

    def phases(self):
        return json.loads(self.output)["phases"]


def run_tool(instance, command):
    sample = Sample(instance, command)
    empty_account(instance.site.cloud)
    return sample


TOOLS = {"quiesced": QUIESCED, "fsfreeze + awscli": SHELL, "no freeze": NOTHING}


def medians_of(samples):
    """[(what, ms)] of one tool."""
    rows = []
    for kind, name in KINDS.items():
        longest = [sample.longest_usec[kind] for sample in samples]
        own = [sample.longest_usec[kind] - sample.server_usec for sample in samples]
        rows.append((f"longest stall, {name}", statistics.median(longest) / 1000))
        rows.append(("    minus the server's time", statistics.median(own) / 1000))
    servers = [sample.server_usec for sample in samples]
    return [*rows, ("the server's time", statistics.median(servers) / 1000)]


def measure(instance, runs, progress):
    """({tool: [(what, ms)]}, {phase of quiesced: ms}), the tools taking turns; medians."""
    # Once, so that both have all that they need in the page cache.
    for command in (QUIESCED, SHELL):
        run_tool(instance, command)
    instance.run(CHATTER)
    samples = {tool: [] for tool in TOOLS}
    for _ in range(runs):
        for tool, command in TOOLS.items():
            samples[tool].append(run_tool(instance, command))
            progress()
    instance.run("systemctl stop chatter")
    phases = [sample.phases() for sample in samples["quiesced"]]
    return ({tool: medians_of(each) for tool, each in samples.items()},
            {name: statistics.median(one[name] for one in phases) / 1000 for name in PHASES})
