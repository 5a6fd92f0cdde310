/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Step 8: what is complete is found by those who launch from it. */

#include "flow/bake.h"

/*
 * Everything that is on record as wanted: copies first, the parameter that names them last. What is
 * refused does not stop the rest. 0, or a negative errno and a failure; what was made stays either
 * way.
 */
int step_publish(Bake *bake);
