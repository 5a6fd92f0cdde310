/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Where memory is, or once was, swapped out to: its place is part of an image, but nothing that lies there. */

#include "freeze/capture/disk.h"

#define SWAPS_MAX 32

typedef struct Swap {
        int fd;      /* of a file; negative for a partition */
        Range place; /* on the device; of a file, only where its file system begins */
} Swap;

typedef struct Swaps {
        Swap items[SWAPS_MAX];
        unsigned count;
} Swaps;

void swaps_done(Swaps *swaps);

/* Those in use on the device now; of files, those on file systems that tell where their blocks are.
 */
int swaps_find(Swaps *swaps, const Disk *disk);

/* Adds all of them to what holds nothing, but for their first pages: label and UUID stay. */
int swaps_map(const Swaps *swaps, Map *map);
