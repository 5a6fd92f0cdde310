#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
The other side of a bundle, with nothing of ours: Python, openssl, gunzip and tar. Checks every digest,
the signature and the order of the manifest, and gives the image back.

    unbundle.py MANIFEST CERTIFICATE PRIVATE-KEY EC2-PRIVATE-KEY IMAGE
"""

import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

PART_BYTES = 10 * 1024 * 1024
# BUNDLE-FORMAT's order, and which of them may be missing.
ROOT = ["version", "bundler", "machine_configuration", "image", "signature"]
MACHINE = ["architecture", "block_device_mapping?", "kernel_id?", "ramdisk_id?", "product_codes?"]
IMAGE = ["name", "user", "type", "ancestry?", "digest", "size", "bundled_size", "ec2_encrypted_key",
         "user_encrypted_key", "ec2_encrypted_iv", "user_encrypted_iv", "parts"]


class Wrong(Exception):
    """What a registry would refuse."""


def demand(condition, what):
    if not condition:
        raise Wrong(what)


def run(*command, data=None):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def check_order(element, wanted):
    names = [child.tag for child in element]
    for name in wanted:
        if names and names[0] == name.rstrip("?"):
            names.pop(0)
        else:
            demand(name.endswith("?"), f"<{element.tag}> lacks <{name}>, or has it elsewhere")
    demand(not names, f"<{element.tag}> has more: {names}")


def check_signature(raw, certificate, signature):
    """Over the bytes of both elements, as they stand in the file."""
    signed = b"".join(re.search(rb"<%s>.*</%s>" % (name, name), raw, re.S).group()
                      for name in (b"machine_configuration", b"image"))
    with tempfile.TemporaryDirectory() as folder:
        public, value = Path(folder, "public"), Path(folder, "signature")
        public.write_bytes(run("openssl", "x509", "-in", certificate, "-pubkey", "-noout"))
        value.write_bytes(bytes.fromhex(signature))
        run("openssl", "dgst", "-sha1", "-verify", public, "-signature", value, data=signed)


def unwrap(private_key, value):
    """32 hexadecimal digits, which openssl enc takes as they are."""
    text = run("openssl", "pkeyutl", "-decrypt", "-inkey", private_key, "-pkeyopt",
               "rsa_padding_mode:pkcs1", data=bytes.fromhex(value)).decode()
    demand(re.fullmatch("[0-9a-f]{32}", text), "a key is no 32 digits")
    return text


def check_manifest(raw, certificate):
    demand(raw.startswith(b"<?xml version='1.0'?><manifest><version>2007-10-10</version>"),
           "the declaration, or what follows it")
    demand(not re.search(rb">\s+<|\s\Z", raw), "white space between elements")
    root = ElementTree.fromstring(raw)
    check_order(root, ROOT)
    check_order(root.find("machine_configuration"), MACHINE)
    check_order(root.find("image"), IMAGE)
    demand(re.fullmatch(r"\d+", root.findtext("image/user")), "the user is no number")
    demand(root.findtext("image/type") == "machine", "the type")
    mappings = [[(one.tag, one.text) for one in mapping]
                for mapping in root.iterfind("machine_configuration/block_device_mapping/mapping")]
    demand(mappings == sorted(mappings), "mappings are not sorted")
    demand(all([name for name, _ in one] == ["virtual", "device"] for one in mappings), "a mapping")
    check_signature(raw, certificate, root.findtext("signature"))
    return root.find("image")


def check_parts(image, folder):
    """Their files, in order."""
    parts = image.findall("parts/part")
    demand(image.find("parts").get("count") == str(len(parts)), "the count of parts")
    demand([part.get("index") for part in parts] == [str(i) for i in range(len(parts))], "the order")
    files = []
    for index, part in enumerate(parts):
        filename = part.findtext("filename")
        demand(re.fullmatch(re.escape(image.findtext("name")) + r"\.part\.0*%d" % index, filename),
               f"a part is called {filename}")
        files.append(folder / filename)
        body = files[-1].read_bytes()
        demand(hashlib.sha1(body).hexdigest() == part.findtext("digest"), f"the digest of {filename}")
        demand(len(body) == PART_BYTES or index == len(parts) - 1 and 0 < len(body) < PART_BYTES,
               f"the size of {filename}")
    demand(sum(file.stat().st_size for file in files) == int(image.findtext("bundled_size")),
           "the sum of the parts")
    return files


def extract(files, key, vector, folder):
    """cat | openssl | gunzip | tar: the SHA-1 of what tar gets."""
    with subprocess.Popen(["cat", *files], stdout=subprocess.PIPE) as cat, \
            subprocess.Popen(["openssl", "enc", "-d", "-aes-128-cbc", "-K", key, "-iv", vector],
                             stdin=cat.stdout, stdout=subprocess.PIPE) as aes, \
            subprocess.Popen(["gunzip", "-c"], stdin=aes.stdout, stdout=subprocess.PIPE) as gunzip, \
            subprocess.Popen(["tar", "-xSf", "-", "-C", folder], stdin=subprocess.PIPE) as tar:
        digest = hashlib.sha1()
        while data := gunzip.stdout.read(1 << 20):
            digest.update(data)
            tar.stdin.write(data)
        tar.stdin.close()
        demand([one.wait() for one in (cat, aes, gunzip, tar)] == [0] * 4, "openssl, gunzip or tar")
    return digest.hexdigest()


def main(manifest, certificate, private_key, ec2_private_key, target):
    image = check_manifest(Path(manifest).read_bytes(), certificate)
    keys = {(unwrap(key, image.findtext(f"{whose}_encrypted_key")),
             unwrap(key, image.findtext(f"{whose}_encrypted_iv")))
            for whose, key in (("user", private_key), ("ec2", ec2_private_key))}
    demand(len(keys) == 1, "EC2 and the user have got different keys")
    key, vector = keys.pop()
    files = check_parts(image, Path(manifest).parent)
    with tempfile.TemporaryDirectory(dir=Path(target).parent) as folder:
        demand(extract(files, key, vector, folder) == image.findtext("digest"), "the archive's digest")
        made = Path(folder, image.findtext("name"))
        demand(made.stat().st_size == int(image.findtext("size")), "the size of the image")
        made.rename(target)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Wrong as wrong:
        sys.exit(f"wrong in the bundle: {wrong}")
