/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Steps 4 to 6 for what cannot be frozen: it is synced and watched, and its rest is proved. */

#include "flow/bake.h"

/* The freezer's mounts: those to freeze and, as a last group, those to sync. 0 or -ENOMEM. */
int rest_freezer_mounts(const Plan *plan, FreezerMount **ret, size_t *ret_count, unsigned *ret_flags);

/* Whether anything is to be frozen or synced. */
bool rest_needs_freezer(const Plan *plan);

/*
 * After the thaw: syncs the watched file systems once more, and puts down in the evidence whether
 * all that is watched was at rest.
 */
void rest_confirm(Bake *bake);
