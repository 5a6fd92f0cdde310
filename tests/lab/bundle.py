# SPDX-License-Identifier: Apache-2.0
"""Bundles of instance-store images as others make them: with parts of a few bytes, or whole ones."""

import gzip
import hashlib
import re
import subprocess


def part_name(name, index):
    return f"{name}.part.{index:02d}"


def part_body(name, index):
    return f"{part_name(name, index)}\n".encode() * (index + 1)


def manifest(name, parts=3, user="123456789012", **changes):
    """BUNDLE-FORMAT's manifest, whose signature nobody checks; `changes` replaces text."""
    bodies = [part_body(name, index) for index in range(parts)]
    listed = "".join(
        f"<part index='{index}'><filename>{part_name(name, index)}</filename>"
        f"<digest algorithm='SHA1'>{hashlib.sha1(body).hexdigest()}</digest></part>"
        for index, body in enumerate(bodies))
    text = (
        "<?xml version='1.0'?><manifest><version>2007-10-10</version><bundler><name>lab</name>"
        "<version>1</version><release>0</release></bundler><machine_configuration><architecture>"
        "x86_64</architecture></machine_configuration><image>"
        f"<name>{name}</name><user>{user}</user><type>machine</type>"
        f"<digest algorithm='SHA1'>{hashlib.sha1(name.encode()).hexdigest()}</digest>"
        f"<size>1048576</size><bundled_size>{sum(map(len, bodies))}</bundled_size>"
        f"<ec2_encrypted_key algorithm='AES-128-CBC'>{'ab' * 128}</ec2_encrypted_key>"
        f"<user_encrypted_key algorithm='AES-128-CBC'>{'cd' * 256}</user_encrypted_key>"
        f"<ec2_encrypted_iv>{'ef' * 128}</ec2_encrypted_iv>"
        f"<user_encrypted_iv>{'01' * 256}</user_encrypted_iv>"
        f"<parts count='{parts}'>{listed}</parts></image>"
        f"<signature>{'23' * 256}</signature></manifest>")
    for old, new in changes.items():
        text = text.replace(old, new)
    return text.encode()


def put_parts(cloud, bucket, prefix, name, parts=3, tags=None):
    """Into a bucket below `prefix` ("nightly/"), as an upload leaves it that was interrupted."""
    for index in range(parts):
        cloud.put_object(bucket, prefix + part_name(name, index), part_body(name, index),
                         acl="aws-exec-read", tags=tags)


def put_bundle(cloud, bucket, prefix, name, parts=3, text=None, tags=None, part_tags=None):
    """All of one; "BUCKET/KEY" of the manifest. `tags` are the manifest's."""
    put_parts(cloud, bucket, prefix, name, parts, part_tags)
    key = f"{prefix}{name}.manifest.xml"
    cloud.put_object(bucket, key, text or manifest(name, parts), acl="aws-exec-read",
                     tags=tags)
    return f"{bucket}/{key}"


def _openssl(*arguments, data):
    return subprocess.run(["openssl", *map(str, arguments)], input=data, check=True,
                          stdout=subprocess.PIPE).stdout


def _wrap(certificate, text):
    return _openssl("pkeyutl", "-encrypt", "-certin", "-inkey", certificate, "-pkeyopt",
                    "rsa_padding_mode:pkcs1", data=text.encode()).hex()


def sign(text, private_key):
    """The manifest with a signature by a key over what it says."""
    signed = b"".join(re.search(rb"<%s>.*</%s>" % (name, name), text, re.S).group()
                      for name in (b"machine_configuration", b"image"))
    signature = _openssl("dgst", "-sha1", "-sign", private_key, data=signed).hex().encode()
    return re.sub(rb"<signature>.*</signature>", b"<signature>%s</signature>" % signature, text)


def pack(image, folder, pki, name="web", member=None, key="00112233445566778899aabbccddeeff",
         vector="ffeeddccbbaa99887766554433221100", part_bytes=10 << 20, digest=None, **changes):
    """A whole bundle of a file into a folder, by tar (without its holes), gzip and openssl.

    `member` and `digest` stand in place of the archive and of its SHA-1, and `changes` replaces text
    before it is signed.
    """
    archive = member if member is not None else subprocess.run(
        ["tar", "-ch", "--owner", "0", "--group", "0", "-C", image.parent, image.name],
        check=True, stdout=subprocess.PIPE).stdout
    body = _openssl("enc", "-aes-128-cbc", "-K", key, "-iv", vector, data=gzip.compress(archive, 1))
    bodies = [body[at:at + part_bytes] for at in range(0, len(body), part_bytes)]
    listed = ""
    for index, part in enumerate(bodies):
        (folder / f"{name}.part.{index}").write_bytes(part)
        listed += (f"<part index='{index}'><filename>{name}.part.{index}</filename>"
                   f"<digest algorithm='SHA1'>{hashlib.sha1(part).hexdigest()}</digest></part>")
    text = manifest(name, 0).decode()
    for element, value in {
            "digest": digest or hashlib.sha1(archive).hexdigest(), "size": image.stat().st_size,
            "bundled_size": len(body), "ec2_encrypted_key": _wrap(pki.ec2, key),
            "user_encrypted_key": _wrap(pki.user, key), "ec2_encrypted_iv": _wrap(pki.ec2, vector),
            "user_encrypted_iv": _wrap(pki.user, vector)}.items():
        text = re.sub(rf"(<{element}(?: [^>]*)?>)[^<]*(</{element}>)", rf"\g<1>{value}\g<2>", text)
    text = text.replace("<parts count='0'></parts>", f"<parts count='{len(bodies)}'>{listed}</parts>")
    for old, new in changes.items():
        text = text.replace(old, new)
    path = folder / f"{name}.manifest.xml"
    path.write_bytes(sign(text.encode(), pki.user_key))
    return path
