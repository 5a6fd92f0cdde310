# SPDX-License-Identifier: Apache-2.0
"""The cloud's own time, which may differ from the host's, and the ways in which AWS writes it."""

import datetime
import email.utils
import re
import time

ISO = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?)?")


class Clock:
    def __init__(self, knobs):
        self._knobs = knobs

    def now(self):
        return time.time() + self._knobs["clock_offset"]

    def http_date(self):
        return email.utils.formatdate(self.now(), usegmt=True)


def iso_format(epoch, milliseconds=True):
    moment = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
    if not milliseconds:
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def iso_valid(text):
    return ISO.fullmatch(text) is not None


def iso_parse(text):
    """The epoch of a time that iso_valid() takes."""
    moment = datetime.datetime.fromisoformat(re.sub(r"Z$", "+00:00", text))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return moment.timestamp()


def basic_parse(text):
    """The epoch of SigV4's 20260131T235959Z; ValueError."""
    moment = datetime.datetime.strptime(text, "%Y%m%dT%H%M%SZ")
    return moment.replace(tzinfo=datetime.timezone.utc).timestamp()
