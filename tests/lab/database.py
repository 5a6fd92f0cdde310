# SPDX-License-Identifier: Apache-2.0
"""What a copy of the files of database.c is worth before anybody has repaired it."""

import struct
import zlib

PAGE_BYTES = 16384
PAGE_HEAD = struct.Struct("<IIQ")  # checksum, page, lsn
LOG_RECORD = struct.Struct("<IIQII")  # checksum, page, lsn, checksum of the page, unused


def _is_whole(data):
    return zlib.crc32(data[4:]) == int.from_bytes(data[:4], "little")


def log_read(log):
    """([(page, checksum of the page)] by LSN from 1, as far as the log is whole; how far it is)."""
    records, good = [], 0
    while good + LOG_RECORD.size <= len(log) and _is_whole(log[good:good + LOG_RECORD.size]):
        _, page, lsn, checksum, _ = LOG_RECORD.unpack_from(log, good)
        if lsn != len(records) + 1:
            break
        records.append((page, checksum))
        good += LOG_RECORD.size
    return records, good


def database_problems(log, pages, committed):
    """
    Of the bytes of both files, or None for one that is not there. A page may be one transaction
    behind the log's last, whose own write of it was still to come.
    """
    if log is None or pages is None:
        return ["database: a file is missing"] if committed else []
    records, good = log_read(log)
    problems = []
    if len(records) < committed:
        problems.append(f"database: {committed - len(records)} of {committed} committed "
                        "transactions are missing")
    elif good != len(log):
        problems.append(f"database: the log is torn behind LSN {len(records)}")
    return problems + _pages_problems(records, pages)


def _pages_problems(records, pages):
    newest, behind_last = {}, {}
    for lsn, (page, _) in enumerate(records, 1):
        behind_last[page] = newest.get(page, 0) if lsn == len(records) else lsn
        newest[page] = lsn
    problems = []
    for page, lsn in sorted(newest.items()):
        found = _page_state(page, records, pages[page * PAGE_BYTES:(page + 1) * PAGE_BYTES])
        if isinstance(found, str):
            problems.append(f"database: page {page} {found}")
        elif found not in (lsn, behind_last[page]):
            problems.append(f"database: page {page} has LSN {found}, the log {lsn}")
    return problems


def _page_state(page, records, data):
    """Its LSN, 0 for none yet, or what is wrong with it."""
    if not data.strip(b"\0"):
        return 0
    checksum, number, lsn = PAGE_HEAD.unpack_from(data.ljust(PAGE_BYTES, b"\0"))
    if len(data) < PAGE_BYTES or not _is_whole(data):
        return "is torn"
    if number != page:
        return f"is page {number}"
    if not 0 < lsn <= len(records):
        return f"is ahead of the log: LSN {lsn} of {len(records)}"
    if records[lsn - 1] != (page, checksum):
        return f"is not what the log has for LSN {lsn}"
    return lsn
