/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One look at EC2 for all the jobs of this host that wait for it: asked for, and taken. */

#include "flow/bake.h"
#include "flow/sight.h"
#include "flow/survey.h"

typedef enum LookAt {
        LOOK_AT_SNAPSHOTS = 1 << 0, /* those on record */
        LOOK_AT_IMAGE = 1 << 1,
} LookAt;

/*
 * Waits `usec` at most for a look that is taken for several jobs, which comes the earlier the more of
 * them there are; it is ended by a cancel. *ret is what was seen, see flow/sight.h. NULL: look for
 * yourself, since nobody else waits, or the look failed or was late.
 */
void look_await(Bake *bake, LookAt what, uint64_t usec, json_t **ret);

/* Takes looks, as the daemon asks for them, until it is gone. */
int run_look(Bake *bake, const BakeRequest *request);
