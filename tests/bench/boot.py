# SPDX-License-Identifier: Apache-2.0
"""What the package adds to the boot of a guest: its units enabled and disabled, in turns."""

import statistics

UNITS = "quiesced.service quiesced-freezer.socket quiesced-capture.socket quiesced-announce.service"
STATES = ("disabled", "enabled")
# Microseconds since the kernel began: PID 1 starts, the login prompt could come, nothing is left.
MARKS = """
systemctl show -P UserspaceTimestampMonotonic
systemctl show -P ActiveEnterTimestampMonotonic multi-user.target
systemctl show -P FinishTimestampMonotonic
"""


def boot_msec(instance):
    """(until multi-user.target, until all is started), without kernel and initramfs."""
    instance.boot_again()
    began, reached, finished = map(int, instance.run(MARKS).stdout.split())
    return (reached - began) / 1000, (finished - began) / 1000


def chain(instance):
    """The units that multi-user.target has waited for, as systemd-analyze shows them."""
    shown = instance.run("systemd-analyze --no-pager critical-chain multi-user.target").stdout
    return [line for line in shown.splitlines() if " @" in line]


def measure(instance, runs, progress):
    """({state: [ms until multi-user.target, ms until all is started]}, critical chain)."""
    boots = {state: [] for state in STATES}
    lines = []
    for _ in range(runs):
        for state in STATES:
            verb = state.removesuffix("d")
            instance.run(f"systemctl {verb} {UNITS}")
            instance.machine.shut_down()
            boots[state].append(boot_msec(instance))
            progress()
        lines = lines or chain(instance)
    return ({state: [statistics.median(column) for column in zip(*each)]
             for state, each in boots.items()}, lines)
