/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The ranges of a device that hold nothing: what is not read, and is a hole in the image. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Range {
        uint64_t start; /* bytes */
        uint64_t end;   /* the first one behind it */
} Range;

typedef struct Map {
        Range *ranges; /* in order and apart from each other, once map_sort() was called */
        size_t count;
        size_t allocated;
} Map;

void map_done(Map *map);

/* Empty again, with its memory kept. */
void map_clear(Map *map);

/* In any order; 0 or -ENOMEM. */
int map_add(Map *map, uint64_t start, uint64_t end);

void map_sort(Map *map);

/* The index of the first range that ends behind `offset`; map->count if none does. */
size_t map_find(const Map *map, uint64_t offset);

bool map_covers(const Map *map, uint64_t start, uint64_t end);

/* How much of `start` to `end` is outside every range. */
uint64_t map_count_rest(const Map *map, uint64_t start, uint64_t end);

/*
 * What FS_IOC_GETFSMAP calls free of the file system that `mount_fd` lies on, moved by `base`
 * bytes; what it does not mention counts as used. 1: all of the device is used, for this type of
 * file system does not tell. -EXDEV: it has parts (a log, say) on another device.
 */
int map_add_free(Map *map, int mount_fd, uint64_t base);

/* Where a file's blocks, `from` there on, lie on the device of its file system; moved by `base`. */
int map_add_file(Map *map, int fd, uint64_t from, uint64_t base);

/* Likewise, of those that read as zeroes, whatever lies there: it was given to the file, no more.
 */
int map_add_unwritten(Map *map, int fd, uint64_t base);
