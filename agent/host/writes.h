/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whether a block device was written to: the kernel's own counters, which anybody may read
 * (Documentation/block/stat.rst, and `inflight` beside it in Documentation/ABI/stable/sysfs-block).
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

typedef struct WriteCounter {
        int stat_fd;
        int inflight_fd;
} WriteCounter;

/* What has changed the device since it is there: writes and discards that are done, and under way. */
typedef struct WriteCount {
        uint64_t reads; /* done; to tell a device that is not counted from one at rest */
        uint64_t writes;
        uint64_t sectors;
        uint64_t discards;
        uint64_t under_way;
} WriteCount;

#define WRITE_COUNTER_INIT ((WriteCounter){ .stat_fd = -EBADF, .inflight_fd = -EBADF })

/*
 * `sysfs` is "/sys". 0, -ENODATA for a device that the kernel does not count (queue/iostats is off,
 * or nothing was ever counted), or the error of opening.
 */
int write_counter_open(const char *sysfs, unsigned major, unsigned minor, WriteCounter *ret);
void write_counter_done(WriteCounter *counter);

/*
 * Before Linux 6.5 the switch of a bio-based device mapper device shows 0, and it is counted all the
 * same ("dm: support turning off block-core's io stats accounting"). `release` is uname(2)'s.
 */
bool write_counts_of_dm_are_always_on(const char *release);

/* Opens and allocates nothing: also while file systems are frozen. */
int write_counter_read(const WriteCounter *counter, WriteCount *ret);

/* The texts of the two attributes: 0 or -EBADMSG. */
int write_count_parse(const char *stat, const char *inflight, WriteCount *ret);

/* Nothing was written from one count to the other, nor was a write under way at either. */
bool write_count_is_unchanged(const WriteCount *before, const WriteCount *after);
