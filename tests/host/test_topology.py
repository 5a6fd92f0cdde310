# SPDX-License-Identifier: Apache-2.0
"""The topology of real loop file systems, against what the system's own tools say."""

import json
import os
import shutil
import subprocess
import tempfile

import pytest

from lab.loopfs import LOG_BYTES, LoopFs, loop_device, run
from lab.paths import scratch_folder

NOBODY = "65534"
VOL_A, VOL_B, VOL_C = (f"vol-0{letter * 15}0" for letter in "abc")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for loop devices")


@pytest.fixture
def folder():
    path = tempfile.mkdtemp(prefix="quiesced-host-", dir=scratch_folder())
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def make(folder):
    """make(KIND, NAME) mounts a fresh file system; the youngest goes first, as images demand."""
    made = []

    def make_one(kind, name, **arguments):
        made.append(LoopFs.make(kind, arguments.pop("inside", folder), name=name, **arguments))
        return made[-1]

    yield make_one
    for fs in reversed(made):
        fs.cleanup()


@pytest.fixture
def bind():
    """bind(SOURCE, TARGET) bind-mounts; all are gone before the file systems are."""
    targets = []

    def bind_one(source, target):
        os.makedirs(target)
        run("mount", "--bind", source, target)
        targets.append(target)

    yield bind_one
    for target in reversed(targets):
        run("umount", target)


@pytest.fixture
def probe(build):
    def probe_host(*mapped, prefix=(), program=build / "host-probe", **arguments):
        done = subprocess.run(
            [*prefix, program, *mapped], check=False, timeout=30, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **arguments)
        assert done.returncode == 0, done.stderr
        return Answer(json.loads(done.stdout))

    return probe_host


class Answer:
    def __init__(self, answer):
        self.answer = answer
        self.file_systems = answer["filesystems"]
        self.order = answer["order"]

    def index(self, mount_point):
        points = [fs["mount-point"] for fs in self.file_systems]
        assert points.count(mount_point) == 1, points
        return points.index(mount_point)

    def fs(self, mount_point):
        return self.file_systems[self.index(mount_point)]

    def volumes(self):
        return [volume for volume in self.answer["volumes"] if "id" in volume]

    def order_of(self, mount_point):
        return self.order[self.index(mount_point)]


def uuid_of(fs):
    return run("blkid", "-p", "-o", "value", "-s", "UUID", fs.image)


@pytest.mark.parametrize("kind", ["ext4", "ext2", "xfs", "btrfs"])
def test_a_mapped_loop_device_is_a_volume(make, probe, kind):
    fs = make(kind, "data")
    answer = probe(f"{fs.device}:{VOL_A}")
    found = answer.fs(fs.mount_point)
    assert found["covered"] and found["freeze"] and not found["read-only"]
    assert found["volumes"] == [VOL_A]
    assert found["type"] == kind
    assert found["uuid"] == uuid_of(fs)
    assert found["device"] == fs.device
    assert "reason" not in found
    assert tuple(answer.order_of(fs.mount_point)["number"]) == fs.number
    volume = next(v for v in answer.answer["volumes"] if v.get("id") == VOL_A)
    assert volume["device"] == fs.device
    assert volume["size-bytes"] == os.stat(fs.image).st_size


@pytest.fixture
def disk(folder):
    """disk(LABEL) attaches an image with a partition table of sfdisk's, or with none."""
    devices = []

    def attach(label=None):
        image = os.path.join(folder, f"{label}.img")
        with open(image, "wb") as file:
            file.truncate(64 << 20)
        if label:
            subprocess.run(["sfdisk", "-q", image], input=f"label: {label}\n,,L\n", text=True,
                           check=True, timeout=30)
        devices.append(run("losetup", "-f", "--show", image))
        return devices[-1]

    yield attach
    for device in devices:
        run("losetup", "-d", device)


@pytest.mark.parametrize("label", ["gpt", "dos", None])
def test_the_partition_table_of_a_disk_is_told(disk, probe, label):
    device = disk(label)
    volume, = probe(f"{device}:{VOL_A}").volumes()
    assert volume["device"] == device
    assert volume.get("partition-table") == label


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_a_disk_that_is_a_file_system_has_no_partition_table(make, probe, kind):
    volume, = probe(f"{make(kind, 'data').device}:{VOL_A}").volumes()
    assert "partition-table" not in volume


def test_a_link_in_the_map_is_followed(make, probe, folder):
    fs = make("ext4", "data")
    link = os.path.join(folder, "by-id:link")
    os.symlink(fs.device, link)
    assert probe(f"{link}:{VOL_A}").fs(fs.mount_point)["volumes"] == [VOL_A]


def test_an_image_inside_a_file_system_is_on_its_volume_and_comes_before_it(make, probe):
    outer = make("xfs", "outer", size=512 << 20)
    inner = make("ext4", "inner", inside=outer.mount_point)
    answer = probe(f"{outer.device}:{VOL_A}")
    assert answer.fs(inner.mount_point)["volumes"] == [VOL_A]
    assert answer.fs(inner.mount_point)["freeze"]
    order = answer.order_of(inner.mount_point)
    assert order["below"] == [answer.index(outer.mount_point)]
    assert order["depth"] == answer.order_of(outer.mount_point)["depth"] + 1


@pytest.mark.parametrize("kind, role", [("xfs", "logdev"), ("ext4", "journal")])
def test_a_log_on_another_device_is_a_part_of_the_file_system(make, probe, folder, kind, role):
    inside = make(kind, "inside")
    with loop_device(os.path.join(folder, "log.img"), LOG_BYTES) as log:
        outside = make(kind, "outside", log=log)
        answer = probe(f"{outside.device}:{VOL_A}", f"{log}:{VOL_B}", f"{inside.device}:{VOL_C}")
        found = answer.fs(outside.mount_point)
        assert found["covered"] and found["freeze"]
        assert sorted(found["volumes"]) == [VOL_A, VOL_B]
        assert found["layers"] == [f"{role}:{log}"]
        assert answer.fs(inside.mount_point)["volumes"] == [VOL_C]
        assert [v.get("reason") for v in answer.volumes()] == [None] * 3
        # Half of it is on no volume.
        found = probe(f"{outside.device}:{VOL_A}").fs(outside.mount_point)
        assert not found["covered"] and found["volumes"] == [VOL_A]
        outside.cleanup()


def test_of_two_journals_on_other_devices_each_may_be_anyones(make, probe, folder):
    with (loop_device(os.path.join(folder, "j1.img"), LOG_BYTES) as first,
          loop_device(os.path.join(folder, "j2.img"), LOG_BYTES) as second):
        one, two = make("ext4", "one", log=first), make("ext4", "two", log=second)
        answer = probe(f"{first}:{VOL_A}", f"{second}:{VOL_B}")
        for fs in one, two:
            assert sorted(answer.fs(fs.mount_point)["volumes"]) == [VOL_A, VOL_B]
            fs.cleanup()


def test_an_image_in_memory_is_not_covered(make, probe, folder):
    memory = os.path.join(folder, "memory")
    os.mkdir(memory)
    run("mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", memory)
    try:
        fs = LoopFs.make("ext4", memory, name="inner")
        try:
            found = probe().fs(fs.mount_point)
        finally:
            fs.cleanup()
    finally:
        run("umount", memory)
    assert not found["covered"] and not found["freeze"] and found["volumes"] == []
    assert f"a file on {memory}, which is not covered: lives in memory" in found["reason"]


def test_bind_mounts_and_subvolumes_are_one_file_system(make, bind, probe, folder):
    fs = make("btrfs", "data")
    run("btrfs", "subvolume", "create", os.path.join(fs.mount_point, "sub"))
    for i in range(100):
        os.mkdir(os.path.join(fs.mount_point, f"d{i}"))
        bind(os.path.join(fs.mount_point, f"d{i}"), os.path.join(folder, f"b{i}"))
    bind(os.path.join(fs.mount_point, "sub"), os.path.join(folder, "s"))
    answer = probe(f"{fs.device}:{VOL_A}")
    assert sum(f["volumes"] == [VOL_A] for f in answer.file_systems) == 1
    assert answer.order_of(fs.mount_point)["mounts"] == 102


def test_a_btrfs_over_two_devices_needs_both_volumes(make, probe, folder):
    first = make("btrfs", "pool")
    image = os.path.join(folder, "second.img")
    with open(image, "wb") as file:
        file.truncate(160 << 20)
    second = run("losetup", "-f", "--show", image)
    try:
        run("btrfs", "device", "add", "-f", second, first.mount_point)
        whole = probe(f"{first.device}:{VOL_A}", f"{second}:{VOL_B}").fs(first.mount_point)
        run("btrfs", "device", "remove", second, first.mount_point)
        half = probe(f"{first.device}:{VOL_A}", f"{second}:{VOL_B}").fs(first.mount_point)
    finally:
        first.cleanup()
        run("losetup", "-d", second)
    assert sorted(whole["volumes"]) == [VOL_A, VOL_B]
    assert whole["covered"]
    assert half["volumes"] == [VOL_A]


@pytest.mark.parametrize("name", ["with space", "new\nline", "gr\u00fc\u00df", "back\\slash"])
def test_a_mount_point_may_have_any_name(make, probe, folder, name):
    fs = make("ext4", "data", mount_point=os.path.join(folder, name))
    assert probe(f"{fs.device}:{VOL_A}").fs(fs.mount_point)["volumes"] == [VOL_A]


def test_a_mount_point_that_is_no_utf8_is_escaped(make, probe, folder):
    fs = make("ext4", "data", mount_point=os.fsdecode(os.fsencode(folder) + b"/caf\xe9"))
    assert probe(f"{fs.device}:{VOL_A}").fs(folder + "/caf\\351")["covered"]


def test_a_read_only_file_system_is_covered(make, probe):
    fs = make("ext4", "data")
    point = fs.mount_point
    fs.umount()
    fs.mount(point, options="ro")
    found = probe(f"{fs.device}:{VOL_A}").fs(point)
    assert found["read-only"] and found["covered"] and found["freeze"]


def test_what_is_mounted_over_is_opened_elsewhere_or_not_at_all(make, bind, probe, folder):
    below, above = make("ext4", "below"), make("xfs", "above")
    point = below.mount_point
    bind(point, os.path.join(folder, "elsewhere"))
    run("mount", "--bind", above.mount_point, point)
    mapping = f"{below.device}:{VOL_A}", f"{above.device}:{VOL_B}"
    try:
        assert probe(*mapping).fs(os.path.join(folder, "elsewhere"))["volumes"] == [VOL_A]
        run("umount", os.path.join(folder, "elsewhere"))
        hidden = probe(*mapping).fs(point)
        run("mount", "--bind", folder, os.path.join(folder, "elsewhere"))
    finally:
        run("umount", point)
    assert hidden["covered"] and not hidden["freeze"]
    assert "hidden below another mount" in hidden["reason"]


def test_an_unprivileged_user_learns_the_same(make, disk, probe, build):
    fs, multi = make("ext4", "data"), make("btrfs", "tree")
    mapping = f"{fs.device}:{VOL_A}", f"{multi.device}:{VOL_B}", f"{disk('gpt')}:{VOL_C}"
    public = tempfile.mkdtemp(prefix="quiesced-host-", dir="/tmp")
    try:
        os.chmod(public, 0o755)
        program = shutil.copy(build / "host-probe", public)
        unprivileged = probe(*mapping, program=program, prefix=(
            "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
            "--bounding-set=-all", "--inh-caps=-all"))
    finally:
        shutil.rmtree(public)
    privileged = probe(*mapping)
    for point in fs.mount_point, multi.mount_point:
        theirs, ours = unprivileged.fs(point), privileged.fs(point)
        # Only what is read from the device itself may be missing.
        for key in ("uuid", "label"):
            assert theirs.pop(key, None) in (None, ours.pop(key, None))
        assert theirs == ours
        assert theirs["covered"] and theirs["freeze"]
        assert unprivileged.order_of(point)["number"] == privileged.order_of(point)["number"]
    assert unprivileged.fs(multi.mount_point)["volumes"] == [VOL_B]
    for theirs, ours in zip(unprivileged.volumes(), privileged.volumes(), strict=True):
        assert theirs.pop("partition-table", None) in (None, ours.pop("partition-table", None))
        assert theirs == ours


def test_a_handed_over_mountinfo_counts_not_the_sandboxs_own(make, build):
    fs = make("ext4", "data")
    script = f'umount "{fs.mount_point}" && exec "$@" 3<&0'
    with open("/proc/self/mountinfo", "rb") as outside:
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", build / "host-probe",
             f"{fs.device}:{VOL_A}"],
            check=True, timeout=30, stdin=outside, stdout=subprocess.PIPE, text=True)
    assert Answer(json.loads(done.stdout)).fs(fs.mount_point)["volumes"] == [VOL_A]


@pytest.mark.parametrize("entry", ["/dev/loop0", "loop0:vol-1", "/dev/loop0:snap-1", ""])
def test_a_wrong_map_entry_is_refused_by_name(build, entry):
    done = subprocess.run([build / "host-probe", entry], check=False, timeout=30,
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert f"VolumeMap={entry} is not DEVICE:VOLUME-ID" in done.stderr
