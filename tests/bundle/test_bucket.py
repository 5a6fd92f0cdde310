# SPDX-License-Identifier: Apache-2.0
"""Bundles in buckets: put there, looked at, fetched, and their images."""

from pathlib import Path

import pytest

from image.conftest import MIB
from lab.s3rver import S3rver

FOLDER = "images/"
MANIFEST = f"{FOLDER}web.manifest.xml"
PARTS = [f"{FOLDER}web.part.{index:04d}" for index in range(4)]
PLACE = f"s3://bundles/{MANIFEST}"


def stored(cloud, bucket="bundles"):
    return sorted(one["key"] for one in cloud.objects(bucket))


@pytest.fixture
def upload(remote, made, pki):
    def call(bucket="bundles", **options):
        return remote("upload", made, bucket=bucket, prefix="images", certificate=pki.user, **options)
    return call


def test_an_upload_is_all_of_it_and_the_manifest_last(cloud, upload, made):
    done = upload(json=True, tag=["team=web", "stage=test"])
    assert (done.status, done.said) == (0, "")
    assert {one["acl"] for one in cloud.objects("bundles")} == {"aws-exec-read"}
    assert stored(cloud) == sorted([*PARTS, MANIFEST])
    assert [call["params"]["Key"] for call in cloud.calls("PutObject")][-1] == MANIFEST
    for one in cloud.objects("bundles"):
        assert Path(one["path"]).read_bytes() == (made / Path(one["key"]).name).read_bytes()
        assert one["tags"] == {"team": "web", "stage": "test"}
    assert (done.document["path"], done.document["sent"], done.document["skipped"]) == (PLACE, 4, 0)
    assert done.document["region"] == cloud.settings["region"]


def test_nothing_is_sent_twice(cloud, upload):
    cloud.fault("PutObject", skip=2, error="AccessDenied", status=403, times=-1)
    done = upload()
    assert done.status == 1
    assert "access to bucket bundles is denied" in done.said
    assert "what was sent stays in the bucket: the same command goes on with it" in done.said
    left = stored(cloud)
    assert left and MANIFEST not in left
    cloud.clear_faults()
    done = upload(json=True)
    assert (done.document["sent"], done.document["skipped"]) == (4 - len(left), len(left))
    cloud.clear_calls()
    done = upload()
    assert done.out.endswith("; 4 parts were there before\n")
    assert [call["params"]["Key"] for call in cloud.calls("PutObject")] == [MANIFEST]


def test_parts_that_others_brought_there_are_sent_again(cloud, upload, made):
    """As `aws s3 cp` does, which knows no list of EC2's: it would be denied them at the launch."""
    for name in PARTS:
        cloud.put_object("bundles", name, (made / Path(name).name).read_bytes())
    assert {one["acl"] for one in cloud.objects("bundles")} != {"aws-exec-read"}
    done = upload(json=True)
    assert (done.document["sent"], done.document["skipped"]) == (4, 0)
    assert {one["acl"] for one in cloud.objects("bundles")} == {"aws-exec-read"}


def test_a_damaged_bundle_is_not_begun(cloud, remote, pki, made, memory):
    for path in made.iterdir():
        (memory / path.name).write_bytes(path.read_bytes())
    (memory / "web.part.0003").write_bytes(b"of somebody else")
    done = remote("upload", memory, bucket="bundles", certificate=pki.user)
    assert done.status == 1 and "web.part.0003 is damaged" in done.said
    done = remote("upload", made, bucket="bundles", certificate=pki.ec2)
    assert done.status == 1 and "is not signed by the key of this certificate" in done.said
    assert stored(cloud) == [] and not cloud.calls("PutObject")


def test_another_bundle_of_this_name_is_left_alone(cloud, upload):
    cloud.put_object("bundles", MANIFEST, b"of somebody else")
    done = upload()
    assert done.status == 1
    assert f"There is another bundle {PLACE} already: choose another prefix, or delete it" in done.said
    assert stored(cloud) == [MANIFEST]


def test_buckets_that_are_not_fit(cloud, upload):
    for bucket, status, words in (("modern", 1, "Object Ownership"), ("absent", 1, "absent"),
                                  ("No_Bucket", 2, "is no name of a bucket")):
        done = upload(bucket=bucket)
        assert done.status == status and words in done.said
    assert not cloud.calls("PutObject")


def test_without_credentials_or_a_region_it_says_so(cloud, run, made, pki):
    env = cloud.env("static")
    bare = {name: value for name, value in env.items() if "KEY" not in name and "TOKEN" not in name}
    done = run("upload", made, bucket="bundles", certificate=pki.user, env=bare)
    assert done.status == 1 and "No credentials: " in done.said and "set AWS_ACCESS_KEY_ID" in done.said
    lost = {name: value for name, value in env.items() if "REGION" not in name}
    done = run("upload", made, bucket="bundles", certificate=pki.user, env=lost)
    assert done.status == 2 and "give --region=, or set AWS_REGION" in done.said
    done = run("upload", made, bucket="bundles", certificate=pki.user, env=lost, region=env["AWS_REGION"])
    assert done.status == 0


def test_on_an_instance_its_role_and_its_region_are_enough(cloud, run, made, pki):
    env = {name: value for name, value in cloud.env("role").items() if "REGION" not in name}
    env["AWS_EC2_METADATA_DISABLED"] = "false"
    done = run("upload", made, bucket="bundles", certificate=pki.user, env=env)
    assert (done.status, done.said) == (0, "")


def test_an_image_goes_straight_into_a_bucket(cloud, remote, papers, image, pki, verify, tmp_path):
    done = remote("bundle", image, bucket="bundles", prefix=FOLDER, tag="team=web", json=True, **papers)
    assert (done.status, done.said) == (0, "")
    assert (done.document["path"], done.document["sent"]) == (PLACE, 4)
    assert stored(cloud) == sorted([*PARTS, MANIFEST])
    assert remote("download", f"bundles/{MANIFEST}", into=tmp_path / "new", certificate=pki.user).status == 0
    assert verify(tmp_path / "new").read_bytes() == image.read_bytes()


def test_of_a_bundle_that_broke_off_nothing_stays(cloud, remote, papers, image):
    cloud.fault("PutObject", skip=3, error="AccessDenied", status=403, times=-1)
    done = remote("bundle", image, bucket="bundles", **papers)
    assert done.status == 1 and "is denied" in done.said
    assert stored(cloud) == []


# --- And back ------------------------------------------------------------------------------------

def test_a_download_is_the_same_files(upload, remote, pki, made, tmp_path):
    upload()
    done = remote("download", PLACE, into=tmp_path / "new", certificate=pki.user)
    assert (done.status, done.said) == (0, "")
    assert done.out.startswith(f"Downloaded {tmp_path}/new/web.manifest.xml: 4 parts")
    for path in made.iterdir():
        assert (tmp_path / "new" / path.name).read_bytes() == path.read_bytes()
    done = remote("download", PLACE, into=tmp_path / "new", certificate=pki.user)
    assert done.status == 1 and "web.part.0000 cannot be made: File exists" in done.said
    assert len(list((tmp_path / "new").iterdir())) == 5


def test_of_a_download_that_failed_nothing_stays(cloud, upload, remote, pki, tmp_path):
    upload()
    cloud.put_object("bundles", PARTS[2], b"of somebody else")
    done = remote("download", PLACE, into=tmp_path / "new", certificate=pki.user)
    assert done.status == 1 and "web.part.0002 is damaged: its SHA-1" in done.said
    (tmp_path / "old").mkdir()
    assert remote("download", PLACE, into=tmp_path / "old", certificate=pki.user).status == 1
    assert [path.name for path in tmp_path.rglob("*")] == ["old"]


def test_the_image_comes_out_of_the_bucket(upload, remote, pki, image, tmp_path):
    upload()
    done = remote("unbundle", PLACE, into=tmp_path / "back", private_key=pki.user_key)
    assert (done.status, done.said) == (0, "")
    assert (tmp_path / "back").read_bytes() == image.read_bytes()


def test_a_look_takes_a_head_of_each_part(cloud, upload, remote, pki):
    upload()
    cloud.clear_calls()
    done = remote("check", PLACE, certificate=pki.user)
    assert done.out.startswith(f"The signature is right, and all parts are there, of {PLACE}: 4 parts")
    assert sorted(call["params"]["Key"] for call in cloud.calls("HeadObject")) == PARTS
    assert [call["params"]["Key"] for call in cloud.calls("GetObject")] == [MANIFEST]
    done = remote("check", PLACE, certificate=pki.user, digests=True)
    assert done.out.startswith(f"All is right with {PLACE}")


def test_what_a_look_finds(cloud, upload, remote, pki):
    upload()
    body = cloud.objects("bundles")
    cloud.put_object("bundles", PARTS[1], bytes(10 * MIB))
    assert remote("check", PLACE, certificate=pki.user).status == 0
    done = remote("check", PLACE, certificate=pki.user, digests=True)
    assert done.status == 1 and "web.part.0001 is damaged: its SHA-1" in done.said
    for content, words in ((b"x", "bytes, and the manifest says"), (b"", "web.part.0001 is empty"),
                           (bytes(10 * MIB + 1), "web.part.0001 is longer than the 10 MiB of a part")):
        cloud.put_object("bundles", PARTS[1], content)
        done = remote("check", PLACE, certificate=pki.user)
        assert done.status == 1 and words in done.said
    assert len(body) == 5


def test_parts_that_are_gone_are_counted(cloud, remote, upload, pki):
    upload()
    text = Path(next(one["path"] for one in cloud.objects("bundles") if one["key"] == MANIFEST)).read_bytes()
    cloud.put_object("bundles", "other/web.manifest.xml", text)
    done = remote("check", "s3://bundles/other/web.manifest.xml", certificate=pki.user)
    assert done.status == 1
    assert "4 of 4 parts are not in the bucket; the first of them is s3://bundles/other/web.part.0000" in done.said
    done = remote("check", "s3://bundles/none.manifest.xml", certificate=pki.user)
    assert done.status == 1 and "There is no s3://bundles/none.manifest.xml" in done.said
    done = remote("check", "s3://bundles/web", certificate=pki.user)
    assert done.status == 1 and "is no key of a manifest" in done.said


def test_a_bucket_that_denies_the_look(cloud, upload, remote, pki):
    upload()
    cloud.fault("HeadObject", error="AccessDenied", status=403, times=-1)
    done = remote("check", PLACE, certificate=pki.user)
    assert done.status == 1 and "access to bucket bundles is denied" in done.said


def test_the_way_there_and_back_before_a_server_of_others(run, image, made, pki, memory):
    server = S3rver(memory / "theirs", "theirs")
    try:
        place, env = "s3://theirs/web.manifest.xml", server.env()
        done = run("upload", made, bucket="theirs", certificate=pki.user, env=env)
        assert (done.status, done.said) == (0, "")
        assert run("check", place, certificate=pki.user, env=env).status == 0
        done = run("upload", made, bucket="theirs", certificate=pki.user, env=env, json=True)
        assert (done.document["sent"], done.document["skipped"]) == (0, 4)
        done = run("unbundle", place, into=memory / "back", private_key=pki.user_key, env=env)
        assert (done.status, done.said) == (0, "")
        assert (memory / "back").read_bytes() == image.read_bytes()
    finally:
        server.stop()
