/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What retention gave up, looked at again shortly before it goes: a removal of thousands takes an
 * hour, and one that was interrupted goes on after days. What somebody uses by then, or has made
 * his own, stays after all, and its entry says why.
 */

#include "base/clock.h"
#include "flow/removal-entry.h"

/*
 * The guards take about ten calls however many they are asked about, and whom each is shared with
 * is asked once in any case: beside the calls that a batch takes to go, which are some seconds'
 * worth of EC2's pace (aws/bucket.h), they hardly count.
 */
#define RECONSIDER_BATCH 50
#define RECONSIDER_USEC (60 * USEC_PER_SEC)

/*
 * Before the entry `index` of `kind` ("images", "snapshots") is touched: asks about it and those
 * behind it at once, unless that was done moments ago. What is half gone is not asked about, nor
 * what was not chosen by retention. The entries that stay, or are left since EC2 does not tell,
 * are marked, and on disk. 0, or a negative errno and a failure.
 */
int reconsider(Removal *removal, const char *kind, size_t index);

/*
 * Of a retention that is resumed: chooses once more, by what there is now and by the policy as it is
 * now. What that keeps stays; where it cannot be known, what is not half gone is left for later. 0, or
 * a negative errno and a failure.
 */
int reconsider_choice(Removal *removal);
