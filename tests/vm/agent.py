# SPDX-License-Identifier: Apache-2.0
"""Commands in a guest, through qemu-ga and its virtio-serial port: no network, no login."""

import base64
import contextlib
import itertools
import json
import socket
import subprocess
import time

REPLY_SEC = 60
# Whatever is waited for in a guest: hosts that emulate it beside other work are slow.
RUN_SEC = 120
POLL_SEC = 0.02
POLL_MOST_SEC = 0.1


class GuestFailed(AssertionError):
    pass


class Agent:
    def __init__(self, path):
        self._path = str(path)
        self._numbers = itertools.count(1)
        self._socket = None
        self._buffer = b""

    def close(self):
        if self._socket:
            self._socket.close()
            self._socket = None

    def wait_ready(self, timeout, is_alive):
        """Until it answers; what an earlier attempt has asked may still be answered first."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if not is_alive():
                raise GuestFailed("the machine has ended")
            with contextlib.suppress(OSError):
                self._connect()
                if self._synchronised():
                    return
            time.sleep(0.2)
        raise GuestFailed(f"after {timeout} s: the guest agent answers")

    def begin(self, script):
        """
        sh -c `script`, of which nothing is heard, as the agent may be gone by then: this
        connection is good for nothing else.
        """
        self._send("guest-exec", **_sh(script))

    def run(self, script, timeout=RUN_SEC, stdin=None):
        """sh -c `script`: CompletedProcess, its output as bytes."""
        arguments = {**_sh(script), "capture-output": True}
        if stdin is not None:
            arguments["input-data"] = base64.b64encode(stdin).decode()
        pid = self._ask("guest-exec", **arguments)["pid"]
        end = time.monotonic() + timeout
        for pause in self._pauses():
            status = self._ask("guest-exec-status", pid=pid)
            if status["exited"]:
                code = status.get("exitcode", -status.get("signal", 0))
                return subprocess.CompletedProcess(script, code, *self._outputs(status))
            if time.monotonic() > end:
                raise GuestFailed(f"after {timeout} s: it is done: {script}")
            time.sleep(pause)

    @staticmethod
    def _pauses():
        pause = POLL_SEC
        while True:
            yield pause
            pause = min(pause * 1.5, POLL_MOST_SEC)

    @staticmethod
    def _outputs(status):
        return [base64.b64decode(status.get(name, "")) for name in ("out-data", "err-data")]

    def _connect(self):
        if self._socket is None:
            fresh = socket.socket(socket.AF_UNIX)
            try:
                fresh.connect(self._path)
            except OSError:
                fresh.close()
                raise
            self._socket = fresh

    def _synchronised(self):
        number = next(self._numbers)
        self._send("guest-sync", id=number)
        with contextlib.suppress(TimeoutError, ValueError):
            while True:
                if self._receive(0.5).get("return") == number:
                    return True
        return False

    def _ask(self, command, **arguments):
        self._send(command, **arguments)
        try:
            answer = self._receive(REPLY_SEC)
        except TimeoutError as error:
            raise GuestFailed(f"after {REPLY_SEC} s: the agent answers {command}") from error
        if "error" in answer:
            raise GuestFailed(f"{command}: {answer['error']}")
        return answer["return"]

    def _send(self, command, **arguments):
        asked = {"execute": command, "arguments": arguments}
        self._socket.sendall(json.dumps(asked).encode() + b"\n")

    def _receive(self, timeout):
        end = time.monotonic() + timeout
        while b"\n" not in self._buffer:
            self._socket.settimeout(max(end - time.monotonic(), 0.001))
            data = self._socket.recv(1 << 16)
            if not data:
                raise GuestFailed("the machine has ended")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)


def _sh(script):
    """Debian's dash: to start bash takes a guest longer than most of what is asked of it."""
    return {"path": "/bin/sh", "arg": ["-c", script]}
