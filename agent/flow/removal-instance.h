/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Instances that were launched to prove an image, and run on. */

#include "flow/removal-entry.h"

/*
 * Terminates all entries of "instances", of which each must carry the tag of a verification
 * still. 0, or a negative errno and a failure.
 */
int removal_end_instances(Removal *removal);
