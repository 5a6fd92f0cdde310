/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Removes from the staged image what must not leave this host, and what is left of it on the disk.
 */

#include "freeze/capture/disk.h"
#include "freeze/capture/listing.h"
#include "freeze/capture/rules.h"
#include "freeze/capture/stage.h"

/* What was removed: all is counted, and listed in `packet` as far as there is room. */
typedef struct Removals {
        CaptureRemovals packet;
        Listing listing; /* of all, once the packet has no room; its `fd` is -EBADF till then */
} Removals;

int scrub_run(const Stage *stage, const Disk *disk, const Rules *rules, Removals *removals,
        Trouble *trouble);
