# SPDX-License-Identifier: Apache-2.0
"""The instruments themselves: a copy of frozen disks passes every check, a naive one does not."""

import os
import shutil
import zlib

import pytest

from lab import checkers
from lab.database import LOG_RECORD, PAGE_BYTES, database_problems
from lab.kernel import requires_file_systems
from lab.loopfs import LoopFs
from lab.written import Writers, boottime_usec


@pytest.fixture(params=["ext4", "xfs", "btrfs"])
def disks(request, scratch):
    requires_file_systems(request.param)
    with LoopFs.make(request.param, str(scratch), name="a") as a:
        with LoopFs.make(request.param, str(scratch), name="b") as b:
            yield a, b


def copy_of(disk):
    return disk.image.replace(".img", ".copy")


def copy_under_writers(build, scratch, disks, freeze):
    """Both disks' bytes, and what had been written at that time."""
    a, b = disks
    mounts = [d.mount_point for d in disks]
    specs = [("append", mounts[0]), ("files", mounts[0]), ("pairs", *mounts),
             ("database", mounts[0])]
    with Writers(build / "writers", scratch / "written", specs) as writers:
        writers.wait_for_writes(100)
        for disk in disks if freeze else []:
            disk.freeze()
        cut = boottime_usec()
        for disk in disks:
            shutil.copy(disk.image, copy_of(disk))
        for disk in disks if freeze else []:
            disk.thaw()
        writers.wait_for_writes()
    return writers, cut


def problems_of_copies(scratch, disks, writers, cut):
    copies = [copy_of(d) for d in disks]
    folders = [scratch / "copy-a", scratch / "copy-b"]
    for folder in folders:
        folder.mkdir()
    fstype = disks[0].kind
    problems = [p for copy in copies for p in checkers.structure_problems(copy, fstype)]
    with checkers.opened(copies[0], fstype, folders[0]) as a:
        with checkers.opened(copies[1], fstype, folders[1]) as b:
            problems += checkers.read_all(a) + checkers.read_all(b)
            for written in writers.written:
                roots = [a, b] if written.kind == "pairs" else [a]
                returned = written.returned_before(cut)
                problems += checkers.content_problems(written, roots, returned)
    return problems


def test_a_copy_of_frozen_disks_has_no_problem(build, scratch, disks):
    writers, cut = copy_under_writers(build, scratch, disks, freeze=True)
    assert writers.errors() == {}
    assert problems_of_copies(scratch, disks, writers, cut) == []


def test_a_file_that_was_deleted_while_open_is_no_problem(scratch):
    with LoopFs.make("ext4", str(scratch), name="a") as disk:
        with open(f"{disk.mount_point}/deleted", "wb") as file:
            file.write(bytes(100_000))
            os.unlink(file.name)
            disk.freeze()
            shutil.copy(disk.image, copy_of(disk))
            disk.thaw()
    assert checkers.ext4_has_orphans(copy_of(disk))
    assert checkers.structure_problems(copy_of(disk), "ext4") == []


def test_a_copy_of_running_disks_misses_writes_that_had_returned(build, scratch, disks):
    writers, cut = copy_under_writers(build, scratch, disks, freeze=False)
    try:
        problems = problems_of_copies(scratch, disks, writers, cut)
    except OSError as error:
        problems = [str(error)]
    assert problems


def test_writers_see_the_freeze_as_one_stall(build, scratch, disks):
    mount = disks[0].mount_point
    with Writers(build / "writers", scratch / "written", [("append", mount)]) as writers:
        writers.wait_for_writes(20)
        since = boottime_usec()
        disks[0].freeze()
        with pytest.raises(TimeoutError):
            writers.wait_for_writes(3, timeout=0.3)
        disks[0].thaw()
        writers.wait_for_writes()
        stalls = writers.written[0].stalls(since, longer_than_usec=250_000)
    assert len(stalls) == 1


@pytest.fixture
def database(build, scratch):
    """(log, pages) of a database at rest."""
    folder = scratch / "database"
    folder.mkdir()
    with Writers(build / "writers", scratch / "written", [("database", folder)]) as writers:
        writers.wait_for_writes(80)
    return (folder / "database.log").read_bytes(), (folder / "database.pages").read_bytes()


def committed(log):
    return len(log) // LOG_RECORD.size


def log_record(lsn, page):
    body = LOG_RECORD.pack(0, page, lsn, 0, 0)[4:]
    return zlib.crc32(body).to_bytes(4, "little") + body


def test_a_database_at_rest_has_no_problem(database):
    log, pages = database
    assert database_problems(log, pages, committed(log)) == []


def test_the_last_page_may_still_be_as_it_was_before(database):
    log, pages = database
    n = committed(log)
    page = LOG_RECORD.unpack_from(log, (n - 1) * LOG_RECORD.size)[1]
    log += log_record(n + 1, page)
    assert database_problems(log, pages, n + 1) == []
    log += log_record(n + 2, page)
    assert f"page {page} has LSN {n}" in database_problems(log, pages, n + 2)[0]


def torn(pages, page):
    at = page * PAGE_BYTES + PAGE_BYTES // 2
    return pages[:at] + bytes(512) + pages[at + 512:]


@pytest.mark.parametrize("damage, said", [
    (lambda log, pages: (log[:-LOG_RECORD.size], pages), "1 of"),
    (lambda log, pages: (log[:-1], pages), "1 of"),
    (lambda log, pages: (log + b"x", pages), "the log is torn"),
    (lambda log, pages: (log, torn(pages, 3)), "page 3 is torn"),
    (lambda log, pages: (log, pages[PAGE_BYTES:] + pages[:PAGE_BYTES]), "page 0 is page 1"),
    (lambda log, pages: (log, bytes(len(pages))), "page 0 has LSN 0"),
    (lambda log, pages: (None, pages), "a file is missing"),
])
def test_a_damaged_database_is_told(database, damage, said):
    log, pages = database
    assert said in " ".join(database_problems(*damage(log, pages), committed(log)))
