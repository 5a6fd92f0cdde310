/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The consistency class that a bake reached: a conclusion from what was measured, never a wish. */

#include <stdbool.h>

#include "flow/profile.h"

/* Each is false until it was seen to be true. */
typedef struct Evidence {
        bool all_frozen; /* every file system of the plan, by ourselves */
        bool answered_inside; /* the call's answer was in hand before the thaw */
        bool thawed_by_us; /* net 1: the freezer says that we asked, and that nothing hung */
        bool complete_coverage; /* each covered, writable file system was in the plan */
        bool watched_at_rest; /* what is in the snapshots and cannot be frozen: proved, flow/watch.h */
        bool same_mounts; /* after the thaw there was none that the plan did not know */
        bool same_volumes; /* those of the plan were cut, and no other */
        bool by_reboot; /* nothing was frozen: what follows stands for it */
        bool rebooted; /* this is another boot than that of the call */
        bool seen_at_rest; /* at the end of that one no file system was writable any more */
        bool cut_at_rest; /* all snapshots are of the time between that and this boot */
        unsigned participants; /* applications that were asked */
        unsigned agreed; /* of these: that answered in time */
} Evidence;

/* A pure function. */
Consistency consistency_reached(const Evidence *evidence);

/* For the message when less was reached than demanded: the first cause that stood in the way. */
const char *consistency_obstacle(const Evidence *evidence);
