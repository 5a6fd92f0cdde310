/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The device that is captured, and the file systems on it that are mounted. */

#include <stdbool.h>
#include <stdint.h>

#include "freeze/capture/map.h"
#include "freeze/capture/subvolume.h"
#include "freeze/capture/trouble.h"

#define DISK_PATH_MAX 64
#define TYPE_MAX 32

typedef struct Part {
        uint64_t start; /* bytes from the beginning of the device */
        uint64_t size;
        unsigned major; /* of the superblock, as in mountinfo */
        unsigned minor;
        int mount_fd;
        bool is_listed; /* PID 1 sees it there */
        bool has_stage; /* the image is staged on it */
        char type[TYPE_MAX];
        char path[CAPTURE_PATH_MAX]; /* where it is mounted */
        Subvolumes subvolumes;       /* of a btrfs: all of its mounts */
} Part;

typedef struct Disk {
        int fd; /* O_DIRECT: the cache of the device is not that of its file systems */
        unsigned major;
        unsigned minor;
        uint64_t size;
        uint32_t sector_bytes;
        char path[DISK_PATH_MAX];
        Part *parts;
        unsigned n_parts;
} Disk;

#define DISK_INIT ((Disk){ .fd = -EBADF })

void disk_done(Disk *disk);

int disk_open(Disk *disk, unsigned major, unsigned minor, Trouble *trouble);

/* Room for the part, whose type and place disk_check() finds out; 0 or -ENOMEM. */
int disk_add_part(Disk *disk, const CaptureMount *mount);

/*
 * Opens each part, and proves from PID 1's mountinfo that it is mounted where the client says, that
 * it lies on the device, and that nothing else that is mounted does.
 */
int disk_check(Disk *disk, Trouble *trouble);

/* -EINVAL: a file system of the device is mounted that was not named, and so is not frozen. */
int disk_check_others(Disk *disk, Trouble *trouble);

/* Finds out whether the image is staged on one of the parts. */
int disk_note_stage(Disk *disk, int stage_fd, Trouble *trouble);

/* Lets go of the mounts: what is mounted can be unmounted again, and no map is read any more. */
void disk_release(Disk *disk);

/*
 * Adds where the device holds nothing now: free space of its file systems, and where the image
 * itself lies, which must not contain itself (`stage_fd`, negative before there is one). What ext4
 * has set aside for files that grow counts as in use.
 */
int disk_map(const Disk *disk, int stage_fd, Map *map, Trouble *trouble);
