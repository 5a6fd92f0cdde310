/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whole files, read and replaced. */

#include <stddef.h>

#include "base/cleanup.h"

/*
 * Reads all, NUL-terminated, of at most `max_bytes`. 0, -EFBIG when there is more, or what open(2)
 * and read(2) say. `ret_size` may be NULL; then a NUL byte inside is -EBADMSG.
 */
int file_read(const char *path, size_t max_bytes, char **ret, size_t *ret_size);
int file_read_fd(int fd, size_t max_bytes, char **ret, size_t *ret_size);

/*
 * Replaces a file by rename, so that a crash leaves the old or the new one: the data and then the
 * folder are on disk (fsync) when it returns 0.
 */
int file_replace(const char *path, const char *data, size_t size, unsigned mode);

/* The folder that holds `path` is on disk (fsync): with it the name of a file that is new there. */
int file_sync_parent(const char *path);

/* All bytes, again after EINTR and short writes. */
int write_all(int fd, const void *data, size_t size);

/* mkdir -p for the last component only; an existing folder is fine. */
int folder_make(const char *path, unsigned mode);
