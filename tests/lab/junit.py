# SPDX-License-Identifier: Apache-2.0
"""
Counts a pytest report: `junit.py REPORT PYTEST-STATUS` prints PASSED FAILED SKIPPED. A skip is a
failure, unless the kernel lacks what the test needs (lab/kernel.py).
"""

import sys
import xml.etree.ElementTree as ElementTree

from kernel import SKIP_PREFIX


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    skipped = case.find("skipped")
    if skipped is None:
        return "passed"
    return "skipped" if skipped.get("message", "").startswith(SKIP_PREFIX) else "failed"


def main(report, status):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    try:
        for case in ElementTree.parse(report).iter("testcase"):
            counts[outcome(case)] += 1
    except (OSError, ElementTree.ParseError):
        counts["failed"] += 1
    # Killed, timed out, or failed outside any test.
    if status != 0 and counts["failed"] == 0:
        counts["failed"] += 1
    print(*counts.values())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
