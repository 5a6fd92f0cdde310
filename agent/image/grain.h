/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a block of a disk is like, so that it is compressed by what suits it. Pure. */

#include <stddef.h>

#define GRAIN_BYTES 8192u

typedef enum Grain {
        GRAIN_MIXED,
        GRAIN_ZEROS, /* many of the bytes are zero, here and around */
        GRAIN_TABLE, /* three bytes in a row are often as before, the fourth is not: addresses */
} Grain;

/* Of the GRAIN_BYTES from `at` on, which is a multiple of that; of less, mixed. */
Grain grain_at(const char *data, size_t size, size_t at);
