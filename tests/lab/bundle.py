# SPDX-License-Identifier: Apache-2.0
"""Bundles of instance-store images as others made them: a manifest, and parts of a few bytes."""

import hashlib


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


def put_bundle(cloud, bucket, prefix, name, parts=3, text=None, tags=None):
    """Into a bucket below `prefix` ("nightly/"); "BUCKET/KEY" of the manifest."""
    for index in range(parts):
        cloud.put_object(bucket, prefix + part_name(name, index), part_body(name, index),
                         acl="aws-exec-read")
    key = f"{prefix}{name}.manifest.xml"
    cloud.put_object(bucket, key, text or manifest(name, parts), acl="aws-exec-read",
                     tags=tags)
    return f"{bucket}/{key}"
