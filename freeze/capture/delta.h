/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The blocks that have changed at the end, in memory: while frozen, no file can be written. */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "freeze/capture/digest.h"

typedef struct Delta {
        uint64_t *offsets;
        char *blocks;
        size_t limit;
        atomic_size_t count;
} Delta;

/* Room for `bytes`, locked in memory as it is used; 0 or -ENOMEM. */
int delta_init(Delta *delta, uint64_t bytes);

void delta_done(Delta *delta);

/* From several threads at once; -E2BIG: there is no room left. */
int delta_add(Delta *delta, const void *block, uint64_t offset);
