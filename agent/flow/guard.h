/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Why something stays that no rule keeps: it is in use, shared, or locked. What is about to go is
 * asked about, and nothing else; what cannot be found out counts as if it were so.
 */

#include "flow/stock.h"

/*
 * Sets `guard` of those objects whose choice is to go and which must not, unless the profile's
 * Override= says that they may. 0, or a negative errno and a failure.
 */
int guard_stock(Bake *bake, Stock *stock);

/* --- For the checks, each of which asks about one kind of reason ------------------------------ */

typedef struct GuardSubject {
        const char *id; /* of a victim that is an image, or of a snapshot of any victim */
        StockObject *object;
} GuardSubject;

typedef struct Guard {
        Bake *bake;
        StockObject **victims;
        size_t n_victims;
        GuardSubject *subjects; /* by id */
        size_t n_subjects;
} Guard;

/* This stays; the first reason counts. 0 or -ENOMEM. */
int guard_hold_object(StockObject *object, const char *reason);

/* Whatever has this id stays; the first reason counts. 0 or -ENOMEM. */
int guard_hold(const Guard *guard, const char *id, const char *format, ...) _printf_(3, 4);

typedef struct GuardDoubt {
        const char *what;       /* "which launch templates use it" */
        const char *permission; /* that it takes to know */
} GuardDoubt;

/*
 * The call for `doubt` failed: all that the check is about stays. 0, or a negative errno, with
 * a failure for one that was cancelled.
 */
int guard_doubt(const Guard *guard, const GuardDoubt *doubt, int outcome, const ApiError *error);

/* Of images. */
int guard_check_protected(Guard *guard);
int guard_check_published(Guard *guard);
int guard_check_verification(Guard *guard);

/* Of snapshot sets. */
int guard_check_used(Guard *guard); /* by images that were made of them by hand */

/* Of both. */
int guard_check_jobs(Guard *guard); /* this one, and those of this host that have not ended */
int guard_check_templates(Guard *guard);
int guard_check_auto_scaling(Guard *guard);
int guard_check_locked(Guard *guard);
int guard_check_shared(Guard *guard);
