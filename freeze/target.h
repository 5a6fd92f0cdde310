/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The folder through which a file system is frozen and thawed. */

/*
 * Opens it, and proves that it lies on the superblock `major`:`minor` of mountinfo (fstat tells
 * another number for btrfs). -ESTALE: something else is mounted there, or nothing.
 */
int target_open(const char *path, unsigned major, unsigned minor, int *ret_fd);

/* Whether what is open lies on that superblock: 0, or -ESTALE. */
int target_check(int fd, unsigned major, unsigned minor);
