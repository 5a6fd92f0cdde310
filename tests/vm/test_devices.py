# SPDX-License-Identifier: Apache-2.0
"""Disks that are not as they should be, and the EFI partition, on one machine that has them all."""

import base64
import contextlib
import gzip
from pathlib import Path

import pytest

from vm.site import DATA_ID, ROOT_ID
from vm.standstill import FIND

MIB = 1 << 20
EFI_ID, RAW_ID, TWIN_ID = (f"vol-{0xc00 + n:017x}" for n in (1, 2, 3))
# EC2 lists no such volume; no device shows this one.
UNLISTED_ID, ABSENT_ID = (f"vol-{0xc00 + n:017x}" for n in (4, 5))
UNKNOWN_SERIAL = "ODDITY0001"
PROFILES = {
    "strict": "",
    "lenient": "OnDegrade=label\n",
    "whole": "OnUncovered=fail\n",
}
TOKEN = "written before the freeze"
CLEAR = """
umount /strange /boot/efi
rmdir /strange /boot/efi
cd /etc/quiesced/profiles && rm strict.conf lenient.conf whole.conf agreed.conf
"""


@pytest.fixture(scope="module")
def odd(running):
    """The running instance with further disks, which it gets while it runs, as on EC2."""
    site = running.site
    with contextlib.ExitStack() as stack:
        def plugged(*disk):
            return stack.enter_context(site.plugged(running.machine, *disk))

        def attached(*volume):
            stack.enter_context(site.attached(*volume))

        for volume, size, device in ((EFI_ID, 2 * MIB, "/dev/sdg"), (RAW_ID, 16 * MIB, "/dev/sdh"),
                                     (TWIN_ID, 16 * MIB, "/dev/sdi")):
            attached(volume, plugged(serial_of(volume), size), device)
        plugged(serial_of(TWIN_ID), 16 * MIB, "virtio-blk-pci")
        for serial in (UNKNOWN_SERIAL, serial_of(UNLISTED_ID)):
            plugged(serial, 32 * MIB)
        attached(ABSENT_ID, site.folder / "data.raw", "/dev/sdq")
        stack.callback(running.run, CLEAR)
        prepare(running)
        yield running


def serial_of(volume):
    return volume.replace("-", "")


def by_id(serial):
    return f"/dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_{serial}"


def prepare(instance):
    """As installers do it: an EFI partition that only root may look into, and mounted to write."""
    instance.run(f"""
        set -e
        settled() {{ until [ -b "$1" ]; do sleep 0.1; done; }}
        settled {by_id(serial_of(EFI_ID))}
        settled {by_id(UNKNOWN_SERIAL)}
        udevadm settle
        mkfs.vfat --mbr=n -n EFI {by_id(serial_of(EFI_ID))} >/dev/null
        mkdir /boot/efi
        mount -t vfat -o umask=0077 {by_id(serial_of(EFI_ID))} /boot/efi
        echo '{TOKEN}' >/boot/efi/token
        strange=$(realpath {by_id(UNKNOWN_SERIAL)})
        mkfs.ext4 -q "$strange"
        mkdir /strange
        mount "$strange" /strange
    """)
    for name, keys in PROFILES.items():
        write_profile(instance, name, keys)


def write_profile(instance, name, keys):
    instance.machine.write(f"/etc/quiesced/profiles/{name}.conf", f"[Bake]\nType=snapshots\n{keys}")


def plan(instance, profile):
    return instance.machine.json(f"quiescectl plan {profile} --json || [ $? = 1 ]")


def test_each_is_a_row_with_its_name_and_reason(odd):
    listed = odd.ctl_json("volumes")
    volumes = {one["id"]: one for one in listed["volumes"] if "id" in one}
    others = {one["device"]: one for one in listed["volumes"] if "id" not in one}
    assert "watched for writes" in volumes[RAW_ID]["reason"] and volumes[RAW_ID]["covered"]
    assert "EC2 does not list it" in volumes[UNLISTED_ID]["reason"]
    assert "/dev/vda" in volumes[TWIN_ID]["reason"] and "both claim" in volumes[TWIN_ID]["reason"]
    assert "no block device of this host has that id" in volumes[ABSENT_ID]["reason"]
    for one in (UNLISTED_ID, TWIN_ID, ABSENT_ID):
        assert not volumes[one]["covered"], one
    twins = {one["device"] for one in others.values() if one.get("claimed-id") == TWIN_ID}
    assert "/dev/vda" in twins and len(twins) == 2
    mounts = {one["mount-point"]: one for one in listed["filesystems"]}
    strange = others[mounts["/strange"]["device"]]
    assert f"serial {UNKNOWN_SERIAL}" in strange["reason"]
    assert mounts["/strange"]["reason"] == strange["reason"]
    assert mounts["/boot/efi"]["watch"] and not mounts["/boot/efi"]["freeze"]
    table = odd.ctl("volumes").stdout
    for one in (*volumes.values(), *others.values()):
        assert one.get("reason", "") in table


def test_the_profile_decides_whether_that_ends_a_bake(odd):
    strict, lenient, whole = (plan(odd, name) for name in ("strict", "lenient", "whole"))
    refusals = "\n".join(strict["refusals"])
    for one in (UNLISTED_ID, TWIN_ID, ABSENT_ID):
        assert one in refusals
        assert one in "\n".join(lenient["warnings"])
    assert len(strict["refusals"]) == 3 and lenient["refusals"] == []
    assert "/strange" not in refusals
    assert "/strange would be in no snapshot" in "\n".join(whole["refusals"])
    gaps = {one["what"] for one in strict["not-covered"]}
    assert "/strange" in gaps and "/dev/vda" in gaps


@pytest.fixture
def agreed(odd):
    """With a profile that leaves out what EC2 and this host do not agree on."""
    write_profile(odd, "agreed", f"Exclude={UNLISTED_ID} {TWIN_ID} {ABSENT_ID}\n")
    with odd.clean():
        yield odd


def at_rest(instance, snapshots):
    """{volume: the tag}"""
    return {one["volume"]: one["tags"].get("quiesced:at-rest") for one in
            instance.site.cloud.snapshots() if one["id"] in snapshots}


def vfat_problems(instance, path):
    """What fsck.vfat, which this host may not have, finds beside the mark of a mounted one."""
    copy = bytearray(Path(path).read_bytes())
    # The kernel sets it at the mount: fat_set_state() in fs/fat/inode.c, of what is no FAT32.
    copy[0x25] &= ~1
    text = base64.b64encode(gzip.compress(copy)).decode()
    done = instance.run("base64 -d | gunzip >/run/copy && fsck.vfat -n /run/copy; status=$?; "
                        "rm /run/copy; exit $status", stdin=text, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_an_efi_partition_and_a_raw_volume_are_at_rest_and_tagged_so(agreed):
    agreed.run("echo one >/boot/efi/one")
    job = agreed.ctl_json("bake agreed --wait=completed --no-progress")
    assert (job["result"], job["consistency"]) == ("done", "filesystem")
    tags = at_rest(agreed, job["snapshots"])
    assert set(tags) == {ROOT_ID, DATA_ID, EFI_ID, RAW_ID}
    (tag,) = set(tags.values())
    watched = {one["what"]: one for one in plan(agreed, "agreed")["watched"]}
    raw = agreed.run(f"realpath {by_id(serial_of(RAW_ID))}").stdout.strip()
    assert set(tag.split(",")) == set(watched) == {"/boot/efi", raw}
    assert (watched["/boot/efi"]["volumes"], watched[raw]["volumes"]) == ([EFI_ID], [RAW_ID])
    told = agreed.ctl("plan agreed").stdout
    assert f"  /boot/efi (vfat on {watched['/boot/efi']['device']}, {EFI_ID}): " in told
    assert f"  {raw} ({RAW_ID}): " in told
    (efi,) = [one for one in agreed.site.cloud.snapshots() if one["volume"] == EFI_ID]
    assert vfat_problems(agreed, efi["path"]) == ""
    content = Path(efi["path"]).read_bytes()
    assert f"{TOKEN}\n".encode() in content and b"one\n" in content


def test_a_bake_that_goes_on_nevertheless_is_labelled_crash(agreed):
    job = agreed.ctl_json("bake lenient --wait=completed --no-progress")
    assert (job["result"], job["consistency"]) == ("done", "crash")
    made = [one for one in agreed.site.cloud.snapshots() if one["id"] in job["snapshots"]]
    assert {ROOT_ID, DATA_ID} <= {one["volume"] for one in made}
    assert {one["tags"]["quiesced:consistency"] for one in made} == {"crash"}


def test_a_write_to_it_in_the_window_is_seen_even_in_the_cache(agreed):
    with agreed.paused_workers("frozen", 20):
        agreed.run("systemd-run --quiet --collect --unit=bake "
                   "quiescectl bake agreed --wait=completed --no-progress")
        agreed.run(FIND + """
            echo late >/boot/efi/late
            kill -CONT $worker
        """)
        (job,) = agreed.wait_for_jobs()
    assert job["error"].endswith(".ConsistencyNotReached"), job
    said = agreed.run(f"journalctl -b JOB_ID={job['id']} --output=cat").stdout
    assert "/boot/efi, which is not frozen, was written to" in said
    assert agreed.site.cloud.snapshots() == []
