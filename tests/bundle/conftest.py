# SPDX-License-Identifier: Apache-2.0
"""quiescectl's verbs for bundles, as a user runs them: no bus, no privilege, S3 on loopback."""

import json
import os
import subprocess
from types import SimpleNamespace

import pytest

from cloud.control import Cloud
from image.conftest import MIB, memory, pki, verify, write_image  # noqa: F401 (fixtures)
from lab.paths import BUILD

ACCOUNT = "123456789012"
LIMIT_SEC = 120


@pytest.fixture(scope="module")
def running():
    with Cloud(buckets=[{"name": "bundles", "acls": True}, {"name": "modern"}]) as cloud:
        yield cloud


@pytest.fixture
def cloud(running):
    with running.lent() as cloud:
        yield cloud


@pytest.fixture(scope="session")
def image(tmp_path_factory):
    """33 MiB of data and a hole: four parts."""
    return write_image(tmp_path_factory.mktemp("image") / "web", 40 * MIB, [(0, 33 * MIB)])


def environment(extra=None):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus", "LC_ALL": "C",
            "AWS_EC2_METADATA_DISABLED": "true", "QUIESCED_BUNDLE": str(BUILD / "quiesced-bundle"),
            **(extra or {})}


def command(*arguments, **options):
    """`quiescectl VERB OPERAND --option=value...` of arguments and keywords; a list repeats."""
    words = [str(BUILD / "quiescectl"), *map(str, arguments)]
    for name, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            words.append(f"--{name.replace('_', '-')}" + ("" if one is True else f"={one}"))
    return words


@pytest.fixture
def run():
    """Its result, with `document` where there is one."""
    def call(*arguments, env=None, **options):
        done = subprocess.run(command(*arguments, **options), env=environment(env), text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_SEC,
                              check=False)
        document = json.loads(done.stdout) if options.get("json") and done.stdout else None
        return SimpleNamespace(status=done.returncode, out=done.stdout, said=done.stderr.strip(),
                               document=document)
    return call


@pytest.fixture
def remote(run, cloud):
    """The same with the cloud in its environment."""
    def call(*arguments, **options):
        return run(*arguments, env=cloud.env("static"), **options)
    return call


@pytest.fixture
def papers(pki):
    """What making a bundle takes."""
    return {"user": ACCOUNT, "certificate": pki.user, "private_key": pki.user_key,
            "ec2_certificate": pki.ec2}


@pytest.fixture(scope="module")
def made(pki, image, tmp_path_factory):
    """A folder with a bundle of the image, which stays as it is."""
    folder = tmp_path_factory.mktemp("made") / "bundle"
    subprocess.run(command("bundle", image, into=folder, user=ACCOUNT, certificate=pki.user,
                           private_key=pki.user_key, ec2_certificate=pki.ec2),
                   env=environment(), check=True, timeout=LIMIT_SEC)
    return folder
