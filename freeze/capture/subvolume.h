/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Subvolumes of btrfs: where they are mounted, and whether they may be changed. */

#include <stdbool.h>
#include <stddef.h>

typedef struct SubvolumeMount {
        char *root;  /* "/@home", within the file system; "/" is its top */
        char *point; /* "/home" */
} SubvolumeMount;

typedef struct Subvolumes {
        SubvolumeMount *items;
        size_t count;
} Subvolumes;

void subvolumes_done(Subvolumes *subvolumes);

/* Of two mounts of one the first counts, unless the other one `wins`. 0 or -ENOMEM. */
int subvolumes_add(Subvolumes *subvolumes, const char *root, const char *point, bool wins);

/* Where it is mounted, or NULL; and what is mounted there. */
const char *subvolumes_find_point(const Subvolumes *subvolumes, const char *root);
const char *subvolumes_find_root(const Subvolumes *subvolumes, const char *point);

/*
 * Waits until those that were deleted are gone, whose blocks are not free before: `fd` is of any
 * folder. 0, -ETIMEDOUT after five minutes, or what the kernel says.
 */
int subvolumes_await_deletion(int fd);

/* 1: this folder of a btrfs is where a subvolume begins; 0, or a negative errno. */
int subvolume_is_root(int fd);

/* 1: it was read-only, and is no more; 0, or a negative errno. */
int subvolume_unlock(int fd);

/* As it was. */
int subvolume_lock(int fd);
