# SPDX-License-Identifier: Apache-2.0
"""Bundles in folders: made of an image file, checked, and opened again."""

import shutil
import subprocess

import pytest

from bundle.conftest import command, environment
from image.conftest import MIB, write_image
from lab import bundle as classic

FILES = ["web.manifest.xml", *[f"web.part.{index:04d}" for index in range(4)]]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def whole(made, memory):
    """A copy of the bundle, to be damaged."""
    return shutil.copytree(made, memory / "bundle")


def test_a_bundle_is_what_tar_gunzip_and_openssl_make_an_image_of(run, papers, image, verify, tmp_path):
    done = run("bundle", image, into=tmp_path / "new", kernel="aki-1234abcd", ramdisk="ari-1234abcd", json=True,
               mapping=["root=/dev/sda1", "ami=sda1"], architecture="i386", **papers)
    assert (done.status, done.said) == (0, "")
    assert names(tmp_path / "new") == FILES
    assert verify(tmp_path / "new").read_bytes() == image.read_bytes()
    text = (tmp_path / "new/web.manifest.xml").read_text()
    assert ("<architecture>i386</architecture><block_device_mapping><mapping><virtual>ami</virtual>"
            "<device>sda1</device></mapping><mapping><virtual>root</virtual><device>/dev/sda1</device>"
            "</mapping></block_device_mapping><kernel_id>aki-1234abcd</kernel_id><ramdisk_id>ari-1234abcd</ramdisk_id>") in text
    document = done.document
    assert document["path"] == str(tmp_path / "new/web.manifest.xml")
    assert (document["verb"], document["name"], document["user"]) == ("bundle", "web", "123456789012")
    assert (document["parts"], document["image-bytes"]) == (4, 40 * MIB)
    assert document["bundled-bytes"] == sum(
        (tmp_path / "new" / name).stat().st_size for name in FILES[1:])


def test_the_image_comes_back_and_only_its_user_reads_it(run, pki, made, image, tmp_path):
    target = tmp_path / "back"
    done = run("unbundle", made, into=target, private_key=pki.user_key)
    assert (done.status, done.said) == (0, "")
    assert done.out == f"Unbundled {target}: 4 parts of 33.0 MiB, an image of 40.0 MiB\n"
    assert target.read_bytes() == image.read_bytes()
    assert target.stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == ["back"]


def limited(words, locked_bytes):
    """Without any privilege, and with no more memory to lock than that."""
    return subprocess.run(
        ["prlimit", f"--memlock={locked_bytes}:{locked_bytes}", "setpriv", "--bounding-set=-all",
         "--inh-caps=-all", "--no-new-privs", *words], env=environment(), capture_output=True,
        text=True, check=False)


def test_no_privilege_is_needed_and_little_locked_memory(papers, image, pki, tmp_path):
    make = command("bundle", image, into=tmp_path / "new", **papers)
    open_again = command("unbundle", tmp_path / "new", into=tmp_path / "back", private_key=pki.user_key)
    refused = limited(make, 0)
    assert refused.returncode == 1 and "see 'ulimit -l'" in refused.stderr
    assert names(tmp_path) == []
    for words in (make, open_again):
        done = limited(words, 64 * 1024)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_bundle_of_the_classic_tools_is_read(run, pki, memory):
    image = write_image(memory / "old", 3 * MIB, [(0, MIB), (2 * MIB, 100)])
    classic.pack(image, memory, pki, name="old")
    assert run("check", memory / "old.manifest.xml", certificate=pki.user).status == 0
    assert run("unbundle", memory, into=memory / "back", private_key=pki.user_key).status == 0
    assert (memory / "back").read_bytes() == image.read_bytes()


def test_a_check_says_what_is_right(run, pki, made):
    manifest = made / "web.manifest.xml"
    for options in ({"certificate": pki.user}, {"private_key": pki.user_key}):
        done = run("check", manifest, **options)
        assert (done.status, done.said) == (0, "")
        assert done.out.startswith(f"All is right with {manifest}: 4 parts of 33.0 MiB")
    assert run("check", made, certificate=pki.user, quiet=True).out == ""


def test_a_step_for_each_part(run, pki, made):
    done = run("check", made, certificate=pki.user, verbose=True)
    assert done.said.splitlines()[1] == "checking: 2 parts, 20.0 MiB"
    assert len(done.said.splitlines()) == 4


# --- Nothing is overwritten, and nothing is left -------------------------------------------------

def test_a_file_that_is_there_is_left_alone(run, pki, papers, made, image, tmp_path):
    (tmp_path / "back").write_text("mine")
    done = run("unbundle", made, into=tmp_path / "back", private_key=pki.user_key)
    assert done.status == 1 and "back cannot be made: File exists; nothing is overwritten" in done.said
    (tmp_path / "web.part.0002").write_text("mine")
    done = run("bundle", image, into=tmp_path, **papers)
    assert done.status == 1 and "web.part.0002 cannot be made: File exists" in done.said
    assert names(tmp_path) == ["back", "web.part.0002"]
    assert {path.read_text() for path in tmp_path.iterdir()} == {"mine"}


@pytest.mark.parametrize("damage, words", [
    (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"), "web.part.0001 is damaged: its SHA-1"),
    (lambda path: path.unlink(), "web.part.0001 cannot be read: No such file"),
    (lambda path: path.write_bytes(b""), "web.part.0001 is empty"),
])
def test_a_damaged_bundle_is_named_and_gives_no_image(run, pki, whole, tmp_path, damage, words):
    damage(whole / "web.part.0001")
    checked = run("check", whole, certificate=pki.user, json=True)
    opened = run("unbundle", whole, into=tmp_path / "back", private_key=pki.user_key)
    assert checked.status == opened.status == 1 and checked.out == opened.out == ""
    assert words in checked.said and words in opened.said
    assert checked.said.startswith("quiescectl check: ") and "\n" not in checked.said
    assert names(tmp_path) == []


def test_the_keys_of_others_open_nothing(run, pki, made, tmp_path):
    done = run("check", made, certificate=pki.ec2)
    assert done.status == 1 and "is not signed by the key of this certificate" in done.said
    done = run("unbundle", made, into=tmp_path / "back", private_key=pki.ec2_key)
    assert done.status == 1 and "is not signed by the key of this certificate" in done.said
    done = run("unbundle", made, into=tmp_path / "back", certificate=pki.user, private_key=pki.ec2_key)
    assert done.status == 1 and "cannot be decrypted with this private key" in done.said
    assert names(tmp_path) == []


def test_a_new_folder_goes_again_with_what_failed(run, papers, pki, image, tmp_path):
    papers["private_key"] = pki.ec2_key
    done = run("bundle", image, into=tmp_path / "new", **papers)
    assert done.status == 1 and "has a certificate of another key than the private key" in done.said
    assert names(tmp_path) == []


def test_what_is_no_image(run, papers, tmp_path):
    (tmp_path / "empty").touch()
    with open(tmp_path / "large", "wb") as file:
        file.truncate((10 << 30) + 1)
    for path, words in (("empty", "has 0 bytes"), ("large", "at most 10 GiB"), ("none", "cannot be read: No such file"),
                        (".", "is no file with an image")):
        done = run("bundle", tmp_path / path, into=tmp_path / "new", name="web", **papers)
        assert done.status == 1 and words in done.said
    assert names(tmp_path) == ["empty", "large"]


def test_a_name_that_is_none(run, papers, image, tmp_path):
    done = run("bundle", image, into=tmp_path / "new", name="a b", **papers)
    assert done.status == 2 and '"a b" is no name for a bundle' in done.said


def test_a_place_without_a_bundle(run, pki, made, whole):
    for operand, words in ((made.parent, "has no manifest"), (made / "none.manifest.xml", "s3://BUCKET/KEY"),
                           (made / "web.part.0000", "is no manifest: its name does not end in")):
        done = run("check", operand, certificate=pki.user)
        assert done.status == 1 and words in done.said
    shutil.copy(whole / "web.manifest.xml", whole / "other.manifest.xml")
    assert "has more than one manifest" in run("check", whole, certificate=pki.user).said


@pytest.mark.parametrize("arguments, words", [
    (["bundle", "x"], "needs either --into=FOLDER or --bucket=BUCKET"),
    (["bundle", "x", "--into=y", "--bucket=z"], "needs either --into=FOLDER or --bucket=BUCKET"),
    (["bundle", "x", "--into=y"], "needs --user=ACCOUNT"),
    (["bundle", "x", "--into=y", "--user=1234-5678-9012"], "must be the 12 digits of an account"),
    (["bundle", "x", "--into=y", "--user=123456789012"], "needs --certificate=, --private-key= and"),
    (["bundle", "x", "--mapping=sda1"], "must be VIRTUAL=DEVICE"),
    (["bundle", "x", "--architecture=arm64"], "must be one of i386, x86_64"),
    (["bundle", "x", "--kernel=<a>"], "must have no blanks, quotes or angle brackets"),
    (["upload", "x"], "needs --bucket=BUCKET"),
    (["upload", "x", "--bucket=b", "--prefix=/y"], "must be what keys begin with"),
    (["upload", "x", "--bucket=b"], "needs --certificate=FILE"),
    (["download", "b/x.manifest.xml"], "needs --into=FOLDER"),
    (["unbundle", "x", "--into=y"], "needs --into=FILE and --private-key=FILE"),
    (["check", "x"], "needs --certificate=FILE"),
])
def test_what_is_missing_is_wrong_usage(run, arguments, words):
    done = run(*arguments)
    assert done.status == 2 and words in done.said and "\n" not in done.said


def test_nobody_else_may_hand_it_work(run):
    done = subprocess.run([run.__globals__["BUILD"] / "quiesced-bundle", "check", "x", "rm=yes"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "is a part of quiescectl(1)" in done.stderr
