/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whether anything on a disk can still be written. */

#include <stdio.h>

/*
 * Reads a mountinfo (proc(5)). 0: every file system on a disk is read-only. 1: one is writable, and
 * *ret is where it is mounted, as the kernel writes it, for the caller to free. Or a negative errno.
 */
int rest_find_writable(FILE *mountinfo, char **ret);
