# SPDX-License-Identifier: Apache-2.0
"""Scripted faults: which call of which action goes wrong, and how."""

import dataclasses
import fnmatch
import itertools
import threading

from . import answers

FOREVER = -1


@dataclasses.dataclass
class Fault:
    """Matching calls number skip+1 .. skip+times are hit.

    `action` is a pattern: "CreateSnapshots", "Describe*", or a path of the metadata service such as
    "/latest/api/token". By default a DryRun is left alone: dry_run=True hits only those, None both.
    `where` names form parameters and their values, e.g. {"ImageId.1": "ami-..."}.
    `region` is the one that the call is made in; None: any.
    The action is done before the fault is visible unless act=False (the default with `error`).
    """

    action: str
    times: int = 1
    skip: int = 0
    dry_run: bool | None = False
    where: dict = dataclasses.field(default_factory=dict)
    region: str | None = None
    delay_before: float = 0.0
    delay_after: float = 0.0
    act: bool | None = None
    error: str | None = None
    message: str | None = None
    status: int = 400
    answer: str = "normal"
    bytes: int = 64 << 20        # of `huge`
    seconds: float = 5.0         # that `drip` takes
    number: int = 0
    hits: int = 0

    def __post_init__(self):
        if self.answer not in answers.ANSWERS:
            raise ValueError(f"unknown answer {self.answer}; known: {', '.join(answers.ANSWERS)}")
        if self.act is None:
            self.act = self.error is None
        if self.message is None:
            self.message = MESSAGES.get(self.error, "A fault scripted by the test.")

    def matches(self, call):
        if call.action.startswith("/") != self.action.startswith("/"):
            return False
        return (fnmatch.fnmatchcase(call.action, self.action)
                and self.dry_run in (None, call.dry_run)
                and self.region in (None, call.region)
                and all(call.form.get(name) == value for name, value in self.where.items()))


MESSAGES = {
    "RequestLimitExceeded": "Request limit exceeded.",
    "InternalError": "An internal error has occurred",
    "Unavailable": "The server is overloaded and can't handle the request.",
    "UnauthorizedOperation": "You are not authorized to perform this operation.",
    "InsufficientInstanceCapacity": "We currently do not have sufficient capacity in the "
                                    "Availability Zone you requested.",
    "InsufficientSnapshotCapacity": "There is not enough capacity for this request.",
}


class Faults:
    def __init__(self):
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._faults = []

    def add(self, **fields):
        fault = Fault(**fields)
        with self._lock:
            fault.number = next(self._numbers)
            self._faults.append(fault)
        return fault.number

    def clear(self):
        with self._lock:
            self._faults.clear()

    def list(self):
        with self._lock:
            return [dataclasses.asdict(fault) for fault in self._faults]

    def take(self, call):
        """The first fault that hits this call; every one that matches counts it."""
        hit = None
        with self._lock:
            for fault in self._faults:
                if not fault.matches(call):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                elif hit is None and fault.times != 0:
                    fault.times -= fault.times > 0
                    fault.hits += 1
                    hit = fault
        return hit
