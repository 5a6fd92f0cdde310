# SPDX-License-Identifier: Apache-2.0
"""Our archive of an image is GNU tar's, byte for byte."""

import hashlib
import os
import subprocess

import pytest

from image.conftest import MIB, random_extents, write_image
from lab.paths import BUILD

GIB = 1 << 30
LAYOUTS = {
    "ends-in-a-hole": (MIB, [(0, 4096), (524288, 4096)]),
    "ends-in-data": (MIB, [(8192, 100), (MIB - 5, 5)]),
    "begins-with-a-hole": (3 * MIB + 17, [(MIB, 12345)]),
    "four-extents": (MIB, [(i * 65536, 4096) for i in range(3)]),
    "five-extents": (MIB, [(i * 65536, 4096) for i in range(4)]),
    "one-extension": (4 * MIB, [(i * 65536, 4096) for i in range(24)]),
    "two-extensions": (4 * MIB, [(i * 65536, 4096) for i in range(25)]),
    "many-extents": (64 * MIB, [(i * 16384, 777) for i in range(4000)]),
    "nothing-but-a-hole": (5 * MIB, []),
    "no-hole": (MIB + 1, [(0, MIB + 1)]),
    "one-byte": (1, [(0, 1)]),
    "past-8-GiB": (9 * GIB, [(0, 4096), (8 * GIB - 4096, 8192), (9 * GIB - 1, 1)]),
    "10-GiB": (10 * GIB, [(3 * GIB, 100000)]),
    **{f"random-{seed}": (20 * MIB + seed, random_extents(seed, 20 * MIB, 10 * seed))
       for seed in range(1, 9)},
}


def sha1_of(command):
    """Of what a command prints, and what it says besides."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        digest = hashlib.sha1()
        while data := process.stdout.read(MIB):
            digest.update(data)
        said = process.stderr.read().decode().strip()
    assert process.returncode == 0, said
    return digest.hexdigest(), said


def ours(path, name):
    made, said = sha1_of([BUILD / "bundle-probe", "tar", path, name])
    # And the digest that goes into the manifest is the one of these bytes.
    assert said == made
    return made


def theirs(path, *options):
    return sha1_of(["tar", "-chS", "--owner", "0", "--group", "0", *options, "-C", path.parent, "-f", "-",
                    path.name])[0]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("place", ["memory", "tmp_path"])
def test_an_archive_is_the_one_of_tar(layout, place, request):
    path = write_image(request.getfixturevalue(place) / "web", *LAYOUTS[layout])
    assert ours(path, "web") == theirs(path)


def test_the_known_vector(tmp_path):
    path = tmp_path / "any"
    with open(path, "wb") as file:
        file.write(b"A" * 4096)
        file.seek(524288)
        file.write(b"B" * 4096)
        file.truncate(MIB)
    os.chmod(path, 0o644)
    os.utime(path, (0, 0))
    assert ours(path, "image") == "1e4bd0b00d844b0ab1639b5b68f29588426d86e3"


@pytest.mark.parametrize("seconds", [-1, -(1 << 33), 1, 1 << 33, (1 << 33) - 1])
def test_times_that_octal_digits_do_not_hold(memory, seconds):
    path = write_image(memory / "web", MIB, [(0, 4096)])
    os.utime(path, (seconds, seconds))
    os.chmod(path, 0o4751)
    assert ours(path, "web") == theirs(path)


def test_a_name_as_long_as_a_header_has_room_for(memory):
    name = "n" * 99
    path = write_image(memory / name, MIB, [(0, 4096)])
    assert ours(path, name) == theirs(path)
