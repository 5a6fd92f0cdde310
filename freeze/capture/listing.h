/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* All paths that a scrub has removed: what does not fit into the answer is in a file beside it. */

#include "freeze/capture/stage.h"

/* Some 600,000 paths of usual length; what is beyond is counted only. */
#define LISTING_MAX_BYTES (UINT64_C(64) << 20)

typedef struct Listing {
        int fd; /* -EBADF until there is a need for it: each path with a zero behind it */
        uint64_t size;
        size_t n_pending;
        char pending[65536];
} Listing;

/* Embedded; `fd` is -EBADF. */
void listing_done(Listing *listing);

/* Makes the file, without a name, in the folder of the image. 0 or a negative errno. */
int listing_open(Listing *listing, const Stage *stage, Trouble *trouble);

/* `size` with the zero at the end. */
int listing_add(Listing *listing, const char *paths, size_t size, Trouble *trouble);

/* A descriptor for reading all of it, which stays when this one goes. */
int listing_finish(Listing *listing, Trouble *trouble, int *ret_fd);
