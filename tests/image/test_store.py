# SPDX-License-Identifier: Apache-2.0
"""A bundle goes into a bucket of the simulated cloud while it is made, and nothing stays of half of one."""

import os
import subprocess
from pathlib import Path

import pytest

from cloud.control import Cloud
from image.conftest import MIB, write_image
from lab.paths import BUILD

ACL = "aws-exec-read"
KEYS = [f"nightly/web.part.{index:04d}" for index in range(4)]
MANIFEST = "nightly/web.manifest.xml"


@pytest.fixture(scope="module")
def running():
    with Cloud(buckets=[{"name": "bundles", "acls": True}, {"name": "modern"}]) as cloud:
        yield cloud


@pytest.fixture
def cloud(running):
    with running.lent() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return write_image(tmp_path_factory.mktemp("image") / "web", 40 * MIB, [(0, 33 * MIB)])


@pytest.fixture
def probe(cloud):
    """bundle-probe with the cloud in its environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}

    def run(*arguments):
        return subprocess.run([BUILD / "bundle-probe", *map(str, arguments)],
                              env={**kept, **cloud.env("static")}, capture_output=True, text=True)
    return run


@pytest.fixture
def store(probe, pki, image, tmp_path):
    """Stores the image; (parts sent and parts that were there, or None), and what went wrong."""
    keys = tmp_path / "keys"
    keys.write_bytes(bytes(range(32)))

    def run(bucket="bundles", how="new"):
        done = probe("store", image, bucket, "nightly/", "web", pki.ec2, pki.user, pki.user_key, keys,
                     how)
        sums = tuple(map(int, done.stdout.split())) if done.returncode == 0 else None
        return sums, done.stderr.strip()
    return run


def stored(cloud):
    return sorted(one["key"] for one in cloud.objects("bundles"))


def test_a_bundle_is_there_whole_and_the_manifest_comes_last(cloud, store, image, verify, tmp_path):
    assert store() == ((4, 0), "")
    assert stored(cloud) == sorted([*KEYS, MANIFEST])
    assert {one["acl"] for one in cloud.objects("bundles")} == {ACL}
    assert [call["params"]["Key"] for call in cloud.calls("PutObject")][-1] == MANIFEST
    folder = tmp_path / "fetched"
    folder.mkdir()
    for one in cloud.objects("bundles"):
        (folder / Path(one["key"]).name).write_bytes(Path(one["path"]).read_bytes())
    assert verify(folder).read_bytes() == image.read_bytes()


def test_a_bundle_of_this_name_is_left_alone(cloud, store):
    cloud.put_object("bundles", MANIFEST, b"of somebody else")
    sums, said = store()
    assert sums is None
    assert "There is a bundle s3://bundles/nightly/web.manifest.xml already: choose another name" in said
    assert stored(cloud) == [MANIFEST]


def test_nothing_is_left_of_what_broke_off(cloud, store):
    cloud.fault("PutObject", skip=3, error="AccessDenied", status=403, times=-1)
    sums, said = store()
    assert sums is None and "access to bucket bundles is denied" in said
    assert cloud.calls("DeleteObjects") and stored(cloud) == []


def test_a_manifest_that_is_refused_takes_the_parts_with_it(cloud, store):
    cloud.fault("PutObject", skip=4, error="AccessDenied", status=403, times=-1)
    sums, _ = store()
    assert sums is None and stored(cloud) == []


def test_what_cannot_be_deleted_again_is_named(cloud, store):
    cloud.fault("PutObject", skip=3, error="AccessDenied", status=403, times=-1)
    cloud.fault("DeleteObjects", error="AccessDenied", status=403, times=-1)
    _, said = store()
    assert "it lies at s3://bundles/nightly/web.part.*" in said


def test_an_upload_goes_on_where_it_broke_off(cloud, store, verify):
    cloud.fault("PutObject", skip=2, error="AccessDenied", status=403, times=-1)
    assert store(how="stay")[0] is None
    left = stored(cloud)
    assert left and MANIFEST not in left
    cloud.clear_faults()
    assert store(how="go-on") == ((4 - len(left), len(left)), "")
    assert stored(cloud) == sorted([*KEYS, MANIFEST])
    # And once more, as after a crash before anybody knew.
    assert store(how="go-on") == ((0, 4), "")


def test_a_bucket_without_lists_names_the_remedy(cloud, store):
    sums, said = store(bucket="modern")
    assert sums is None and "Object Ownership" in said
    assert cloud.objects("modern") == []


# --- And back ------------------------------------------------------------------------------------

@pytest.fixture
def fetch(probe, pki, tmp_path):
    """Fetches the image: its path, and what went wrong, which a check without a key says as well."""
    def run(name="web"):
        target = tmp_path / "fetched"
        checked = probe("fetch-check", "bundles", "nightly/", name, pki.user)
        fetched = probe("fetch", "bundles", "nightly/", name, pki.user, pki.user_key, target)
        said = fetched.stderr.strip()
        # But for the number of the request.
        assert checked.stderr.strip().split("(request")[0] == said.split("(request")[0]
        return target, said
    return run


def test_an_image_comes_back_out_of_its_bucket(store, fetch, image):
    store()
    target, said = fetch()
    assert said == ""
    assert target.read_bytes() == image.read_bytes()
    assert target.stat().st_blocks <= image.stat().st_blocks


def test_what_is_not_there_is_named(cloud, fetch):
    assert "There is no s3://bundles/nightly/other.manifest.xml" in fetch("other")[1]
    cloud.put_object("bundles", MANIFEST, bytes(5 * MIB))
    assert f"{MANIFEST} is longer than anything of a bundle" in fetch()[1]
    cloud.put_object("bundles", MANIFEST, b"<manifest>")
    assert "The manifest web.manifest.xml is cut off, or no XML" in fetch()[1]


def test_a_part_that_somebody_replaced(cloud, store, fetch):
    store()
    cloud.put_object("bundles", KEYS[1], b"of somebody else")
    assert "web.part.0001 is damaged: its SHA-1" in fetch()[1]
    cloud.put_object("bundles", KEYS[1], bytes(10 * MIB + 1))
    assert f"{KEYS[1]} is longer than anything of a bundle" in fetch()[1]


def test_a_bucket_that_denies_what_it_holds(cloud, store, fetch):
    store()
    cloud.fault("GetObject", error="AccessDenied", status=403, times=-1)
    assert f"s3://bundles/{MANIFEST} cannot be read: access to bucket bundles is denied" in fetch()[1]
