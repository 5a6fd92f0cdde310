/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Steps 4 and 6: bring the file systems to rest, and let them go again. */

#include "flow/bake.h"

/*
 * When it returns 0 the plan's file systems are frozen: from then on nothing waits for a disk, and
 * bake->send_deadline_usec is when the create call must have answered. On failure nothing is frozen
 * any more.
 */
int step_quiesce(Bake *bake);

/*
 * Thaws, if anything is frozen, and puts down what was measured. 0 also when a safety net had
 * thawed before: then the evidence says so.
 */
int step_thaw(Bake *bake);
