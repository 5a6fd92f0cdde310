# SPDX-License-Identifier: Apache-2.0
"""A system bus of one's own, with the real policy of quiesced and, if wanted, the real polkitd."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from lab.paths import TESTS

SYSTEMD = TESTS.parent / "systemd"
POLKITD = "/usr/lib/polkit-1/polkitd"
POLKIT_ACTIONS = Path("/usr/share/polkit-1/actions")
POLKIT_BUS_POLICY = "/usr/share/dbus-1/system.d/org.freedesktop.PolicyKit1.conf"
WAIT_SEC = 60

# As Debian's system.conf, but for two things: the daemon under test may run as any user, and a test
# may be logind or systemd.
BUS_CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <policy context="mandatory">
    <allow own="org.quiesced1"/>
    <allow own="org.freedesktop.login1"/>
    <allow send_destination="org.freedesktop.login1"/>
    <allow own="org.freedesktop.systemd1"/>
    <allow send_destination="org.freedesktop.systemd1"/>
  </policy>
  <include ignore_missing="yes">{policy}</include>
  <include ignore_missing="yes">{polkit}</include>
</busconfig>
"""

# The bind mounts hide the machine's own rules, so that only the test's are asked.
POLKIT_START = """\
mount --bind "$1/actions" /usr/share/polkit-1/actions &&
mount --bind "$1/rules" /etc/polkit-1/rules.d &&
mount --bind "$1/empty" /usr/share/polkit-1/rules.d &&
exec {polkitd} --no-debug
"""


def end_process(process, patience=WAIT_SEC):
    """SIGTERM, then SIGKILL, to a process that we started."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Bus:
    """
    with Bus(folder) as bus: ... env=bus.env() ...

    The folder must be one that every user may enter. `rules` is JavaScript for polkit; None: no
    polkit. polkit can also come and go later, by start_polkit() and stop_polkit(). `uid` is whom
    the daemon runs as, in place of the user quiesced.
    """

    def __init__(self, folder, rules=None, uid=None):
        self.folder = Path(folder)
        self.rules = rules
        self.uid = uid
        self.address = f"unix:path={self.folder}/system-bus"
        self.daemon = None
        self.polkit = None

    def __enter__(self):
        try:
            self._start()
            if self.rules is not None:
                self.start_polkit(self.rules)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stop_polkit()
        end_process(self.daemon)

    def env(self):
        return {"DBUS_SYSTEM_BUS_ADDRESS": self.address}

    def environment(self):
        return {**os.environ, **self.env()}

    def _start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        config = self.folder / "bus.conf"
        config.write_text(
            BUS_CONFIG.format(
                socket=self.folder / "system-bus",
                policy=SYSTEMD / "org.quiesced1.conf",
                polkit=POLKIT_BUS_POLICY,
            )
        )
        read, write = os.pipe()
        with open(read) as ready, (self.folder / "bus.log").open("ab") as log:
            self.daemon = subprocess.Popen(
                ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--nosyslog",
                 f"--print-address={write}"],
                pass_fds=[write], stderr=log,
            )
            os.close(write)
            if not ready.readline():
                raise RuntimeError(f"dbus-daemon did not start, see {self.folder}/bus.log")

    def start_polkit(self, rules=""):
        private = self.folder / "polkit"
        for name in ("actions", "rules", "empty"):
            (private / name).mkdir(parents=True, exist_ok=True)
        policy = (SYSTEMD / "org.quiesced1.policy").read_text()
        if self.uid is not None:
            policy = policy.replace("unix-user:quiesced", f"unix-user:{self.uid}")
        (private / "actions/org.quiesced1.policy").write_text(policy)
        shutil.copy(POLKIT_ACTIONS / "org.freedesktop.policykit.policy", private / "actions")
        (private / "rules/10-test.rules").write_text(rules)
        with (self.folder / "polkit.log").open("ab") as log:
            self.polkit = subprocess.Popen(
                ["unshare", "--mount", "--propagation=private", "sh", "-c",
                 POLKIT_START.format(polkitd=POLKITD), "sh", str(private)],
                env=self.environment(), stdout=log, stderr=log,
            )
        self.wait_for_name("org.freedesktop.PolicyKit1")

    def stop_polkit(self):
        end_process(self.polkit)
        self.polkit = None

    def busctl(self, *arguments, uid=None, timeout=WAIT_SEC):
        """busctl on this bus, as root or as another user; gives the finished process."""
        prefix = []
        if uid is not None:
            prefix = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        return subprocess.run(
            [*prefix, "busctl", "--system", *arguments],
            env=self.environment(), capture_output=True, text=True, timeout=timeout + 5, check=False,
        )

    def has_name(self, name):
        result = self.busctl(
            "call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
            "NameHasOwner", "s", name,
        )
        return result.stdout.strip() == "b true"

    def wait_for_name(self, name, patience=WAIT_SEC):
        deadline = time.monotonic() + patience
        while not self.has_name(name):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} did not appear on the bus, see {self.folder}/*.log")
            time.sleep(0.02)
