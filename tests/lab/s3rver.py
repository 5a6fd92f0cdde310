# SPDX-License-Identifier: Apache-2.0
"""s3rver, a third party's S3 server: installed once by npm, as its lock file says, and started."""

import hashlib
import os
import re
import select
import shutil
import subprocess
from pathlib import Path

from lab.debian import cache_locked, remove_unfinished
from lab.paths import TESTS

FILES = [TESTS / "s3rver/package.json", TESTS / "s3rver/package-lock.json"]
# The keys that it knows.
KEYS = {"AWS_ACCESS_KEY_ID": "S3RVER", "AWS_SECRET_ACCESS_KEY": "S3RVER"}
# Its continuation tokens take a cipher that OpenSSL 3 has given up.
LEGACY = "--openssl-legacy-provider"
INSTALL_SEC = 300
START_SEC = 60
STOP_SEC = 10


def installed():
    """Where it is, and all that it needs."""
    name = "s3rver-" + hashlib.sha256(b"".join(map(Path.read_bytes, FILES))).hexdigest()[:16]
    with cache_locked("s3rver") as cache:
        if not (cache / name).exists():
            remove_unfinished("s3rver-*.new")
            folder = cache / f"{name}.new"
            folder.mkdir()
            _install(folder)
            folder.rename(cache / name)
        return cache / name


def _install(folder):
    for path in FILES:
        shutil.copy(path, folder)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", "cache"],
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=INSTALL_SEC, check=False)
    if done.returncode:
        raise RuntimeError(f"npm could not install s3rver:\n{done.stdout[-3000:]}")
    shutil.rmtree(folder / "cache", ignore_errors=True)


class S3rver:
    """One with a bucket, on an address of its own."""

    def __init__(self, folder, bucket):
        program = installed() / "node_modules/s3rver/bin/s3rver.js"
        self._process = subprocess.Popen(
            ["node", LEGACY, program, "--directory", folder, "--address", "127.0.0.1", "--port", "0",
             "--configure-bucket", bucket], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            bufsize=0, start_new_session=True)
        self.address = self._read_address()

    def _read_address(self):
        told = b""
        while select.select([self._process.stdout], [], [], START_SEC)[0]:
            piece = os.read(self._process.stdout.fileno(), 4096)
            told += piece
            found = re.search(rb"listening on (\S+:\d+)\n", told)
            if found:
                return f"http://{found[1].decode()}"
            if not piece:
                break
        self.stop()
        raise RuntimeError("s3rver did not start; its reason is on stderr")

    def env(self):
        return {"AWS_ENDPOINT_URL_S3": self.address, "AWS_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true", **KEYS}

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(STOP_SEC)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
