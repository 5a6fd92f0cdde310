/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Removes from the staged image what must not leave this host, and what is left of it on the disk.
 */

#include "freeze/capture/disk.h"
#include "freeze/capture/rules.h"
#include "freeze/capture/stage.h"

/* `removals` gets what was removed: all is counted, and listed as far as there is room. */
int scrub_run(const Stage *stage, const Disk *disk, const Rules *rules, CaptureRemovals *removals,
        Trouble *trouble);
