# SPDX-License-Identifier: Apache-2.0
"""How an image is cut, and what it carries: by a reboot, by CreateImage, or registered."""

import base64

import pytest

from lab import checkers
from vm.copies import problems_of_snapshots, root_partition
from vm.instance import Instance
from vm.site import DATA_ID, ROOT_ID

pytestmark = pytest.mark.usefixtures("load")

REBOOT = ("systemd-run --quiet --collect --unit=bake "
          "quiescectl image '{name}' --method=reboot --wait=completed --no-progress")
# Not synced: only a shutdown in order brings it to the disk.
SCRIBBLE = "echo {text} >/srv/scribble && echo {text} >/data/scribble"
VARIABLES = base64.b64encode(bytes(range(256)) * 8).decode()
SECURE = {"BootMode": "uefi", "TpmSupport": "v2.0"}
# What the account has of each volume, and what an image maps it to.
USUAL = {"type": "gp3", "iops": 3000, "throughput": 125, "delete_on_termination": False}
VOLUMES = {
    ROOT_ID: {"type": "gp3", "iops": 4000, "throughput": 250, "delete_on_termination": True},
    DATA_ID: {"type": "io2", "iops": 900, "throughput": None, "delete_on_termination": False},
}
MAPPINGS = {
    "/dev/xvda": {"VolumeType": "gp3", "Iops": 4000, "Throughput": 250,
                  "DeleteOnTermination": True},
    "/dev/sdf": {"VolumeType": "io2", "Iops": 900, "DeleteOnTermination": False},
}
METHODS = {"register": ["CreateSnapshots", "RegisterImage"], "create-image": ["CreateImage"]}
CUT_SEC = 1.0


def story(instance):
    return instance.run("journalctl -b -1 -u quiesced | tail -20; journalctl -b -u quiesced").stdout


def creations(instance):
    return [call["action"] for call in instance.site.cloud.calls(service="ec2")
            if call["action"] in ("CreateSnapshots", "CreateImage", "RegisterImage")
            and not call["dry_run"]]


@pytest.fixture
def account(instance):
    """Its cloud has the instance's attributes back in the end."""
    yield instance.site
    instance.site.cloud.set_instance(
        {"BootMode": "uefi-preferred", "TpmSupport": None, "RootDeviceType": "ebs"},
        uefi_data=None, billing_products=[], marketplace_codes=[])
    for volume in VOLUMES:
        instance.site.cloud.set_volume(volume, **USUAL)


def scribbles(site, image):
    """What the copies of / and /data have; neither has a journal or a log to be replayed."""
    found = []
    data = site.snapshot_of(image, DATA_ID)["path"]
    repaired = checkers.run("xfs_repair", "-n", data)
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    with root_partition(site.snapshot_of(image, ROOT_ID)["path"], site.folder) as root:
        assert checkers.structure_problems(root, "ext4") == []
        for kind, path, name in (("ext4", root, "srv/scribble"), ("xfs", data, "scribble")):
            folder = site.folder / "opened"
            folder.mkdir()
            try:
                with checkers.opened(path, kind, folder) as opened:
                    found.append((opened / name).read_text())
            finally:
                folder.rmdir()
    return found


@pytest.fixture
def writers(load, running):
    with running.writers("append", "sync", "files", "database") as writers:
        yield writers


@pytest.mark.parametrize("method", METHODS)
def test_each_method_waits_for_the_cut_and_maps_each_volume(
        writers, instance, account, method, tmp_path):
    """EC2 tells nobody when CreateImage cuts: here, some time after its answer."""
    account.cloud.configure(cut_seconds=CUT_SEC)
    for volume, fields in VOLUMES.items():
        account.cloud.set_volume(volume, **fields)
    instance.ctl(f"image {method} --method={method} --wait=completed --no-progress")
    writers.wait_for_writes(5)
    cut_usec = instance.guest_time_usec(instance.cut_time())
    writers.fetch()
    assert writers.errors() == {}
    (job,) = instance.jobs()
    assert (job["result"], job["consistency"]) == ("done", "filesystem")
    assert creations(instance) == METHODS[method]
    if method == "create-image":
        assert job["frozen-usec"] > CUT_SEC * 1e6
    image = account.image(method)
    assert len(image["snapshots"]) == 2
    returned = {one: one.returned_before(cut_usec) for one in writers.written}
    assert min(returned.values()) > 0
    assert problems_of_snapshots(account, image, writers, returned, tmp_path) == []
    for snapshot in (account.snapshot_of(image, volume) for volume in VOLUMES):
        assert snapshot["tags"]["quiesced:consistency"] == "filesystem"
    assert mappings(account, image["id"]) == MAPPINGS


def mappings(site, image_id):
    """{device: what an image says of it that its snapshot does not}"""
    (image,) = site.ec2.describe_images(ImageIds=[image_id])["Images"]
    names = ("VolumeType", "Iops", "Throughput", "DeleteOnTermination")
    return {one["DeviceName"]: {name: one["Ebs"][name] for name in names if name in one["Ebs"]}
            for one in image["BlockDeviceMappings"]}


def test_an_image_by_reboot_is_of_a_machine_at_rest(load, instance, account):
    account.cloud.configure(machines_reboot=True)
    load.note()
    instance.run(SCRIBBLE.format(text="late") + " && " + REBOOT.format(name="rebooted"))
    assert instance.reboot_for_image() == "running"
    (job,) = instance.wait_for_jobs()
    assert (job["result"], job["consistency"]) == ("done", "filesystem"), story(instance)
    assert creations(instance) == ["CreateImage"]
    image = account.image("rebooted")
    assert image["state"] == "available"
    assert image["tags"]["quiesced:consistency"] == "filesystem"
    assert scribbles(account, image) == ["late\n", "late\n"]
    assert instance.run("ls /var/lib/quiesced").stdout == "jobs\n"
    load.after_boot()
    launched = account.launch(image["id"])
    try:
        with instance.machine.suspended(), Instance(account, launched) as copy:
            assert copy.boot() == "running", copy.run("systemctl --failed").stdout
            # It has the record of that job as well, and leaves the image alone.
            copy.wait_for_jobs()
            again = account.image("rebooted")
            assert (again["state"], again["tags"]) == ("available", image["tags"])
            assert sorted(again["snapshots"]) == sorted(image["snapshots"])
    finally:
        account.terminate(launched)


@pytest.mark.parametrize("codes", [
    {"billing_products": ["bp-6fa54006"]}, {"marketplace_codes": ["abc123"]}],
    ids=["billing", "marketplace"])
def test_what_is_billed_by_its_image_is_made_by_ec2(instance, account, codes):
    account.cloud.set_instance({}, **codes)
    assert "billing" in instance.ctl_json("plan")["method-reason"]
    instance.create_image("billed")
    (job,) = instance.jobs()
    assert (job["result"], job["consistency"]) == ("done", "filesystem")
    assert creations(instance) == ["CreateImage"]
    assert all(call["params"]["NoReboot"] for call in account.cloud.calls(action="CreateImage"))


def test_an_instance_store_root_is_refused_by_what_is_missing(instance, account):
    account.cloud.set_instance({"RootDeviceType": "instance-store"})
    refused = instance.create_image("no-root-volume", check=False)
    assert refused.returncode != 0 and "instance store" in refused.stderr
    assert "Bucket=, Certificate=, PrivateKey=, Ec2Certificate=" in refused.stderr
    (job,) = instance.jobs()
    assert job["error"] == "org.quiesced1.Error.NotSupported"
    assert creations(instance) == []


def test_a_registered_image_launches_what_it_was_made_of(instance, account):
    account.cloud.set_instance(SECURE, uefi_data=VARIABLES)
    instance.create_image("secure")
    assert creations(instance) == ["CreateSnapshots", "RegisterImage"]
    image_id = account.image("secure")["id"]
    (image,) = account.ec2.describe_images(ImageIds=[image_id])["Images"]
    assert {name: image[name] for name in SECURE} == SECURE
    assert (image["EnaSupport"], image["ImdsSupport"]) == (True, "v2.0")
    assert (image["Architecture"], image["VirtualizationType"]) == ("x86_64", "hvm")
    data = account.ec2.describe_image_attribute(ImageId=image_id, Attribute="uefiData")
    assert data["UefiData"]["Value"] == VARIABLES
    launched = account.launch(image_id)
    try:
        (reservation,) = account.ec2.describe_instances(InstanceIds=[launched])["Reservations"]
        assert {name: reservation["Instances"][0][name] for name in SECURE} == SECURE
        variables = account.ec2.get_instance_uefi_data(InstanceId=launched)
        assert variables["UefiData"] == VARIABLES
        volumes = [one for one in account.cloud.volumes() if one["instance"] == launched]
        assert sorted(one["device"] for one in volumes) == ["/dev/sdf", "/dev/xvda"]
    finally:
        account.terminate(launched)


def test_a_reboot_that_is_cut_short_makes_no_consistent_image(instance, account):
    """EC2 resets an instance that does not shut down within some minutes."""
    account.cloud.configure(machines_reboot=True)
    instance.run(REBOOT.format(name="reset"))
    assert instance.reboot_for_image(stop=instance.machine.cut_power) == "running"
    (job,) = instance.wait_for_jobs()
    assert (job["result"], job["error"]) == (
        "failed", "org.quiesced1.Error.ConsistencyNotReached"), story(instance)
    assert "still writable" in job["message"]
    assert [one for one in account.cloud.images() if one["state"] != "deregistered"] == []
    assert account.cloud.snapshots() == []
