/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The block devices of this machine, as sysfs shows them. */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define BLOCK_DEVICE_NONE SIZE_MAX

/* Texts are NULL where sysfs has no such file. */
typedef struct BlockDevice {
        unsigned major, minor;
        char *name; /* the kernel's, as below /dev: "nvme0n1p1", "cciss/c0d0" */
        char *disk; /* of a partition: the name of the whole device */
        StringList slaves; /* names of the devices that dm or md lies on */
        char *serial; /* NVMe's or virtio's, without its padding */
        char *model;
        char *dm_name; /* as below /dev/mapper */
        char *dm_uuid; /* "LVM-...", "CRYPT-..." */
        char *md_level;
        char *backing_file; /* of a loop device */
        uint64_t size_bytes;
        bool read_only;
        bool removable;
        bool is_virtual; /* no hardware's: below /sys/devices/virtual/block */
} BlockDevice;

typedef struct BlockDevices {
        BlockDevice *items; /* sorted by name, as strverscmp(3) does */
        size_t count;
        size_t *by_number;
} BlockDevices;

#define BLOCK_DEVICES_INIT ((BlockDevices){ 0 })
#define BLOCK_DEVICES_COUNT_MAX 65536U

void block_devices_done(BlockDevices *devices);

/*
 * Reads all devices below `sysfs` ("/sys"). What vanishes meanwhile is left out. 0, or the error of
 * opening SYSFS/block, or -E2BIG.
 */
int block_devices_read(const char *sysfs, BlockDevices *ret);

/* An index, or BLOCK_DEVICE_NONE. */
size_t block_devices_find(const BlockDevices *devices, const char *name);
size_t block_devices_find_number(const BlockDevices *devices, unsigned major, unsigned minor);

/* Memory that plays a disk: no snapshot has it. */
bool block_device_is_memory(const BlockDevice *device);

/* By the kernel's names, else by stat(2), which follows the links of udev and LVM. */
size_t block_devices_look_up(const BlockDevices *devices, const char *path);

/* Of "/dev/NAME" and "/dev/mapper/NAME", without looking into /dev. */
size_t block_devices_find_path(const BlockDevices *devices, const char *path);
