/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What only one job of this host does at a time, while others wait for EC2. */

#include "flow/bake.h"

#define TURN_REMOVAL "removal" /* to choose what goes, and to delete it */
#define TURN_PARAMETER "parameter" /* and "-REGION": to see which image one names, and to change it */

/*
 * Waits until no other job has this turn, and takes it: *ret_fd is given back by close(2), at the
 * latest by the end of the process. 0, or a negative errno and a failure; a cancel ends the wait.
 */
int turn_await(Bake *bake, const char *what, int *ret_fd);
