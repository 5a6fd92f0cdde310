# SPDX-License-Identifier: Apache-2.0
"""`make bench`: the figures, medians, side by side in one run. Nothing here passes or fails."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import bundling, capturing, idle, pruning, stalls  # noqa: E402
from lab.paths import BUILD  # noqa: E402

CAPTURES = 3  # each reads 30 GB and writes 10


def progress():
    print(".", end="", file=sys.stderr, flush=True)


def print_table(title, rows):
    print(f"\n{title}")
    print(f"{'':28}" + "".join(f"{tool:>12}" for tool in stalls.TOOLS))
    for name, figures in rows:
        print(f"  {name:26}" + "".join(f"{figures[tool]:12.1f}" for tool in stalls.TOOLS))


def print_figure(name, value, aim):
    print(f"  {name:52}{value:>14}   aim: {aim}")


def print_idle(figures):
    print("\nAt rest, and beginning")
    print_figure("daemon, idle: PSS", f"{figures['daemon_pss_kb']} kB", "4,096 kB")
    print_figure(f"daemon, idle: wake-ups in {idle.IDLE_SEC} s", figures["daemon_switches"], "0")
    name = f"freezer, holding: PSS of its {figures['freezer_processes']} processes"
    print_figure(name, f"{figures['freezer_pss_kb']} kB", "1,024 kB")
    print_figure("freezer: lines of code", figures["freezer_lines"], "1,200")
    print_figure("quiescectl image to the first FIFREEZE",
                 f"{figures['start_ms']:.0f} ms", "300 ms, and the cloud's own time")


def print_retention():
    print("\nRetention")
    subprocess.run([BUILD / "bench-retain"], check=True)
    for count, calls in pruning.measure().items():
        reads, writes = pruning.summary(calls, count)
        name = f"calls per pruned image of {pruning.SNAPSHOTS} snapshots, {count} at once"
        print(f"  {name:52}{reads:8.2f} to look, {writes:.2f} to delete")


def print_bundling(runs):
    figures, memory_kb = bundling.measure(runs, progress)
    (speed, size), (bare_speed, _), (classic_speed, classic_size) = (
        figures[tool] for tool in ("bench-bundle", "bare-gzip", "classic"))
    print(file=sys.stderr)
    print("\nA bundle of 1 GiB of a root file system")
    print_figure("tar, SHA-1, gzip, AES, parts with SHA-1", f"{speed:.0f} MB/s", "400 MB/s")
    print_figure("ISA-L's level 3 alone, in one thread", f"{bare_speed:.0f} MB/s", "")
    print_figure("    of which a bundle reaches", f"{speed / bare_speed:.2f}", "0.85")
    print_figure("tar | gzip -9 | openssl enc | split", f"{classic_speed:.0f} MB/s", "")
    print_figure("    and a bundle is faster by", f"{speed / classic_speed:.1f}", "25")
    print_figure("size, compared with that", f"{size / classic_size:.3f}", "1.10")
    print_figure("most memory", f"{memory_kb} kB", "128,000 kB")


def print_capturing(runs):
    seconds, read, changed = capturing.measure(runs, progress)
    print(file=sys.stderr)
    print(f"\nA capture's window: {read / 1e9:.1f} GB are read again, {changed / 1e6:.0f} MB of them changed")
    print_figure("the pass in the window", f"{seconds['window']:.1f} s", "")
    print_figure("a plain read of the same blocks", f"{seconds['plain']:.1f} s", "")
    print_figure("    of which the window takes", f"{seconds['window'] / seconds['plain']:.2f}", "1.3")


def print_fleet():
    print(flush=True)
    subprocess.run([BUILD / "bench-fleet"], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9, help="of which the median is shown")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("make bench: run it as root: it freezes file systems of its own")

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rows, sums, servers = stalls.measure(arguments.runs, progress)
    print(file=sys.stderr)
    print_table(f"Longest stall minus the server's time, ms (medians of {arguments.runs})", rows)
    print_table("Sum of all stalls of one run minus the server's time, ms (of those that call "
                "fdatasync, with their waits for the disk)", sums)
    print_table("The server's time, of which 200 ms are told and the rest is copying, ms", servers)
    print_idle(idle.measure(arguments.runs))
    print("\nTopology and plan of a long mountinfo")
    subprocess.run([BUILD / "bench-plan"], check=True)
    print_retention()
    print_bundling(arguments.runs)
    print_capturing(min(arguments.runs, CAPTURES))
    print_fleet()


if __name__ == "__main__":
    main()
