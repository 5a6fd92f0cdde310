/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Copies of the image in other regions: started all at once, and followed to their end. */

#include "flow/bake.h"

/* The name of a copy's step on record; in fresh memory. 0 or -ENOMEM. */
int publish_copy_step(const char *region, char **ret);

/*
 * A copy that fails is on record as that, and its remains are deleted. 0, or a negative errno and a
 * failure when the job cannot go on.
 */
int publish_copies(Bake *bake);
