# SPDX-License-Identifier: Apache-2.0
"""quiescectl, run by a test."""

import os
import subprocess

from lab.paths import BUILD

QUIESCECTL = BUILD / "quiescectl"
TIMEOUT_SEC = 60


def environment(extra=None):
    """Without a bus: whoever needs one brings its address."""
    return {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus", "LC_ALL": "C", **(extra or {})}


def quiescectl(*arguments, env=None):
    return subprocess.run(
        [QUIESCECTL, *arguments], env=environment(env), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=TIMEOUT_SEC, check=False,
    )


class Client:
    """quiescectl on the bus of a host."""

    def __init__(self, host):
        self.host = host
        self.running = []

    def run(self, *arguments, **env):
        return quiescectl(*arguments, env={**self.host.bus.env(), **env})

    def start(self, *arguments, **kwargs):
        """Begins it; the test speaks for the worker meanwhile, and then calls end()."""
        process = subprocess.Popen(
            [QUIESCECTL, *arguments], env=environment(self.host.bus.env()), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=kwargs.pop("stderr", subprocess.PIPE), text=True, **kwargs,
        )
        self.running.append(process)
        return process

    def close(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.communicate()


class Ended:
    def __init__(self, process):
        self.stdout, self.stderr = process.communicate(timeout=TIMEOUT_SEC)
        self.returncode = process.returncode

    def __repr__(self):
        return f"status {self.returncode}, stdout {self.stdout!r}, stderr {self.stderr!r}"


def end(process):
    return Ended(process)
