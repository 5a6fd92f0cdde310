/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How block devices lie on each other, as sysfs has it. */

#include <stddef.h>

#include "freeze/capture/map.h"
#include "freeze/mount-line.h"

/* The path of its node in /dev; -ENODEV if there is no such device. */
int origin_name(unsigned major, unsigned minor, char *ret, size_t size);

/*
 * Where the file system of a line of mountinfo lies on a device: 0, and *ret is the partition, or 0
 * to UINT64_MAX for all of it. 1: not on that device, or on none.
 */
int origin_locate_mount(unsigned major, unsigned minor, const MountLine *line, Range *ret);

/* Likewise, of what a node in /dev is; one that is gone is not on the device. */
int origin_locate_node(unsigned major, unsigned minor, const char *path, Range *ret);

/* 1: the device or a partition of it is part of another one (dm-0), whose name is in `ret`. */
int origin_find_holder(unsigned major, unsigned minor, char *ret, size_t size);

/* `visit` gets each partition's node and place, and ends the visits with an error. */
typedef int (*PartitionVisit)(void *userdata, const char *path, const Range *place);

int origin_visit_partitions(
        unsigned major, unsigned minor, PartitionVisit visit, void *userdata);
