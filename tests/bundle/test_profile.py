# SPDX-License-Identifier: Apache-2.0
"""What a command line leaves out comes from a profile: papers, bucket and prefix."""

import pytest

from image.conftest import MIB, write_image

PARTS = ["host-web.part.0000"]


@pytest.fixture
def profile(tmp_path, pki, cloud, run):
    """Writes one with other keys; a call with it, in the cloud."""
    def write(**keys):
        keys = {"Bucket": "bundles", "Prefix": "host-", "Certificate": pki.user,
                "PrivateKey": pki.user_key, "Ec2Certificate": pki.ec2, "Exclude": "/srv/*", **keys}
        (tmp_path / "profiles").mkdir(exist_ok=True)
        lines = [f"{key}={value}" for key, value in keys.items() if value is not None]
        (tmp_path / "profiles/golden.conf").write_text("\n".join(["[Bundle]", *lines, ""]))

        def call(*arguments, env=None, **options):
            return run(*arguments, profile="golden", **options, env={
                **cloud.env("static"), "QUIESCED_CONFIG": str(tmp_path / "quiesced.conf"),
                **(env or {})})
        return call
    return write


@pytest.fixture
def small(tmp_path):
    return write_image(tmp_path / "web", MIB, [(0, 4096)])


def stored(cloud):
    return sorted(one["key"] for one in cloud.objects("bundles"))


def test_a_profile_says_all_that_is_not_said(cloud, profile, small, tmp_path, verify):
    done = profile()("bundle", small, user="123456789012")
    assert (done.status, done.said) == (0, "")
    assert stored(cloud) == ["host-web.manifest.xml", *PARTS]
    done = profile()("bundle", small, user="123456789012", into=tmp_path / "out")
    assert (done.status, done.said) == (0, "")
    assert verify(tmp_path / "out").read_bytes() == small.read_bytes()
    done = profile()("upload", tmp_path / "out", prefix="other")
    assert (done.status, done.said) == (0, "")
    assert "other/web.manifest.xml" in stored(cloud)


def test_ec2s_certificate_is_that_of_the_regions_partition(profile, small, pki, tmp_path):
    call = profile(Ec2Certificate=f"aws-cn:{pki.ec2}")
    done = call("bundle", small, user="123456789012", into=tmp_path / "out", region="cn-north-1")
    assert (done.status, done.said) == (0, "")
    for region, partition in (("us-gov-west-1", "aws-us-gov"), ("eu-west-1", "aws")):
        done = call("bundle", small, user="123456789012", into=tmp_path / "none", region=region)
        assert done.status == 2
        assert f"no certificate for partition {partition} (region {region})" in done.said
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("keys, status, words", [
    ({"Bucket": None, "PrivateKey": None}, 2, "Profile golden does not say Bucket=, PrivateKey= in [Bundle]"),
    ({"PrivateKey": "bundle.key"}, 1, "PrivateKey=bundle.key of profile golden is a credential"),
    ({"Prefix": "/x"}, 1, "golden.conf:3: Prefix=/x: must be what keys begin with"),
    ({"Certificate": "/none"}, 1, "The file /none cannot be read"),
])
def test_what_a_profile_lacks_is_named(cloud, profile, small, keys, status, words):
    done = profile(**keys)("bundle", small, user="123456789012")
    assert done.status == status and words in done.said
    assert stored(cloud) == []


def test_a_profile_that_is_not_there_and_options_without_one(profile, run, small, tmp_path):
    call = profile()
    (tmp_path / "profiles/golden.conf").unlink()
    done = call("bundle", small, user="123456789012")
    assert done.status == 1 and "There is no profile 'golden'" in done.said
    done = run("bundle", small, user="123456789012")
    assert done.status == 2 and "--bucket=BUCKET, or --profile=PROFILE" in done.said
