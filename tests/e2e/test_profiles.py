# SPDX-License-Identifier: Apache-2.0
"""The profiles that are installed and those that README.md shows do what they say."""

import re

import pytest

from lab.paths import TESTS

EXAMPLES = sorted((TESTS.parent / "systemd/examples").glob("*.conf"))
README = (TESTS.parent / "README.md").read_text()
NIGHTLY = re.sub(r"^ {4}", "", re.search(r"^ {4}\[Bake\]\n.*?(?=^\S)", README, re.DOTALL | re.MULTILINE).group()
                 .partition("    quiescectl")[0], flags=re.MULTILINE)
PROFILES = {**{path.stem: path.read_text() for path in EXAMPLES}, "nightly": NIGHTLY}


def install_profile(lab, name, text):
    folder = lab.config.parent / "profiles"
    folder.mkdir(exist_ok=True)
    # The lab's root volume is mounted elsewhere.
    text = text.replace("Exclude=/\n", f"Exclude={lab.volumes[0].mount_point}\n")
    (folder / f"{name}.conf").write_text(text)


@pytest.mark.parametrize("name", PROFILES)
def test_an_example_bakes(lab, name):
    install_profile(lab, name, PROFILES[name])
    assert lab.json("plan", name)["refusals"] == []
    job = lab.bake("bake", name)
    wants_image = "Type=image" in PROFILES[name]
    assert job["result"] == "done" and job["consistency"] == "filesystem"
    assert len(job["images"]) == wants_image
    assert len(job["snapshots"]) == (len(lab.volumes) if wants_image else len(lab.volumes) - 1)
    tags = dict(re.findall(r"^(\w+)=(\w.*)$", PROFILES[name].partition("[Tags]")[2], re.MULTILINE))
    assert tags
    for snapshot in job["snapshots"]:
        assert tags.items() <= lab.cloud_snapshot(snapshot)["tags"].items()
