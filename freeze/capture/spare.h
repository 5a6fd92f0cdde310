/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The blocks that an XFS has set aside for its own trees: it calls them used, has written nothing
 * into them, and takes them from what was freed, so that they hold what was deleted.
 */

#include "freeze/capture/map.h"

/*
 * Adds them, moved by `base` bytes, from the free list of each allocation group of the file system
 * that begins at `base` of `fd`, has `size` bytes, and is at rest. 0, also if there is none of XFS;
 * -EBADMSG for one whose lists make no sense, or another negative errno.
 */
int spare_add(Map *map, int fd, uint64_t base, uint64_t size);
