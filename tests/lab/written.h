/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a writer has written, kept in memory that no freeze reaches, for a check to ask later. */

#include <stdint.h>

#define WRITTEN_MAGIC UINT64_C(0x6e65747469727771) /* "qwritten", little-endian */

/* One write, in the order of the writer; both ends by CLOCK_BOOTTIME. */
typedef struct WrittenItem {
        uint64_t began_usec;
        uint64_t ended_usec;
} WrittenItem;

/* The whole file, as tests/lab/written.py reads it. */
typedef struct Written {
        uint64_t magic;
        _Atomic uint64_t n_items; /* only those that returned */
        _Atomic uint64_t error;   /* errno of the write that failed, which was the last */
        _Atomic uint64_t began_usec; /* of the write that is under way, or 0 */
        WrittenItem items[];
} Written;

#define WRITTEN_ITEMS_MAX (UINT64_C(1) << 20)

/* Makes the file at `path`, which has to lie on tmpfs, and maps it. */
int written_new(const char *path, Written **ret);
Written *written_free(Written *written);

/* Around each write; written_end() is -ENOSPC when there is no room for it. */
void written_begin(Written *written);
int written_end(Written *written);
