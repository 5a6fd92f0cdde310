# SPDX-License-Identifier: Apache-2.0
"""A small Debian to install into: bootstrapped once, and never written to again."""

import hashlib

from lab import debian

# What the package depends on, and polkit, which it recommends and which takes libpam-systemd.
PACKAGES = [
    "ca-certificates", "dbus", "libcurl4", "libexpat1", "libinih1", "libisal2",
    "libjansson4", "libpam-systemd", "polkitd", "systemd", "systemd-sysv",
]


def cached_root():
    wanted = "\n".join([debian.codename(), *PACKAGES])
    name = f"root-{hashlib.sha256(wanted.encode()).hexdigest()[:16]}"
    with debian.cache_locked("root") as cache:
        folder = cache / name
        if not folder.exists():
            debian.remove_unfinished("root-*.new")
            # Under another name until it is whole: what is cut short never counts as a root.
            unfinished = cache / f"{name}.new"
            debian.bootstrap(unfinished, PACKAGES)
            unfinished.rename(folder)
    return folder
