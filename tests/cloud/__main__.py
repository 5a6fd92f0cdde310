# SPDX-License-Identifier: Apache-2.0
"""python3 -m cloud --config FILE: serves until SIGTERM, SIGINT, or the end of its parent."""

import argparse
import ctypes
import json
import os
import pathlib
import signal
import sys

from .server import Server

PR_SET_PDEATHSIG = 1


def main():
    parser = argparse.ArgumentParser(prog="cloud")
    parser.add_argument("--config", required=True, help="settings as JSON, see settings.py")
    arguments = parser.parse_args()
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:           # it ended before prctl(2) could see it
        return 1
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    server = Server(json.loads(pathlib.Path(arguments.config).read_text()))
    print(json.dumps(server.ready()), flush=True)
    signal.sigwait(signals)
    server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
