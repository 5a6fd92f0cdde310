# SPDX-License-Identifier: Apache-2.0
"""The bundle pipeline by itself: bundle-probe, certificates, and images with holes."""

import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab import certificates
from lab.paths import BUILD, TESTS, scratch_folder

MIB = 1 << 20


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    """EC2's certificate, which has expired as all of them have, and the user's."""
    folder = tmp_path_factory.mktemp("pki")
    ec2_key, _ = certificates.make_pair(folder, "ec2", key=("rsa:1024",))
    user_key, user = certificates.make_pair(folder, "user")
    ec2 = certificates.sign(folder, "ec2-expired", ec2_key, "20060101000000Z", "20160101000000Z")
    return SimpleNamespace(folder=folder, ec2=ec2, ec2_key=ec2_key, user=user, user_key=user_key)


@pytest.fixture(scope="session")
def probe():
    """Runs bundle-probe; what went wrong, or an empty string."""
    def run(*arguments, before=(), **options):
        done = subprocess.run([*before, BUILD / "bundle-probe", *map(str, arguments)],
                              stderr=subprocess.PIPE, **options)
        assert done.returncode in (0, 1), done.stderr
        return done.stderr.decode().strip() if done.returncode else ""
    return run


@pytest.fixture
def bundle(probe, pki, tmp_path):
    """Bundles an image as "web" into a folder that it makes; what went wrong, and the folder."""
    def run(image, name="web", ec2=pki.ec2, user=pki.user, key=pki.user_key, **options):
        folder = tmp_path / "bundle"
        folder.mkdir(exist_ok=True)
        return probe("bundle", image, folder, name, ec2, user, key, **options), folder
    return run


@pytest.fixture
def verify(pki, tmp_path):
    """lab/unbundle.py over a bundle: the path of the image it gives back."""
    def run(folder, name="web"):
        target = tmp_path / "independent"
        subprocess.run([sys.executable, TESTS / "lab" / "unbundle.py", folder / f"{name}.manifest.xml",
                        pki.user, pki.user_key, pki.ec2_key, target], check=True)
        return target
    return run


@pytest.fixture
def memory():
    """A folder for large sparse files."""
    folder = Path(tempfile.mkdtemp(prefix="image.", dir=scratch_folder()))
    yield folder
    shutil.rmtree(folder)


def write_image(path, size, extents, seed=1):
    """A file of `size` bytes with random data at (offset, length) and holes elsewhere."""
    generator = random.Random(seed)
    with open(path, "wb") as file:
        file.truncate(size)
        for offset, length in extents:
            file.seek(offset)
            file.write(generator.randbytes(length))
    return path


def random_extents(seed, size, count):
    """Of any length, at any place: some touch, some overlap."""
    generator = random.Random(seed)
    return [(offset, min(generator.choice((1, 511, 4096, 10000, 70000)), size - offset))
            for offset in (generator.randrange(size) for _ in range(count))]
