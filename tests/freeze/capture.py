# SPDX-License-Identifier: Apache-2.0
"""Capture behind a socket."""

import re

from freezer import Activated
from lab.capture import Client
from lab.paths import BUILD, TESTS


def sandbox():
    """With no more capabilities than its unit leaves it."""
    unit = (TESTS.parent / "systemd/quiesced-capture@.service.in").read_text()
    (line,) = re.findall(r"^CapabilityBoundingSet=(.*)$", unit, re.MULTILINE)
    names = [f"+{name.removeprefix('CAP_').lower()}" for name in line.split()]
    return ["setpriv", "--no-new-privs",
            f"--bounding-set={','.join(['-all', *names])}", "--inh-caps=-all"]


class Server(Activated):
    PROGRAM = str(BUILD / "quiesced-capture")

    def __init__(self, folder, uid=0):
        super().__init__(folder, "capture", [*sandbox(), self.PROGRAM], uid=uid)

    def client(self):
        return Client(self.path)
