# SPDX-License-Identifier: Apache-2.0
"""
The main job, told as it happens: real file systems under programs that write, an image of them
made without a stop, and a look at the bytes it consists of. tests/try runs it.
"""

import signal
import subprocess
import sys
import tempfile
import textwrap
import time

from lab.lab import INSTANCE_ID, Lab

FILE_SYSTEMS = {"root": "ext4", "data": "xfs"}
IMAGE = "golden-web-1"
SERVER_SEC = 0.2
WRITE_SEC = 1.0
WIDTH = 100
# What a copy without a problem was found to be.
SEEN = {
    "ext4": "its journal needs no recovery, and e2fsck -fn has nothing to say",
    "xfs": "every file reads with the log left alone, which xfs never closes for a freeze",
}


class Teller:
    """Prints for people: headings, commands with what they print, and facts."""

    def __init__(self, stream):
        self.stream = stream
        self.colours = stream.isatty()
        self.chapter = 0

    def styled(self, text, code):
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours else text

    def line(self, text=""):
        print(text, file=self.stream, flush=True)

    def heading(self, text):
        self.chapter += 1
        self.line()
        self.line(self.styled(f"{self.chapter}  {text}", "1"))

    def prose(self, text):
        for line in textwrap.wrap(" ".join(text.split()), WIDTH - 3):
            self.line(f"   {line}")

    def command(self, *words):
        self.line(self.styled(f"   $ {' '.join(map(str, words))}", "36"))

    def output(self, text):
        for line in text.rstrip().splitlines():
            self.line(f"     {line}")

    def fact(self, good, text):
        mark = self.styled("ok", "32") if good else self.styled("NO", "1;31")
        self.line(f"   {mark}  {text}")
        return good


class Story:
    def __init__(self, lab, teller):
        self.lab = lab
        self.teller = teller
        self.good = True

    def fact(self, good, text):
        self.good = self.teller.fact(good, text) and self.good

    def ctl(self, *arguments):
        """Shows the command and its output; what it was told by --json comes back."""
        self.teller.command("quiescectl", *arguments)
        result = self.lab.ctl(*arguments)
        self.teller.output(result.stdout + result.stderr)
        if result.returncode:
            raise RuntimeError(f"quiescectl {arguments[0]} failed")

    def introduce(self):
        self.teller.heading("An instance with two volumes, and programs that write to them")
        self.teller.prose(
            f"""Instance {INSTANCE_ID} lives in a simulated EC2 on loopback. Its volumes are loop
            devices with real file systems; the simulated EC2 cuts a snapshot by copying the bytes
            of all volumes at one instant. quiesced runs as an unprivileged user beside it, with the
            freezer behind its socket and a D-Bus of its own."""
        )
        for volume in self.lab.volumes:
            self.teller.line(
                f"     {volume.id}  {volume.device_name:9}  {volume.fs.kind:4}"
                f"  on {volume.mount_point}"
            )

    def write(self, writers):
        began = [w.count() for w in writers.written]
        time.sleep(WRITE_SEC)
        count = sum(w.count() for w in writers.written) - sum(began)
        self.teller.prose(
            f"""{len(writers.written)} writers are at work: appends, appends with fdatasync, a file
            for every write, and transactions that go to the first volume and then to the second.
            They have made {count:,} writes in the last second, and will not stop."""
        )

    def look(self):
        self.teller.heading("What quiesced sees, and what it would do")
        self.teller.prose(
            """The file systems of the machine that this runs on are seen too, and named as not
            covered: no volume of the instance holds them, so nothing of theirs is frozen."""
        )
        self.ctl("volumes")
        self.teller.line()
        self.ctl("plan")

    def bake(self, writers):
        self.teller.heading("The bake")
        self.lab.cloud.clear_calls()
        self.ctl("image", IMAGE, "--wait=completed")
        writers.wait_for_writes(5)
        return self.lab.new_jobs()[-1]

    def phases(self, job):
        phases = job["phases"]
        rows = [
            ("sync", f"while the writers went on, {phases['sync-rounds']} time(s) until it was quick"),
            ("warm-up", "a short freeze and thaw, which pays the kernel's grace periods"),
            ("freeze", "all file systems at once, each in a process of its own"),
            ("hold", "one signed request on a connection that was open already"),
            ("thaw", "in the other order"),
        ]
        for name, meaning in rows:
            self.teller.line(f"     {name:8} {phases[f'{name}-usec'] / 1000:8.1f} ms   {meaning}")

    def felt(self, job, writers):
        self.teller.heading("What the programs felt")
        self.phases(job)
        cut = [c for c in self.lab.cloud.calls("CreateSnapshots") if not c["dry_run"]][0]
        frozen_ms = int(job["frozen-usec"]) / 1000
        server_ms = cut["duration"] * 1000
        longest_ms = writers.longest_stall_usec() / 1000
        self.teller.prose(
            f"""Frozen for {frozen_ms:.1f} ms, of which EC2 took {server_ms:.1f} ms to cut the
            snapshots (the simulated one is told to take {SERVER_SEC * 1000:.0f} ms and copies on
            top of it); the longest that any write had to wait was {longest_ms:.1f} ms."""
        )
        self.fact(frozen_ms < 1000, "thawed within a second")
        self.fact(writers.errors() == {}, "no writer has seen an error")
        for volume in self.lab.volumes:
            self.fact(volume.fs.accepts_write(), f"{volume.mount_point} takes writes again")

    def proof(self, job, writers):
        self.teller.heading("The bytes of the snapshots, looked at without any recovery")
        verdict = self.lab.judge(job, writers)
        problems = list(verdict.problems)
        for name, (_, fstype) in self.lab.copies(job).items():
            own = [p for p in problems if p.startswith(f"{name}: ")]
            problems = [p for p in problems if p not in own]
            self.fact(own == [], "; ".join(own) or f"{name} ({fstype}): {SEEN[fstype]}")
        self.fact(
            problems == [],
            "; ".join(problems)
            or f"all {verdict.returned:,} writes that had returned before the freeze are there, "
            "synced or not, and no transaction is torn between the volumes",
        )

    def contrast(self, writers):
        self.teller.heading("The same without the freeze, to see that these checks can fail")
        self.ctl("snapshot", "--no-freeze", "--consistency=crash", "--wait=completed")
        verdict = self.lab.judge(self.lab.new_jobs()[-1], writers)
        for problem in verdict.problems:
            self.teller.line(f"   --  {problem}")
        self.fact(verdict.problems != [], "a snapshot of a running host is not the same")

    def awscli(self):
        self.teller.heading("What the account holds now, as Debian's awscli lists it")
        self.show_aws(
            "describe-images", "--owners", "self", "--query",
            "Images[].[ImageId,Name,State,Architecture,RootDeviceName]",
        )
        self.show_aws(
            "describe-snapshots", "--owner-ids", "self", "--query",
            "Snapshots[].[SnapshotId,VolumeId,State,Tags[?Key=='quiesced:consistency']|[0].Value,"
            "Tags[?Key=='quiesced:mounts']|[0].Value]",
        )

    def show_aws(self, *arguments):
        env = {**self.lab.environment(), **self.lab.cloud.env("static"),
               "HOME": str(self.lab.folder)}
        command = ["aws", "ec2", *arguments, "--output", "text"]
        self.teller.command(*(f'"{w}"' if "[" in w else w for w in command))
        endpoint = ["--endpoint-url", env["AWS_ENDPOINT_URL_EC2"]]
        result = subprocess.run([*command, *endpoint], env=env, capture_output=True, text=True)
        self.teller.output(result.stdout + result.stderr)
        self.good = self.good and result.returncode == 0

    def tell(self):
        self.introduce()
        with self.lab.writers() as writers:
            self.write(writers)
            self.look()
            job = self.bake(writers)
            self.felt(job, writers)
            self.proof(job, writers)
            self.contrast(writers)
        self.awscli()
        return self.good


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    teller = Teller(sys.stdout)
    with tempfile.TemporaryDirectory(prefix="demo-", dir="/tmp") as mounts:
        with Lab(FILE_SYSTEMS, budget="10s", mounts=mounts) as lab:
            lab.cloud.fault("CreateSnapshots", times=-1, delay_before=SERVER_SEC)
            good = Story(lab, teller).tell()
    teller.line()
    if good:
        teller.line("An image of a host that never stopped. Nothing of this run is left behind.")
    else:
        teller.line("Something above is not as it should be.")
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
