# SPDX-License-Identifier: Apache-2.0
"""A root file system of 1 GiB as a bundle: by us, by the compressor alone, and by the classic pipe."""

import contextlib
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from lab.loopfs import LoopFs
from lab.paths import BUILD, scratch_folder

IMAGE_BYTES = 1 << 30
CLASSIC = ("tar -chS --owner 0 --group 0 -C {folder} -f - {name} | gzip -9 | openssl enc -aes-128-cbc "
           "-K 00112233445566778899aabbccddeeff -iv 00112233445566778899aabbccddeeff | "
           "split -b 10m - {folder}/classic.")


def make_image(folder):
    """A full ext4 of this host's programs and libraries; its path."""
    with LoopFs.make("ext4", folder, size=IMAGE_BYTES, name="root",
                     mount_point=folder / "mounted") as made:
        # As much of it as there is room for.
        subprocess.run(["cp", "-ax", "/usr/bin", "/usr/lib", "/usr/share", folder / "mounted"],
                       stderr=subprocess.DEVNULL)
        made.umount()
        image = folder / "image"
        os.link(made.image, image)
    return image


def run(program, image):
    """Seconds, bytes, and the most memory in kB."""
    began = time.monotonic()
    process = subprocess.Popen([BUILD / program, image], stdout=subprocess.PIPE, text=True)
    made = int(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    assert status == 0
    return time.monotonic() - began, made, usage.ru_maxrss


def run_classic(image):
    began = time.monotonic()
    subprocess.run(["bash", "-o", "pipefail", "-c", CLASSIC.format(folder=image.parent, name=image.name)],
                   check=True)
    seconds = time.monotonic() - began
    parts = list(image.parent.glob("classic.*"))
    made = sum(part.stat().st_size for part in parts)
    for part in parts:
        part.unlink()
    return seconds, made


def measure(runs, progress=lambda: None):
    """{tool: (MB of the image per second, bytes)}, and the memory that we take in kB."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(
            tempfile.TemporaryDirectory(prefix="bundle.", dir=scratch_folder())))
        image = make_image(folder)
        samples = {"bench-bundle": [], "bare-gzip": []}
        for _ in range(runs):
            for program, taken in samples.items():
                taken.append(run(program, image))
                progress()
        figures = {
            program: (IMAGE_BYTES / 1e6 / statistics.median(one[0] for one in taken), taken[0][1])
            for program, taken in samples.items()}
        seconds, made = run_classic(image)
        figures["classic"] = IMAGE_BYTES / 1e6 / seconds, made
    return figures, max(one[2] for one in samples["bench-bundle"])
