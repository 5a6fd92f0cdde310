# SPDX-License-Identifier: Apache-2.0
"""What is done to a machine from outside: QEMU's monitor (QMP)."""

import json
import socket
import time

ANSWER_SEC = 30


class Monitor:
    def __init__(self, path):
        self._path = str(path)

    def execute(self, command, **arguments):
        """What QEMU returns."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SEC)
            self._connect(connection)
            with connection.makefile("rw") as lines:
                lines.readline()    # its greeting
                self._ask(lines, "qmp_capabilities")
                return self._ask(lines, command, **arguments)

    def _connect(self, connection):
        """QEMU makes its socket some time after its start."""
        end = time.monotonic() + ANSWER_SEC
        while True:
            try:
                return connection.connect(self._path)
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    @staticmethod
    def _ask(lines, command, **arguments):
        lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        lines.flush()
        while True:
            answer = json.loads(lines.readline())
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
