# SPDX-License-Identifier: Apache-2.0
"""What goes on in a guest besides writers: a journal that fills, and packages that come and go."""

import itertools

from vm import restored
from vm.writers import GuestWriters

FOLDER = "/var/tmp/load"
FOREVER = 1 << 63
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
    sleep PAUSE
done
"""
CHATTER = """\
for ((number = 1; ; number++)); do
    echo "WORD $number"
    sleep PAUSE
done
"""


class Load:
    """Until its end; the packages are mended and gone afterwards."""

    _numbers = itertools.count(1)

    def __init__(self, instance, packages_pause_sec=0, line_pause_sec=0.05):
        self._instance = instance
        self._pauses = {"install": packages_pause_sec, "chatter": line_pause_sec}
        self.word = f"load{next(self._numbers)}"

    def __enter__(self):
        self.start()
        self._instance.machine.wait_for(f"[ -e {FOLDER}/installed ]", "packages are installed")
        return self

    def start(self):
        machine = self._instance.machine
        for name, script in (("install", INSTALL), ("chatter", CHATTER)):
            text = script.replace("WORD", self.word).replace("PAUSE", str(self._pauses[name]))
            machine.write(f"{FOLDER}/{name}", text)
            machine.run(f"systemd-run --quiet --unit=load-{name} /bin/bash {FOLDER}/{name}")

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


class SteadyLoad:
    """
    The same at a pace that leaves the processor to others, with a database on / and one on /data.
    It ends with the machine that it runs on: after_boot() looks at what is left.
    """

    PACKAGES_PAUSE_SEC = 10
    LINE_PAUSE_SEC = 0.5
    WRITE_PACE_USEC = 100000

    def __init__(self, instance):
        self._instance = instance

    def __enter__(self):
        self._begin()
        return self

    def __exit__(self, *_):
        if self._machine is self._instance.machine:
            self._writers.stop()
        self._clear()

    def _begin(self):
        self._machine = self._instance.machine
        self._load = Load(self._instance, self.PACKAGES_PAUSE_SEC, self.LINE_PAUSE_SEC)
        self._load.start()
        self._writers = GuestWriters(self._machine, ("database",), ("/srv", "/data"),
                                     pace_usec=self.WRITE_PACE_USEC)

    def _clear(self):
        """A package may be in any state in which its installation can be cut short."""
        self._load.stop()
        self._instance.run(f"dpkg --purge --force-remove-reinstreq {' '.join(PACKAGES)} && "
                           f"rm -rf {FOLDER} {' '.join(map(str, self._writers.folders))}")
        assert self._instance.run("dpkg --audit").stdout == ""

    def note(self):
        """What has been committed by now is looked for after the next boot."""
        self._writers.fetch()

    def after_boot(self):
        """What was committed when note() was last called is there, and no page is torn."""
        problems, committed = restored.content_problems(self._instance, self._writers, FOREVER)
        assert problems == [] and min(committed) > 0, (problems, committed)

    def resume(self):
        """After a boot, if there was one."""
        if self._machine is not self._instance.machine:
            self._clear()
            self._begin()


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
