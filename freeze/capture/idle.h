/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Partitions of the disk on which nothing is mounted. */

#include "freeze/capture/disk.h"
#include "freeze/capture/swap.h"

/*
 * Adds those for swap that are not in use now: what was in memory once is still there. -EBUSY: one is
 * in use, for instance by a mount that only a container sees, and would not be frozen. What changes
 * after this call is not noticed.
 */
int idle_check(const Disk *disk, Swaps *swaps, Trouble *trouble);
