/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The mounts of one mountinfo, what hides what, and the file systems behind them. */

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct libmnt_table;

/* The texts belong to the table, and are without mountinfo's octal escapes. */
typedef struct Mount {
        int id;
        int parent_id;
        unsigned major, minor;
        const char *root; /* within the file system: "/", or what is bind-mounted */
        const char *target;
        const char *source;
        const char *type;
        const char *options; /* of the file system, not of this mount; or NULL */
        bool read_only; /* the file system is, not only this mount of it */
        bool visible; /* the path `target` leads into this mount */
        size_t file_system; /* index into MountTable.file_systems */
} Mount;

/* One superblock: bind mounts and btrfs subvolumes share one. */
typedef struct MountedFs {
        size_t mount; /* the one to open; not visible only if none is */
        size_t n_mounts;
} MountedFs;

typedef struct MountTable {
        struct libmnt_table *table;
        Mount *items; /* in mountinfo's order */
        size_t count;
        size_t n_ignored; /* lines that are no mount */
        MountedFs *file_systems; /* in order of their first mount */
        size_t n_file_systems;
        size_t *by_target; /* visible mounts, sorted by path */
        size_t n_by_target;
} MountTable;

#define MOUNT_TABLE_INIT ((MountTable){ 0 })

/* Room for fs.mount-max (100,000 in the kernel) mounts of 600 bytes each. */
#define MOUNTINFO_BYTES_MAX (64U * 1024 * 1024)
#define MOUNTINFO_LINES_MAX 200000U

void mount_table_done(MountTable *table);

/*
 * Parses the text of a mountinfo, see proc_pid_mountinfo(5). 0, -ENOMEM, -E2BIG past the limits,
 * -EBADMSG for what is no mountinfo. Single lines that are none are counted and left out.
 */
int mount_table_parse(const char *text, MountTable *ret);

/* The mount that `path`, absolute and without symlinks, lies in: NULL if none. */
const Mount *mount_table_find(const MountTable *table, const char *path);

/* True if `path` is `folder` or lies in it. */
bool path_is_below(const char *path, const char *folder);
