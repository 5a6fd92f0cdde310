/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* UUID and label of the file system on a device, and a disk's partition table: whoever knows. */

#include "host/blockdev.h"

typedef struct FsProbe {
        char *uuid; /* NULL if nobody knows */
        char *label; /* NULL if none */
} FsProbe;

void fs_probe_done(FsProbe *probe);

/*
 * Asks udev's database below `run` ("/run"), else the device itself below `dev` ("/dev") if it may
 * be opened, else the links in DEV/disk. 0, also when nobody knows, or -ENOMEM. The type of what is
 * mounted stands in mountinfo.
 */
int fs_probe_read(const char *run, const char *dev, const BlockDevice *device, FsProbe *ret);

/*
 * The type of the partition table on a disk ("gpt", "dos"), from udev's database, else from the
 * disk itself if it may be opened. 0 with NULL if there is none or nobody knows, or -ENOMEM.
 */
int partition_table_read(const char *run, const char *dev, const BlockDevice *disk, char **ret);

/* A record of udev's database, lines of "E:KEY=value" among others: 0 or -ENOMEM. */
int fs_probe_parse_udev(const char *record, FsProbe *ret);

/* Undoes udev's "\x20" escapes in place. */
void udev_unescape(char *string);
