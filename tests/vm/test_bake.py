# SPDX-License-Identifier: Apache-2.0
"""An image of a busy machine, its root frozen, and two instances that are launched from it."""

import contextlib
import io
import tarfile
from types import SimpleNamespace

import pytest

from lab.processes import wait_until
from vm.copies import problems_below, problems_of_snapshots
from vm.instance import Instance
from vm.load import PACKAGES, Load, packages_broken, packages_mend

KINDS = ("append", "sync", "files", "database")


@pytest.fixture(scope="module")
def baked(running):
    """An image under load: what was being written, and how much of it had been when it was cut."""
    with running.clean(), Load(running) as load, running.writers(*KINDS) as writers:
        running.run("echo before >/srv/before")
        heard = load.lines(running)
        running.create_image("busy")
        writers.wait_for_writes(5)
        cut_usec = running.guest_time_usec(running.cut_time())
        writers.stop()
        load.stop()
        assert writers.errors() == {}
        returned = {one: one.returned_before(cut_usec) for one in writers.written}
        yield SimpleNamespace(site=running.site, image=running.site.image("busy"), load=load,
                              heard=heard, writers=writers, returned=returned)


@pytest.fixture(scope="module")
def launched(running, baked):
    """Two at once, as they are after their boot, while the first one stands still."""
    ids = baked.site.launch_all(baked.image["id"], 2)
    with contextlib.ExitStack() as stack:
        stack.enter_context(running.machine.suspended())
        for instance_id in ids:
            stack.callback(baked.site.terminate, instance_id)
        copies = [stack.enter_context(Instance(baked.site, instance_id)) for instance_id in ids]
        for copy in copies:
            copy.boot()
        yield copies


def test_the_job_tells_what_was_reached(running, baked):
    (job,) = running.jobs()
    assert (job["result"], job["consistency"]) == ("done", "filesystem")
    assert baked.image["state"] == "available"
    assert baked.image["tags"]["quiesced:consistency"] == "filesystem"
    assert baked.image["view"]["RootDeviceName"] == "/dev/xvda"
    # The journal went on afterwards, and tells of the job.
    assert baked.load.lines(running)[-1] > baked.heard[-1]
    assert running.run(f"journalctl -b JOB_ID={job['id']}").stdout != ""


def test_the_copies_need_no_recovery_and_miss_no_write(baked, tmp_path):
    assert problems_of_snapshots(baked.site, baked.image, baked.writers, baked.returned,
                                 tmp_path) == []
    assert min(baked.returned.values()) > 20


def test_two_instances_launched_from_it_boot_at_once(launched):
    failed = [copy.run("systemctl --failed --no-legend").stdout for copy in launched]
    assert [copy.state for copy in launched] == ["running"] * 2, failed


def test_their_root_needs_no_journal_recovery(launched):
    for copy in launched:
        # xfs always replays its log after a freeze. ext4 mounts its root read-only first, and says
        # so if it has to; "recovery complete" may be about files that were deleted while open.
        said = copy.run("dmesg | grep EXT4-fs").stdout
        assert "mounted filesystem" in said and "recovery required" not in said


@pytest.mark.parametrize("number", range(2))
def test_they_miss_no_write(baked, launched, number, tmp_path):
    copy = launched[number]
    assert copy.run("cat /srv/before").stdout == "before\n"
    for folder in baked.writers.folders:
        archive = copy.machine.run_raw(f"tar --create --directory=/ {folder[1:]}")
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(tmp_path)
    for mount_point, root in (("/", tmp_path), ("/data", tmp_path / "data")):
        assert problems_below(baked.writers, baked.returned, mount_point, root) == []


def test_they_miss_no_line_of_the_journal(baked, launched):
    for copy in launched:
        lines = baked.load.lines(copy)
        assert lines == list(range(1, lines[-1] + 1))
        assert lines[-1] >= baked.heard[-1]


def test_what_dpkg_was_doing_is_mended_as_after_a_crash(launched):
    for copy in launched:
        assert packages_broken(copy) <= set(PACKAGES)
        packages_mend(copy)
        assert copy.run("dpkg --audit").stdout == ""
        assert copy.run(f"dpkg --verify {PACKAGES[0]}").stdout == ""


def test_each_knows_itself(baked, launched):
    for copy in launched:
        assert copy.ctl_json("status")["instance-id"] == copy.id
        volumes = {one["id"] for one in copy.ctl_json("volumes")["volumes"]}
        assert volumes == {volume for volume, _ in baked.site.volumes_of(copy.id)}
    assert len({copy.id for copy in launched}) == 2


def wait_for_line(path, line):
    wait_until(lambda: line in path.read_text(errors="replace"), 60, line)


def test_each_says_so_on_its_console(baked, launched):
    for copy in launched:
        wait_for_line(copy.machine.console,
                      f"quiesced: {copy.id} runs {baked.image['id']} (running)")


def test_they_leave_the_image_alone(baked, launched):
    """They have the record of the job that made it, unfinished: it is not theirs to end."""
    jobs = [copy.wait_for_jobs() for copy in launched]
    again = baked.site.image("busy")
    for name in ("id", "state", "tags", "snapshots"):
        assert again[name] == baked.image[name], jobs


def test_each_bakes_itself_under_the_same_machine_id(baked, launched):
    for copy in launched:
        copy.wait_for_jobs()
        copy.known_jobs |= {job["id"] for job in copy.jobs()}
        copy.run(f"systemd-run --quiet --unit=bake quiescectl image own-{copy.id}")
    for copy in launched:
        copy.machine.wait_for("! systemctl is-active --quiet bake", "its own bake ends")
    machine_ids = {copy.run("cat /etc/machine-id").stdout for copy in launched}
    jobs = [copy.wait_for_jobs() for copy in launched]
    assert len(machine_ids) == 1
    assert [[job["result"] for job in one] for one in jobs] == [["done"]] * 2
    assert jobs[0][0]["id"] != jobs[1][0]["id"]
    for copy in launched:
        tags = baked.site.image(f"own-{copy.id}")["tags"]
        assert tags["quiesced:instance"] == copy.id
