/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A file system within the staged image, mounted for this process alone: on a loop device that goes
 * when nobody uses it, and with a mount that has no place in any namespace (fsmount(2)). Both end
 * with the process, however that ends.
 */

#include "freeze/capture/disk.h"
#include "freeze/capture/stage.h"

typedef struct Volume {
        const Stage *stage;
        const Part *part;
        int loop_fd;
        int mount_fd;
        int root_fd;
        bool is_blind; /* it does not tell which blocks are free, or where those of a file are */
} Volume;

#define VOLUME_INIT ((Volume){ .loop_fd = -EBADF, .mount_fd = -EBADF, .root_fd = -EBADF })

/* -EOPNOTSUPP: what is scrubbed there would stay in the image in part. */
int volume_check(const Stage *stage, const Part *part, Trouble *trouble);

/* Replays its log, if it has one that wants it, and releases files that were deleted while open. */
int volume_open(
        Volume *volume, const Stage *stage, const Disk *disk, const Part *part, Trouble *trouble);

/*
 * Brings it to rest, adds what it does not use any more to `freed`, in bytes of the image, and
 * unmounts it.
 */
int volume_close(Volume *volume, Map *freed, Trouble *trouble);

/* Unmounts it, if it still is mounted. */
void volume_done(Volume *volume);
