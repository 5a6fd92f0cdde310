# SPDX-License-Identifier: Apache-2.0
"""What retention costs in calls: counted at the simulated cloud."""

import collections
import time

from lab.worker import INSTANCE_ID, Workplace

DAY = 86400
SNAPSHOTS = 4
READS = "Describe", "Get"


def measure(counts=(1, 10, 100)):
    """{images pruned: calls of EC2 by name}, the listing and the guards included."""
    with Workplace() as place:
        (place.folder / "profiles").mkdir()
        (place.folder / "profiles/nightly.conf").write_text("[Retain]\nKeepLast=1\n")
        return {count: _prune(place, count) for count in counts}


def _prune(place, count):
    place.cloud.empty()
    place.cloud.fill(images=[
        {"tags": {"quiesced:job": f"j-{day}", "quiesced:kind": "image", "quiesced:profile": "nightly",
                  "quiesced:instance": INSTANCE_ID, "quiesced:consistency": "filesystem"},
         "created": time.time() - day * DAY, "snapshots": SNAPSHOTS} for day in range(count + 1)])
    place.cloud.clear_calls()
    result, _ = place.run("prune", place.new_job(), profile="nightly")
    assert result["result"] == "done" and len(place.images()) == 1, place.log()
    return collections.Counter(call["action"] for call in place.cloud.calls()
                               if not call["action"].startswith("/"))


def summary(calls, count):
    """(reads, writes) for each image."""
    reads = sum(number for action, number in calls.items() if action.startswith(READS))
    return reads / count, (sum(calls.values()) - reads) / count
