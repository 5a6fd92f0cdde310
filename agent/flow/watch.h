/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The proof that what cannot be frozen was at rest all the same.
 *
 * A file system: all that was changed is on its device when syncfs returns, and nothing was changed
 * since, if a second syncfs, after the thaw, finds nothing to write: its device's counters are then
 * the same after both. A device that nothing is mounted from: nothing was written to it while
 * everything else was frozen.
 */

#include "flow/plan.h"
#include "host/writes.h"

typedef struct Watched {
        const PlanWatch *what;
        WriteCounter counter;
        WriteCount before;
        int error; /* negative errno when it cannot be counted, 0 else */
        bool disturbed;
} Watched;

typedef struct Watch {
        Watched *items;
        size_t count;
} Watch;

#define WATCH_INIT ((Watch){ 0 })

/* Opens all that will be read, of `plan`, which outlives it. `sysfs` is "/sys". 0 or -ENOMEM. */
int watch_open(const Plan *plan, const char *sysfs, Watch *ret);
void watch_done(Watch *watch);

/* In this order; none opens or allocates anything. */
void watch_synced(Watch *watch); /* the file systems were synced just now */
void watch_frozen(Watch *watch); /* all others are frozen */
void watch_thawing(Watch *watch); /* they still are, and the point in time is taken */
void watch_synced_again(Watch *watch); /* the file systems, some time later */

/* What was not at rest, or cannot be proved to have been, as a sentence; NULL if all was. */
int watch_judge(const Watch *watch, char **ret_disturbance);
