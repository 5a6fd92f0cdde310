/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Where the data of a file with holes lies, told as GNU tar tells it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/cleanup.h"

/* 10 GiB of which every other page is a hole have 1.3 million. */
#define EXTENTS_MAX (2u * 1024 * 1024)

typedef struct Extent {
        uint64_t offset;
        uint64_t length; /* 0 where an archive's list marks the end of the file */
} Extent;

typedef struct Extents {
        Extent *items;
        size_t count;
        size_t allocated;
        uint64_t stored_bytes;
        bool is_sparse; /* else it is one extent, the whole file */
} Extents;

void extents_done(Extents *extents);

/* One more at the end. 0, -ENOMEM, or -E2BIG past EXTENTS_MAX. */
int extents_add(Extents *extents, uint64_t offset, uint64_t length);

/*
 * Those of a regular file, by the rules of GNU tar's --sparse, so that an archive made of them is
 * the same: sparse if it takes fewer blocks than its size does; then by SEEK_DATA and SEEK_HOLE,
 * and by 512-byte blocks of zeros where the file system does not tell holes. 0, or a negative
 * errno.
 */
int extents_find(int fd, const struct stat *status, Extents *ret);
