# SPDX-License-Identifier: Apache-2.0
"""What quiesced makes of a real machine, before it does anything."""

from vm.site import DATA_ID, INSTANCE_ID, ROOT_ID
from vm.standstill import memory_while_frozen

# SD_MESSAGE_UNIT_STARTING_STR of systemd/sd-messages.h.
UNIT_STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"


def test_every_unit_is_well(running):
    failed = running.run("systemctl --failed --no-legend").stdout
    assert (running.state, failed) == ("running", "")


def test_the_boot_does_not_wait_for_the_daemon(instance):
    instance.ctl("status")
    finished = int(instance.run("systemctl show -P FinishTimestampMonotonic").stdout)
    # The first start of this boot, whatever has started it again since.
    begun = instance.machine.json(f"journalctl -b -o json _PID=1 UNIT=quiesced.service "
                                  f"MESSAGE_ID={UNIT_STARTING} | head -n 1")
    assert 0 < finished < int(begun["__MONOTONIC_TIMESTAMP"]), begun


def test_the_daemon_knows_its_instance(instance):
    status = instance.ctl_json("status")
    assert status["instance-id"] == INSTANCE_ID
    assert status["region"] == instance.site.cloud.settings["region"]


def test_nvme_disks_are_known_by_their_serial_numbers(instance):
    volumes = instance.ctl_json("volumes")
    assert "VolumeMap" not in instance.run("cat /etc/quiesced/quiesced.conf.d/*").stdout
    found = {one["id"]: one["device"] for one in volumes["volumes"]}
    assert set(found) == {ROOT_ID, DATA_ID}
    assert all(device.startswith("/dev/nvme") for device in found.values())
    mounts = {one["mount-point"]: one for one in volumes["filesystems"]}
    assert mounts["/"]["volumes"] == [ROOT_ID] and mounts["/"]["freeze"]
    assert mounts["/data"]["volumes"] == [DATA_ID] and mounts["/data"]["freeze"]


def test_while_frozen_no_page_of_ours_can_be_missing(instance):
    """Locked is all but what the kernel itself maps, under the limits of the units."""
    memory = memory_while_frozen(instance, "locked")
    names = {one.name for one in memory}
    assert {"quiesced", "quiesced-worker", "quiesced-freeze"} <= names
    for one in memory:
        if one.name != "quiesced":
            assert one.locked > one.size * 0.9, one
    assert "cannot be locked" not in instance.run("journalctl -b -u quiesced").stdout
