# SPDX-License-Identifier: Apache-2.0
"""Certificates and keys that no bundle can be made with are named, and what to do is said."""

import pytest

from image.conftest import MIB, write_image
from lab import certificates


@pytest.fixture(scope="module")
def wrong(pki):
    folder = pki.folder
    made = {name: certificates.make_pair(folder, name, key=(kind,), more=more)
            for name, kind, more in (("short", "rsa:1023", ()), ("other", "rsa:2048", ()),
                                     ("curve", "ec", ("-pkeyopt", "ec_paramgen_curve:P-256")))}
    locked = folder / "locked.key"
    certificates.openssl("pkcs8", "-topk8", "-in", pki.user_key, "-out", locked, "-passout", "pass:x")
    text, long = folder / "text.pem", folder / "long.pem"
    text.write_text("no certificate\n")
    long.write_bytes(pki.user.read_bytes() + b"\n" * 100000)
    return {
        "short": made["short"][1], "short-key": made["short"][0], "curve": made["curve"][1],
        "curve-key": made["curve"][0], "other": made["other"][1], "other-key": made["other"][0],
        "expired": certificates.sign(folder, "expired", pki.user_key, "20060101000000Z",
                                     "20160101000000Z"),
        "future": certificates.sign(folder, "future", pki.user_key, "20700101000000Z",
                                    "20800101000000Z"),
        "locked-key": locked, "text": text, "long": long, "absent": folder / "absent.pem",
        "folder": folder,
    }


@pytest.mark.parametrize("whose, name, words", [
    ("user", "short", "has an RSA key of 1023 bits; a bundle takes 1024 to 8192"),
    ("user", "curve", "holds no RSA key"),
    ("user", "other", "has a certificate of another key than the private key"),
    ("user", "expired", "has a certificate that has expired: make a new one for the same key"),
    ("user", "future", "has a certificate that is not valid yet"),
    ("user", "text", "is no X.509 certificate in PEM"),
    ("user", "long", "is longer than a certificate or a key"),
    ("user", "absent", "cannot be read: No such file or directory"),
    ("user", "folder", "cannot be read: Is a directory"),
    ("user", "other-key", "is no X.509 certificate in PEM"),
    ("key", "short-key", "has an RSA key of 1023 bits"),
    ("key", "curve-key", "holds no RSA key"),
    ("key", "locked-key", "has a private key with a passphrase: store it without one"),
    ("key", "text", "is no private key in PEM"),
    ("key", "other", "is no private key in PEM"),
    ("key", "absent", "cannot be read: No such file or directory"),
    ("ec2", "short", "has an RSA key of 1023 bits"),
    ("ec2", "text", "is no X.509 certificate in PEM"),
    ("ec2", "absent", "cannot be read: No such file or directory"),
])
def test_what_is_wrong_is_named(bundle, memory, wrong, whose, name, words):
    said, folder = bundle(write_image(memory / "image", MIB, [(0, 9)]), **{whose: wrong[name]})
    assert f"The file {wrong[name]} {words}" in said
    assert not list(folder.iterdir())


def test_the_private_key_that_does_not_fit(bundle, memory, pki, wrong):
    said, folder = bundle(write_image(memory / "image", MIB, [(0, 9)]), key=wrong["other-key"])
    assert f"The file {pki.user} has a certificate of another key" in said
    assert not list(folder.iterdir())


def test_a_certificate_of_ours_is_not_ec2s(bundle, memory, pki):
    said, folder = bundle(write_image(memory / "image", MIB, [(0, 9)]), ec2=pki.user)
    assert f"The file {pki.user} has the same key as what is said to be EC2's certificate" in said
    assert not list(folder.iterdir())


def test_a_bundle_outlives_its_certificate(bundle, probe, memory, pki, wrong):
    _, folder = bundle(write_image(memory / "image", MIB, [(0, 9)]))
    assert probe("check", folder, "web", wrong["expired"]) == ""
    assert "is not signed by the key of this certificate" in probe("check", folder, "web", wrong["other"])


def test_a_private_key_that_the_bundle_is_not_for(bundle, probe, memory, pki, wrong):
    _, folder = bundle(write_image(memory / "image", MIB, [(0, 9)]))
    said = probe("unbundle", folder, "web", pki.user, wrong["other-key"], memory / "back")
    assert "cannot be decrypted with this private key" in said
