# SPDX-License-Identifier: Apache-2.0
"""A bundle that is not what it was, or never was one: said in words, with little memory."""

import resource
import shutil

import pytest

from image.conftest import MIB, write_image
from lab import bundle as classic


@pytest.fixture(scope="module")
def original(probe, pki, tmp_path_factory):
    """The folder of a bundle of three parts, which stays as it is."""
    folder = tmp_path_factory.mktemp("original")
    image = write_image(folder / "image", 25 * MIB, [(0, 25 * MIB)])
    (folder / "web").mkdir()
    assert probe("bundle", image, folder / "web", "web", pki.ec2, pki.user, pki.user_key) == ""
    return folder / "web"


@pytest.fixture
def whole(original, memory):
    """A copy of it."""
    return shutil.copytree(original, memory / "bundle")


@pytest.fixture
def read(probe, pki, memory):
    """What check and unbundle say, which is the same, or begins so."""
    def run(folder, words, checks=True):
        if checks:
            assert words in probe("check", folder, "web", pki.user)
        said = probe("unbundle", folder, "web", pki.user, pki.user_key, memory / "back")
        assert words in said
    return run


def test_one_bit_of_a_part(whole, read):
    with open(whole / "web.part.0001", "r+b") as file:
        byte = file.read(1)
        file.seek(0)
        file.write(bytes([byte[0] ^ 1]))
    read(whole, "web.part.0001 is damaged: its SHA-1")


def test_a_part_is_gone(whole, read):
    (whole / "web.part.0002").unlink()
    read(whole, "web.part.0002 cannot be read: No such file")


def test_a_part_is_cut_off(whole, read):
    with open(whole / "web.part.0000", "r+b") as file:
        file.truncate(1000)
    read(whole, "web.part.0000 is damaged")


def test_a_part_is_empty(whole, read):
    (whole / "web.part.0002").write_bytes(b"")
    read(whole, "web.part.0002 is empty")


def test_a_part_without_end(whole, read):
    with open(whole / "web.part.0000", "r+b") as file:
        file.truncate(1 << 40)
    read(whole, "web.part.0000 is longer than the 10 MiB of a part")


def test_two_parts_have_changed_places(whole, read):
    (whole / "web.part.0000").rename(whole / "x")
    (whole / "web.part.0001").rename(whole / "web.part.0000")
    (whole / "x").rename(whole / "web.part.0001")
    read(whole, "web.part.0000 is damaged")


def test_a_part_is_a_link_to_elsewhere(whole, read):
    (whole / "web.part.0001").rename(whole / "x")
    (whole / "web.part.0001").symlink_to(whole / "x")
    read(whole, "web.part.0001 cannot be read")


def test_a_manifest_that_was_changed(whole, read):
    path = whole / "web.manifest.xml"
    path.write_bytes(path.read_bytes().replace(b"<user>123456789012", b"<user>123456789013"))
    read(whole, "is not signed by the key of this certificate, or was changed since")


def test_what_was_signed_is_what_counts(whole, read):
    """The signed elements stand in a comment, and others are read."""
    path = whole / "web.manifest.xml"
    text = path.read_bytes()
    begin, end = text.index(b"<machine_configuration>"), text.index(b"<signature>")
    signed = text[begin:end]
    path.write_bytes(text[:begin] + b"<!--" + signed + b"-->" +
                     signed.replace(b"<user>123456789012", b"<user>123456789013") + text[end:])
    read(whole, "is not signed by the key of this certificate, or was changed since")


def test_a_manifest_is_gone(whole, read):
    (whole / "web.manifest.xml").unlink()
    read(whole, "web.manifest.xml cannot be read: No such file")


def test_a_manifest_of_a_hundred_megabytes(whole, probe, pki):
    """And whoever is given 48 MiB of memory for it says so."""
    path = whole / "web.manifest.xml"
    with open(path, "r+b") as file:
        file.truncate(100 * 1000 * 1000)

    def limit():
        resource.setrlimit(resource.RLIMIT_DATA, (48 * MIB, 48 * MIB))
    said = probe("check", whole, "web", pki.user, preexec_fn=limit)
    assert "web.manifest.xml cannot be read: File too large" in said


@pytest.mark.parametrize("old, new, words", [
    (b"<signature>", b"<other>x</other><signature>", ""),
    (b"index='1'", b"index='0'", "has a part twice, or out of order (part 0)"),
    (b"index='2'", b"index='3'", "lacks a part, or has it out of order (part 2)"),
    (b"<filename>web.part.0001", b"<filename>web.part.0000", "names the file web.part.0000 twice"),
    (b"<filename>web.part.0001", b"<filename>../web.part.0001", "a part whose name is a path"),
    (b"count='3'", b"count='2'", "does not have as many parts as it says"),
    (b"</image>", b"", "is cut off, or no XML"),
    (b"<type>", b"<name>x</name><type>", "has more than one <name>"),
    (b"<signature>", b"<signature/><signature>", "has more than one <signature>"),
])
def test_manifests_that_are_none(whole, probe, pki, old, new, words):
    path = whole / "web.manifest.xml"
    text = path.read_bytes()
    assert old in text
    path.write_bytes(text.replace(old, new))
    said = probe("check", whole, "web", pki.user)
    assert words in said and bool(said) == bool(words)


@pytest.mark.parametrize("cut", [0, 1, 100, 1000, -1])
def test_a_manifest_that_is_cut_off(whole, read, cut):
    path = whole / "web.manifest.xml"
    path.write_bytes(path.read_bytes()[:cut])
    read(whole, "is cut off, or no XML")


# --- Signed by the user, and wrong all the same --------------------------------------------------

@pytest.fixture
def pack(memory, pki):
    image = write_image(memory / "web", 3 * MIB, [(0, MIB), (2 * MIB, 100)])

    def run(**options):
        classic.pack(image, memory, pki, **options)
        return memory
    return run


def archive(content=b"x" * 1000, **fields):
    """A tar archive whose header has these fields in place of its own, and a right checksum."""
    places = {"type": (156, 1), "size": (124, 12), "magic": (257, 8), "sparse": (386, 96),
              "extended": (482, 1), "real": (483, 12)}
    header = bytearray(512)
    header[0:4] = b"web\0"
    for name, value in {"type": b"0", "size": b"%011o\0" % len(content), "magic": b"ustar  \0",
                        **fields}.items():
        offset, length = places[name]
        header[offset:offset + length] = value.ljust(length, b"\0")
    header[148:156] = b"%06o\0 " % (sum(header) + 8 * 32)
    return bytes(header) + content + bytes(-len(content) % 512 + 1024)


def sparse(*extents):
    return b"".join(b"%011o\0%011o\0" % extent for extent in extents)


SIZE = b"%011o\0" % (3 * MIB)
BIG = b"\x80" + (1 << 62).to_bytes(11, "big")


@pytest.mark.parametrize("member, words", [
    (b"", "is cut off"),
    (bytes(20480), "is no tar archive"),
    (archive(), "holds an image of another size than the manifest says"),
    (archive(type=b"x"), "is of the pax format"),
    (archive(type=b"2"), "holds something else than a file"),
    (archive(type=b"5"), "holds something else than a file"),
    (archive(size=b"none"), "does not tell its size"),
    (archive(size=BIG), "holds an image of another size"),
    (archive(size=SIZE), "is cut off"),
    (archive(b"a" * (3 * MIB)) + archive(), "holds more than one file"),
    (archive(type=b"S", real=SIZE, sparse=sparse((0, 500))), "has other extents than it has bytes"),
    (archive(type=b"S", real=SIZE, sparse=sparse((0, 1001))), "has longer extents than it has bytes"),
    (archive(type=b"S", real=SIZE, sparse=sparse((3 * MIB, 1000))), "outside of the image"),
    (archive(type=b"S", real=SIZE, sparse=sparse((512, 500), (0, 500))), "has extents out of order"),
    (archive(type=b"S", real=SIZE, sparse=sparse((0, 500), (499, 500))), "has extents out of order"),
    (archive(type=b"S", real=SIZE, sparse=BIG + b"%011o\0" % 1000), "outside of the image"),
    (archive(type=b"S", real=SIZE, sparse=sparse((0, 500)), extended=b"1"),
     "has no number in its list of extents"),
    (archive(type=b"S", real=BIG, sparse=sparse((0, 1000))), "holds an image of another size"),
], ids=range(18))
def test_archives_that_hold_no_image(pack, read, member, words):
    read(pack(member=member), words, checks=False)


def test_another_digest_of_the_archive(pack, read):
    read(pack(digest="0" * 40), "is another than the manifest says: its SHA-1 differs", checks=False)


def test_no_keys_at_all(pack, read):
    folder = pack(**{"user_encrypted_iv": "other_iv"})
    read(folder, "cannot be decrypted with this private key", checks=False)


def test_another_sum_of_sizes(pack, read):
    read(pack(**{"<bundled_size>": "<bundled_size>1"}), "bytes, and the manifest says")


def test_an_image_of_more_than_ten_gibibytes(pack, read):
    read(pack(**{"<size>": "<size>999999"}), "at most 10 GiB", checks=False)


def test_parts_that_are_cut_at_any_place(pack, read, probe, pki, memory):
    folder = pack(part_bytes=100000)
    assert probe("unbundle", folder, "web", pki.user, pki.user_key, memory / "back") == ""
    assert (memory / "back").read_bytes() == (memory / "web").read_bytes()
