/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Retention: what the policy of a profile gives up goes away, after a bake or when asked for. */

#include "flow/bake.h"
#include "flow/survey.h"

/* What run_prune() would do, as the answer; nothing is changed. */
int run_plan_prune(Bake *bake, const BakeRequest *request);

/* All that has to go, on record. 0, or a negative errno and a failure, see removal_run(). */
int run_prune(Bake *bake, const BakeRequest *request);

/*
 * The end of a bake whose profile wants it so. What is made is good whatever comes of this: that
 * something cannot be removed is a warning, and stands in the details. A negative errno, with a
 * failure, only if the daemon has died, and the record is to be resumed.
 */
int step_retain(Bake *bake);

/* One that was interrupted. */
int prune_resume(Bake *bake);

/*
 * The end of step_retain(), or of prune_resume() for a bake that was interrupted there, which `r` came
 * of: the bake is done, and what could not be removed is for the next one, or for whoever may.
 */
int prune_end_after_bake(Bake *bake, int r);
