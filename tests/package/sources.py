# SPDX-License-Identifier: Apache-2.0
"""The source as a release would have it."""

import hashlib
import os
import re
import shutil
import subprocess

from lab.paths import TESTS

SOURCE = TESTS.parent
GENERATED = ["aclocal.m4", "autom4te.cache", "build", "build-aux", "build-config.h.in", "configure",
             "Makefile.in", "__pycache__", ".git", "*~", "obj-*"]


def source_files():
    """Names of all that is tracked or new, or, where there is no git repository, not GENERATED."""
    command = ["git", "-c", "safe.directory=*", "-C", str(SOURCE), "ls-files", "-z", "--cached",
               "--others", "--exclude-standard"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    names = done.stdout.split("\0")[:-1] if done.returncode == 0 else _walk()
    return sorted(name for name in names if (SOURCE / name).is_file())


def _walk():
    ignore = shutil.ignore_patterns(*GENERATED)
    for folder, folders, names in os.walk(SOURCE):
        ignored = ignore(folder, [*folders, *names])
        folders[:] = [name for name in folders if name not in ignored]
        for name in set(names) - ignored:
            yield os.path.relpath(os.path.join(folder, name), SOURCE)


def copy_source(folder):
    """A clean copy, without anything that a build has made."""
    for name in source_files():
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(SOURCE / name, copy)


def checksum():
    """Of all that a package is made of, which the tests in Python are not."""
    total = hashlib.sha256()
    for name in source_files():
        if not (name.startswith("tests/") and name.endswith(".py")):
            content = hashlib.sha256((SOURCE / name).read_bytes()).hexdigest()
            total.update(f"{name}\0{content}\0".encode())
    return total.hexdigest()


def version():
    return re.search(r"AC_INIT\(\[quiesced\], \[(.+?)\]", (SOURCE / "configure.ac").read_text())[1]
