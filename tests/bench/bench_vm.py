# SPDX-License-Identifier: Apache-2.0
"""`make bench-vm`: the figures of a whole machine, in a guest. Nothing here passes or fails."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import boot, guest_stalls  # noqa: E402
from bench.tooled import base_with_awscli  # noqa: E402
from lab.paths import scratch_folder  # noqa: E402
from vm.instance import Instance  # noqa: E402
from vm.site import Site  # noqa: E402
from vm.standstill import daemon_pss_kb, memory_while_frozen  # noqa: E402


# The kernel cuts them short.
NAMES = {"quiesced": "daemon", "quiesced-worker": "worker", "quiesced-freeze": "freezer",
         "freezer-keeper": "    its keepers", "freezer-deadman": "    its deadman"}


def progress():
    print(".", end="", file=sys.stderr, flush=True)


def print_stalls(tools, phases, runs):
    print(f"\nA snapshot of / (ext4) and /data (xfs), the journal busy: ms, medians of {runs}")
    print(f"{'':28}" + "".join(f"{tool:>20}" for tool in tools))
    for number, (what, _) in enumerate(next(iter(tools.values()))):
        print(f"  {what:26}" + "".join(f"{rows[number][1]:20.1f}" for rows in tools.values()))
    print("  phases of quiesced: " + ", ".join(
        f"{name.removesuffix('-usec')} {msec:.1f}" for name, msec in phases.items()))


def print_memory(idle_kb, memory):
    print("\nMemory, kB")
    print(f"  {'daemon, idle: PSS':52}{idle_kb:>10}")
    for name in dict.fromkeys(one.name for one in memory):
        alike = [one for one in memory if one.name == name]
        what = f"{NAMES.get(name, name)}, / frozen: PSS of {len(alike)}"
        print(f"  {what:52}{sum(one.pss for one in alike):>10}")


def print_boot(medians, lines, runs):
    print(f"\nBoot without the kernel, ms, medians of {runs}")
    print(f"{'':28}" + "".join(f"{state:>20}" for state in medians))
    for number, what in enumerate(("to multi-user.target", "until all is started")):
        print(f"  {what:26}" + "".join(f"{each[number]:20.0f}" for each in medians.values()))
    print("\n".join(f"    {line}" for line in lines))


def bench(site, runs):
    with Instance(site) as instance:
        instance.boot()
        instance.mount_data()
        idle_kb = daemon_pss_kb(instance)
        with instance.clean():
            memory = memory_while_frozen(instance, "memory")
        stalls = guest_stalls.measure(instance, runs, progress)
        print(file=sys.stderr)
        print_stalls(*stalls, runs)
        print_memory(idle_kb, memory)
        boots = boot.measure(instance, runs, progress)
        print(file=sys.stderr)
        print_boot(*boots, runs)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of which the median is shown")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("make bench-vm: run it as root: it mounts the disk of a machine")

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="quiesced-bench-", dir=scratch_folder()))
    try:
        site = Site(folder, base_with_awscli())
        try:
            bench(site, arguments.runs)
        finally:
            site.close()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
