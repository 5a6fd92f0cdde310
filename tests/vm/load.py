# SPDX-License-Identifier: Apache-2.0
"""What goes on in a guest besides writers: a journal that fills, and packages that come and go."""

import itertools

FOLDER = "/var/tmp/load"
PACKAGES = ("load-one", "load-two")
# An upgrade of one and an installation and a removal of the other, for ever.
INSTALL = """\
set -e
build() { # NAME VERSION
    mkdir -p "$1/DEBIAN" "$1/usr/share/$1"
    printf '%s\\n' "Package: $1" "Version: $2" 'Architecture: all' 'Description: comes and goes' \\
        'Maintainer: nobody <nobody@localhost>' >"$1/DEBIAN/control"
    printf '%s\\n' '#!/bin/sh' 'set -e' "date >>/var/lib/$1" >"$1/DEBIAN/postinst"
    chmod 0755 "$1/DEBIAN/postinst"
    head -c 100000 /dev/urandom | split -b 10000 - "$1/usr/share/$1/"
    dpkg-deb --build -Znone "$1" >/dev/null
}
cd /var/tmp/load
for ((version = 1; ; version++)); do
    for name in load-one load-two; do
        build $name $version
    done
    dpkg --install load-one.deb load-two.deb
    echo $version >installed
    dpkg --remove load-two
done
"""
CHATTER = """\
for ((number = 1; ; number++)); do
    echo "WORD $number"
    sleep 0.05
done
"""


class Load:
    """Until its end; the packages are mended and gone afterwards."""

    _numbers = itertools.count(1)

    def __init__(self, instance):
        self._instance = instance
        self.word = f"load{next(self._numbers)}"

    def __enter__(self):
        machine = self._instance.machine
        machine.write(f"{FOLDER}/install", INSTALL)
        machine.write(f"{FOLDER}/chatter", CHATTER.replace("WORD", self.word))
        for name in ("install", "chatter"):
            machine.run(f"systemd-run --quiet --unit=load-{name} /bin/bash {FOLDER}/{name}")
        machine.run(f"until [ -e {FOLDER}/installed ]; do sleep 0.2; done")
        return self

    def __exit__(self, *_):
        self.stop()
        packages_mend(self._instance)
        self._instance.run(f"dpkg --purge {' '.join(PACKAGES)}; rm -r {FOLDER}")

    def stop(self):
        """May be called again. The units' names are free then, however they ended."""
        for name in ("install", "chatter"):
            self._instance.run(f"systemctl stop load-{name}; systemctl reset-failed load-{name}",
                               check=False)

    def lines(self, instance):
        """The numbers of the lines in the journal there."""
        text = instance.run(f"journalctl --output=cat --unit=load-chatter --grep='^{self.word} '")
        return [int(line.split()[1]) for line in text.stdout.splitlines()]


def packages_broken(instance):
    """Those that dpkg was in the middle of when it was interrupted."""
    told = instance.run("dpkg-query --show --showformat='${db:Status-Status} ${Package}\\n'")
    pairs = [line.split() for line in told.stdout.splitlines()]
    return {name for state, name in pairs if state not in ("installed", "config-files",
                                                           "not-installed")}


def packages_mend(instance):
    """
    As dpkg(1) has it done after a crash: what was unpacked is configured, and what was unpacked in
    part only, which nothing can configure, is installed once more.
    """
    instance.run("dpkg --configure --pending", check=False)
    for name in packages_broken(instance):
        instance.run(f"dpkg --install {FOLDER}/{name}.deb")
