# SPDX-License-Identifier: Apache-2.0
"""The process starts, ends with its parent and leaves nothing; its model has an overlay."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cloud.control import Cloud, CloudError
from cloud.model import merged, model_load


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid, seconds=60):
    end = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_running(pid)


def test_stopping_leaves_neither_process_nor_folder():
    cloud = Cloud(volumes=[{"device": "/dev/xvda"}])
    pid, directory = cloud.pid, Path(cloud.addresses["directory"])
    assert is_running(pid) and any(directory.glob("vol-*.raw"))
    cloud.stop()
    cloud.stop()
    assert not is_running(pid) and not directory.exists()


def test_it_ends_with_the_process_that_started_it(tmp_path):
    program = ("import sys, time\nfrom cloud.control import Cloud\n"
               f"cloud = Cloud(directory={str(tmp_path / 'cloud')!r})\n"
               "print(cloud.pid, flush=True)\ntime.sleep(60)\n")
    tests = str(Path(__file__).resolve().parent.parent)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "PYTHONPATH": tests}) as parent:
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert gone(pid)


@pytest.mark.parametrize("settings, reason", [
    ({"colour": "red"}, "unknown setting: colour"),
    ({"knobs": {"speed": 9}}, "unknown knob: speed"),
    ({"volumes": [{"id": "vol-x"}]}, "vol-x is not a volume id"),
    ({"freeze_backend": "/"}, "freeze_backend / is not the mount point of a loop device"),
])
def test_a_wrong_setting_is_named(settings, reason, capfd):
    with pytest.raises(CloudError, match="did not start"):
        Cloud(**settings)
    assert reason in capfd.readouterr().err


def test_the_environment_speaks_to_the_sdks():
    with Cloud() as cloud:
        role, static, none = (cloud.env(kind) for kind in ("role", "static", None))
    assert role["AWS_ENDPOINT_URL_EC2"].startswith("https://127.0.0.1:")
    assert "AWS_ACCESS_KEY_ID" not in role and "AWS_EC2_METADATA_DISABLED" not in role
    assert static["AWS_ACCESS_KEY_ID"] == cloud.settings["access_key"]
    assert none["AWS_EC2_METADATA_DISABLED"] == "true"


def test_a_further_overlay_adds_to_the_model(tmp_path):
    overlay = tmp_path / "overlay.json"
    overlay.write_text(json.dumps({"ec2": {"shapes": {"CreateSnapshotRequest": {
        "members": {"Colour": {"shape": "String"}}}}}}))
    model = model_load("ec2", "2016-11-15", overlay)
    members = model.operation_model("CreateSnapshot").input_shape.members
    assert "Colour" in members and "VolumeId" in members
    assert "Colour" not in model_load("ec2", "2016-11-15").operation_model(
        "CreateSnapshot").input_shape.members


def test_an_overlay_extends_lists_and_replaces_scalars():
    assert merged({"a": [1, 2], "b": {"c": 1}}, {"a": [2, 3], "b": {"c": 2, "d": 3}}) == {
        "a": [1, 2, 3], "b": {"c": 2, "d": 3}}
