# SPDX-License-Identifier: Apache-2.0
"""Bundles that others read, and the way back from theirs."""

import filecmp
import os
import subprocess

import pytest

from image.conftest import MIB, random_extents, write_image
from lab import bundle as classic
from lab.paths import BUILD

GIB = 1 << 30


def same(one, other):
    return filecmp.cmp(one, other, shallow=False)


@pytest.mark.parametrize("size, extents", [
    (MIB, [(0, 4096), (524288, 4096)]),
    (1, [(0, 1)]),
    (64 * MIB, random_extents(3, 64 * MIB, 2000)),
    (25 * MIB, [(0, 25 * MIB)]),
], ids=["holes", "one-byte", "many-extents", "three-parts"])
def test_an_image_comes_back(bundle, probe, verify, pki, memory, size, extents):
    image = write_image(memory / "image", size, extents)
    said, folder = bundle(image)
    assert said == ""
    assert same(image, verify(folder))
    assert probe("check", folder, "web", pki.user) == ""
    back = memory / "back"
    assert probe("unbundle", folder, "web", pki.user, pki.user_key, back) == ""
    assert same(image, back)
    assert back.stat().st_blocks <= image.stat().st_blocks


def test_ten_gibibytes_that_are_holes_stay_small(bundle, probe, verify, pki, memory):
    image = write_image(memory / "image", 10 * GIB, [(0, MIB), (9 * GIB, MIB), (10 * GIB - 1, 1)])
    said, folder = bundle(image)
    assert said == ""
    assert sum(file.stat().st_size for file in folder.iterdir()) < 4 * MIB
    back = memory / "back"
    assert probe("unbundle", folder, "web", pki.user, pki.user_key, back) == ""
    for path in (back, verify(folder)):
        assert path.stat().st_size == 10 * GIB
        assert path.stat().st_blocks * 512 < 4 * MIB
        with open(image, "rb") as one, open(path, "rb") as other:
            for offset in (0, 9 * GIB, 10 * GIB - MIB):
                assert os.pread(one.fileno(), MIB + 1, offset) == os.pread(other.fileno(), MIB + 1, offset)


def test_more_than_ten_gibibytes_are_refused(bundle, memory):
    said, folder = bundle(write_image(memory / "image", 10 * GIB + 1, []))
    assert "at most 10 GiB" in said and str(10 * GIB + 1) in said
    assert not list(folder.iterdir())


@pytest.mark.parametrize("name", ["", "../web", "a/b", ".web", "-web", "a b", "n" * 100, "w\xe4b"])
def test_names_that_no_object_should_have(bundle, memory, name):
    said, folder = bundle(write_image(memory / "image", MIB, [(0, 9)]), name=name)
    assert "is no name for a bundle" in said
    assert not list(folder.iterdir())


def test_what_is_no_file_is_refused(bundle):
    said, folder = bundle("/dev/zero")
    assert "no regular file" in said
    assert not list(folder.iterdir())


def test_nothing_is_overwritten(bundle, memory):
    image = write_image(memory / "image", 25 * MIB, [(0, 25 * MIB)])
    _, folder = bundle(image)
    (folder / "web.part.0000").unlink()
    before = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    said, _ = bundle(image)
    assert "web.part.0001 cannot be made: File exists" in said
    # And what it had made by then is gone again.
    assert {file.name: file.stat().st_mtime_ns for file in folder.iterdir()} == before


# --- Parts ---------------------------------------------------------------------------------------

def parts(image, keys, failing=10**6, before=()):
    done = subprocess.run([*before, BUILD / "bundle-probe", "parts", image, "web", keys, str(failing)],
                          capture_output=True, text=True)
    return done.stdout.splitlines(), done.stderr.strip()


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys"
    path.write_bytes(bytes(range(32)))
    return path


def test_the_same_image_and_keys_make_the_same_parts(memory, keys):
    image = write_image(memory / "image", 40 * MIB, [(0, 33 * MIB)])
    first, said = parts(image, keys)
    assert said == "" and len(first) == 4
    for failing in range(4):
        made, said = parts(image, keys, failing)
        assert said.endswith("this part is refused")
        assert made == first[:failing]
    assert parts(image, keys)[0] == first
    assert parts(image, keys, before=("taskset", "-c", str(min(os.sched_getaffinity(0)))))[0] == first
    keys.write_bytes(bytes(32))
    assert not set(parts(image, keys)[0]) & set(first)


# --- Faults --------------------------------------------------------------------------------------

def test_a_device_that_errors_in_mid_read(bundle, memory):
    image = write_image(memory / "image", 40 * MIB, [(0, 40 * MIB)])
    said, folder = bundle(image, before=("strace", "-qq", "-f", "-o", memory / "log", "-e",
                                         "inject=pread64:error=EIO:when=30"))
    assert "cannot be read at byte" in said and "Input/output error" in said
    assert not list(folder.iterdir())


def test_an_image_that_shrinks_meanwhile(bundle, memory):
    image = write_image(memory / "image", 40 * MIB, [(0, 40 * MIB)])
    said, folder = bundle(image, before=("strace", "-qq", "-f", "-o", memory / "log", "-e",
                                         "inject=pread64:retval=0:when=30"))
    assert "it has become shorter" in said
    assert not list(folder.iterdir())


def test_a_disk_that_fills(bundle, memory, tmp_path):
    image = write_image(memory / "image", 40 * MIB, [(0, 40 * MIB)])
    folder = tmp_path / "bundle"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=15m", "none", folder], check=True)
    try:
        said, _ = bundle(image)
        left = list(folder.iterdir())
    finally:
        subprocess.run(["umount", folder], check=True)
    assert "web.part.0001 cannot be made: No space left on device" in said
    assert not left


# --- Bundles of the classic kind -----------------------------------------------------------------

def test_a_bundle_that_others_made(probe, pki, memory):
    """tar without holes, gzip, openssl enc, split."""
    image = write_image(memory / "web", 30 * MIB, [(MIB, 12 * MIB), (20 * MIB, 4096)])
    classic.pack(image, memory, pki)
    back = memory / "back"
    assert probe("unbundle", memory, "web", pki.user, pki.user_key, back) == ""
    assert same(image, back)
    assert back.stat().st_blocks <= image.stat().st_blocks
