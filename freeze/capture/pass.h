/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Reads all of a device that is in use, and keeps the blocks that differ from what it has kept. */

#include "freeze/capture/delta.h"
#include "freeze/capture/disk.h"
#include "freeze/capture/stage.h"

/* What the image holds, or will: one number for each block, and 0 for one of zeroes. */
typedef struct Table {
        Digest digest;
        uint64_t *numbers;
        size_t count;
} Table;

int table_init(Table *table, uint64_t device_bytes);
void table_done(Table *table);

typedef struct Pass {
        const Disk *disk;
        const Map *map; /* what is not read, and is no part of what is kept */
        const Stage *stage;
        Table *table;
        Delta *delta;           /* where changed blocks go; NULL: to the stage */
        int client_fd;          /* whose end, or whose next word, is the end of the pass */
        uint64_t deadline_usec; /* CLOCK_BOOTTIME; UINT64_MAX without one */
        uint64_t read_bytes;    /* what it has done */
        uint64_t changed_bytes;
} Pass;

/* -ETIMEDOUT at the deadline, -ECANCELED without a client, -E2BIG when the delta is full. */
int pass_run(Pass *pass, Trouble *trouble);
