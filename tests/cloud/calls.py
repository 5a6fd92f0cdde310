# SPDX-License-Identifier: Apache-2.0
"""The log of calls: what was asked, when, on which connection, and how it was answered."""

import dataclasses
import threading
import time
import uuid


@dataclasses.dataclass
class Call:
    service: str
    action: str
    connection: int
    params: dict = dataclasses.field(default_factory=dict)
    form: dict = dataclasses.field(default_factory=dict)
    dry_run: bool = False
    access_key: str | None = None
    region: str | None = None    # that it is signed for
    request_id: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))
    number: int = 0
    time: float = dataclasses.field(default_factory=time.time)
    acted: bool = False          # what was asked has been done (or refused) by the service
    answered: float | None = None
    duration: float | None = None  # seconds from the request's last byte to the answer's first
    status: int | None = None
    code: str | None = None
    fault: int | None = None     # the number of the fault that was applied


class CallLog:
    def __init__(self):
        self._lock = threading.Lock()
        self._calls = []
        self._next = 1

    def begin(self, call):
        with self._lock:
            call.number = self._next
            self._next += 1
            self._calls.append(call)

    def end(self, call):
        call.answered = time.time()
        call.duration = call.answered - call.time

    def clear(self):
        with self._lock:
            self._calls.clear()

    def list(self, action=None, service=None):
        with self._lock:
            chosen = [call for call in self._calls
                      if action in (None, call.action) and service in (None, call.service)]
        return [dataclasses.asdict(call) for call in chosen]
