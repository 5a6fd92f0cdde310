# SPDX-License-Identifier: Apache-2.0
"""File systems that lie on volumes in every way that Linux has: found, frozen, put together again."""

import contextlib
import re
import shutil
import tempfile
from pathlib import Path

import pytest

from lab.paths import scratch_folder
from vm import restored
from vm.base import base_get
from vm.instance import Instance
from vm.layouts import DISKS, EFI, INNER, INNER_FILE, MOUNTS, STORE, Laid
from vm.site import DATA_ID, ROOT_ID, Site
from vm.writers import GuestWriters

# What quiesced has to know of the file systems that layouts.py has not laid.
OTHERS = {"/": ("xfs", [ROOT_ID]), "/data": ("xfs", [DATA_ID]), INNER: ("ext4", [DATA_ID])}


@pytest.fixture(scope="module")
def laid():
    folder = Path(tempfile.mkdtemp(prefix="quiesced-layouts-", dir=scratch_folder()))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        site = Site(folder, base_get("xfs"))
        stack.callback(site.close)
        instance = stack.enter_context(Laid(site))
        assert instance.boot() == "running"
        # No boot starts it, and it shall be older than the mounts.
        instance.run("systemctl start quiesced.service")
        instance.mount_data()
        instance.lay()
        yield instance


def expected_volumes():
    """{mount point: (type, ids)} of all that is frozen."""
    found = {mount_point: (kind, [DISKS[name].volume_id for name in names])
             for mount_point, (kind, names) in MOUNTS.items()}
    return found | OTHERS


def test_each_file_system_is_found_on_all_of_its_volumes(laid):
    listed = laid.ctl_json("volumes")
    found = {one["mount-point"]: one for one in listed["filesystems"]}
    for mount_point, (kind, volumes) in expected_volumes().items():
        one = found.pop(mount_point)
        assert (one["type"], sorted(one["volumes"])) == (kind, sorted(volumes)), mount_point
        assert one["freeze"] and one["covered"] and not one["read-only"], one
        assert one["uuid"], one
    # A file system that is mounted twice is one.
    assert "/btrfs-again" not in found
    efi = found.pop(EFI)
    assert efi["volumes"] == [DISKS["system"].volume_id] and not efi["freeze"]
    assert efi["covered"] and efi["watch"] and not efi["read-only"]
    assert not any(one["covered"] or one["freeze"] for one in found.values()), found
    volumes = {one.get("id"): one for one in listed["volumes"]}
    assert {ROOT_ID, DATA_ID, *(disk.volume_id for disk in DISKS.values())} == set(volumes) - {None}
    assert volumes[DISKS["system"].volume_id]["partition-table"] == "gpt"
    assert all("reason" not in one for one in volumes.values() if "id" in one)


def test_what_was_mounted_after_the_service_started_is_frozen_too(laid):
    """All of LAY was: a sandbox that keeps its own view of /home or of new mounts would miss it."""
    started, mounted = (int(laid.run(f"systemctl show -P ActiveEnterTimestampMonotonic {unit}").stdout)
                        for unit in ("quiesced.service", "home.mount"))
    assert started < mounted
    new = " ".join(sorted(MOUNTS))
    writes = f"for one in {new}; do touch $one/late & done; sleep 2; jobs -r | wc -l"
    done = laid.run(f"quiescectl freeze -- bash -c '{writes}'; sync; ls {new}")
    assert done.stdout.split()[0] == str(len(MOUNTS)), done.stdout
    assert done.stdout.count("late") == len(MOUNTS)


def test_an_instance_store_is_named_as_what_no_snapshot_has(laid):
    listed = laid.ctl_json("volumes")
    (disk,) = [one for one in listed["volumes"] if "id" not in one]
    assert not disk["covered"] and "is an instance store" in disk["reason"]
    (mounted,) = [one for one in listed["filesystems"] if one["mount-point"] == STORE]
    assert mounted["device"] == disk["device"] and mounted["volumes"] == []
    assert not mounted["freeze"] and "is an instance store" in mounted["reason"]
    gaps = {one["what"]: one["reason"] for one in laid.ctl_json("plan")["not-covered"]}
    assert "is an instance store" in gaps[disk["device"]]
    assert "is an instance store" in gaps[STORE]


def test_what_lies_in_a_file_is_frozen_before_what_holds_the_file(laid):
    plan = laid.ctl_json("plan")
    groups = [{one["mount-point"] for one in group} for group in plan["groups"]]
    assert groups == [{INNER}, set(expected_volumes()) - {INNER}]
    assert plan["refusals"] == [] and plan["warnings"] == []
    assert len(plan["snapshots"]) == len(DISKS) + 2


# A log on one file system, its data on another: what lies on two volumes, or on none of its own.
PAIRS = (("/lvm", "/stripe"), ("/mirror", "/crypt"), ("/btrfs", INNER))
PACE_USEC = 100000
RETURNED_MIN = 10


# Volume: what lies on it, beside UUIDs; which of two volumes is the first is quiesced's choice.
TOPOLOGY = {
    "lvm1": ("/lvm", "ext4 {uuid} [12]/2 lvm:group-data"),
    "lvm2": ("/lvm", "ext4 {uuid} [12]/2 lvm:group-data"),
    "stripe2": ("/stripe", "xfs {uuid} [12]/2 raid0"),
    "mirror1": ("/mirror", "ext4 {uuid} [12]/2 raid1"),
    "crypt": ("/crypt", "ext4 {uuid} 1/1 crypt:crypt"),
    "btrfs1": ("/btrfs", "btrfs {uuid} [12]/2"),
    "system": (f"{EFI},/home", "vfat {uuid} 1/1,ext4 {uuid} 1/1"),
    "data": (f"/data,{INNER}", f"xfs {{uuid}} 1/1,ext4 {{uuid}} 1/1 loop:{INNER_FILE}"),
}
UUID = "[0-9A-Fa-f-]+"


def assert_tags_say_how_to_restore(site, image):
    ids = {name: disk.volume_id for name, disk in DISKS.items()} | {"data": DATA_ID}
    for name, (mounts, topology) in TOPOLOGY.items():
        tags = site.snapshot_of(image, ids[name])["tags"]
        in_order = dict(zip(tags["quiesced:mounts"].split(","),
                            tags["quiesced:topology"].split(",")))
        expected = dict(zip(mounts.split(","), topology.format(uuid=UUID).split(",")))
        assert set(in_order) == set(expected), name
        assert all(re.fullmatch(expected[one], in_order[one]) for one in expected), in_order
        assert tags["quiesced:job"] == image["tags"]["quiesced:job"]


def copies_of(site, image, *names):
    return [site.snapshot_of(image, DISKS[name].volume_id)["path"] for name in names]


def test_whoever_is_launched_has_all_file_systems_as_they_were(laid):
    site = laid.site
    mount_points = ["/srv", *sorted(set(expected_volumes()) - {"/"})]
    laid.run(f"echo boots >{EFI}/token")
    with GuestWriters(laid.machine, ("files",), mount_points, PAIRS, PACE_USEC) as writers:
        writers.wait_for_writes(RETURNED_MIN)
        laid.ctl("image all --wait=completed --no-progress", timeout=120)
        writers.wait_for_writes(5, timeout=60)
        cut_usec = laid.guest_time_usec(laid.cut_time())
        writers.stop()
        assert writers.errors() == {}
        image = site.image("all")
        assert image["tags"]["quiesced:consistency"] == "filesystem"
        assert image["tags"]["quiesced:at-rest"] == EFI
        assert len(image["snapshots"]) == len(DISKS) + 2
        assert_tags_say_how_to_restore(site, image)
        assert restored.mirror_problems(copies_of(site, image, "mirror1", "mirror2")) == []
        with laid.machine.suspended(), Instance(site, site.launch(image["id"])) as copy:
            assert copy.boot() == "running", copy.run("systemctl --failed").stdout
            assert_same_layout(copy)
            assert restored.recoveries(copy) == ""
            assert copy.run(f"cat {EFI}/token").stdout == "boots\n"
            problems, returned = restored.content_problems(copy, writers, cut_usec)
            assert problems == []
            assert min(returned) >= RETURNED_MIN
            assert restored.structure_problems(copy, [INNER, "/data", *MOUNTS]) == []


def assert_same_layout(copy):
    """On volumes of its own, under the same mount points."""
    originals = {disk.device: disk.volume_id for disk in DISKS.values()}
    listed = copy.ctl_json("volumes")
    known = {one["id"]: originals.get(one["attached-as"]) for one in listed["volumes"]}
    found = {one["mount-point"]: one for one in listed["filesystems"]}
    for mount_point, (kind, volumes) in expected_volumes().items():
        one = found[mount_point]
        assert (one["type"], one["freeze"]) == (kind, True), mount_point
        if mount_point in MOUNTS:
            assert sorted(known[volume] for volume in one["volumes"]) == sorted(volumes)
