/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The staged image: a sparse file that has no name until it is finished, so that nothing is left of
 * one that is not.
 */

#include "freeze/capture/map.h"
#include "freeze/capture/trouble.h"

/*
 * On what we have made, the job's name: only root can set it, and a folder of root's has other
 * files.
 */
#define STAGE_MARK "trusted.quiesced.image"

typedef struct Stage {
        int folder_fd;
        int fd;
        uint64_t size;
        char folder[CAPTURE_PATH_MAX];
        char job[CAPTURE_JOB_MAX];
} Stage;

#define STAGE_INIT ((Stage){ .folder_fd = -EBADF, .fd = -EBADF })

void stage_done(Stage *stage);

/* The folder must be root's, of mode 0700, and reached by no symbolic link. */
int stage_open(Stage *stage, const char *folder, const char *job, Trouble *trouble);

/* An image of `size` bytes, all hole, in a file system that has `needed` bytes left. */
int stage_create(Stage *stage, uint64_t size, uint64_t needed, Trouble *trouble);

int stage_write(
        const Stage *stage, const void *data, size_t size, uint64_t offset, Trouble *trouble);

/* Makes holes of all these ranges. */
int stage_punch(const Stage *stage, const Map *map, Trouble *trouble);

/* On the disk, all of it: -EIO and -ENOSPC are told here at the latest. */
int stage_sync(const Stage *stage, Trouble *trouble);

/* Names it; -EEXIST if this job has one. */
int stage_keep(const Stage *stage, Trouble *trouble);

/* A descriptor for reading, of one that was kept. */
int stage_take(const Stage *stage, Trouble *trouble, int *ret_fd, uint64_t *ret_size);

int stage_discard(const Stage *stage, Trouble *trouble);
