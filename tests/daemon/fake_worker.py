#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
A worker that a test speaks for: what the daemon sends on descriptor 3 goes to the test, and what
the test sends goes to the daemon, but for {"control": "exit", "status": N} and
{"control": "raw", "text": ...}.
"""

import json
import os
import socket
import threading

CONTROL = os.environ["QUIESCED_TEST_CONTROL"]


def relay_from_daemon(daemon, control):
    for line in daemon.makefile("rb"):
        control.sendall(line)
    control.sendall(b'{"end": true}\n')


def obey(command, daemon):
    if command["control"] == "raw":
        daemon.sendall(command["text"].encode())
    elif command["control"] == "close":
        daemon.shutdown(socket.SHUT_RDWR)
    else:
        os._exit(command["status"])


def main():
    fds = [int(fd) for fd in os.listdir("/proc/self/fd")]
    daemon = socket.socket(fileno=3)
    control = socket.socket(socket.AF_UNIX)
    control.connect(CONTROL)
    control.sendall(json.dumps({"pid": os.getpid(), "fds": fds}).encode() + b"\n")
    threading.Thread(target=relay_from_daemon, args=(daemon, control), daemon=True).start()
    for line in control.makefile("rb"):
        message = json.loads(line)
        if "control" in message:
            obey(message, daemon)
        else:
            daemon.sendall(line)


main()
