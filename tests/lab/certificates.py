# SPDX-License-Identifier: Apache-2.0
"""Certificates and keys for bundles, made by openssl."""

import subprocess


def openssl(*arguments, **options):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True,
                          **options).stdout


def make_pair(folder, name, key=("rsa:2048",), days=("-days", "2"), more=()):
    """NAME.key and NAME.pem; their paths."""
    private, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    openssl("req", "-x509", "-newkey", *key, "-nodes", "-keyout", private, "-out", certificate,
            "-subj", f"/CN={name}", *days, *more)
    return private, certificate


def sign(folder, name, private, begin, end):
    """A certificate of a key that is there, valid between two times (YYYYMMDDHHMMSSZ)."""
    request, certificate = folder / f"{name}.csr", folder / f"{name}.pem"
    openssl("req", "-new", "-key", private, "-subj", f"/CN={name}", "-out", request)
    database = folder / f"{name}.db"
    database.mkdir()
    (database / "index").touch()
    config = database / "config"
    config.write_text(f"[ca]\ndefault_ca=one\n[one]\ndatabase={database}/index\nnew_certs_dir={database}\n"
                      "rand_serial=yes\ndefault_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n")
    openssl("ca", "-batch", "-selfsign", "-config", config, "-keyfile", private, "-in", request,
            "-startdate", begin, "-enddate", end, "-notext", "-out", certificate)
    return certificate
