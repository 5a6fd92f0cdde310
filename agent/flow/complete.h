/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Steps 7 and 8: what was cut becomes complete, an image, and findable. */

#include "flow/bake.h"

/*
 * Tags the snapshots with what was reached, follows them as long as they take, and registers the
 * image. 0, or a negative errno and a failure. Works from the record alone, so that a job goes on
 * after a reboot, days later.
 */
int step_complete(Bake *bake);

/* Tags the image with the class it can be trusted for, and closes the record. */
int step_publish(Bake *bake);
