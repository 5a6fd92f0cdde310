/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Step 7: what was cut becomes complete, and an image. */

#include "flow/bake.h"

/*
 * Tags the snapshots with what was reached, follows them as long as they take, registers the image,
 * and tags it with the class that it can be trusted for. 0, or a negative errno and a failure. Works
 * from the record alone, so that a job goes on after a reboot, days later.
 */
int step_complete(Bake *bake);
