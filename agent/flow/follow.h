/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What EC2 makes takes its time: looked at again and again, as long as it takes. */

#include "flow/bake.h"
#include "flow/look.h"

typedef struct Attempt {
        uint64_t since_usec; /* of the first one */
        bool complete;
        unsigned percent; /* of the whole job, where it tells anything about that */
        void *userdata; /* of follow_with() */
        const json_t *sight; /* of follow_beside_others(); NULL: look for yourself */
} Attempt;

/*
 * Until the next look: a quarter of a second at first, then longer and longer, to 15 s; after
 * `n_busy` looks in a row that EC2 had too many calls for, 15 s and then twice as long each time, to
 * 4 minutes. `random` is any 32 bits, which take up to a quarter off: hosts that begin together do
 * not stay together.
 */
uint64_t follow_pause(unsigned n_looks, unsigned n_busy, uint32_t random);

/* Tries until it is complete: 0, or a negative errno from `try`, which has set the failure. */
int follow(Bake *bake, int (*try)(Bake *bake, Attempt *ret));

int follow_with(Bake *bake, int (*try)(Bake *bake, Attempt *ret), void *userdata);

/*
 * The same for what may take hours, and is looked at together with what other jobs of this host wait
 * for: `try` has that look, but for its first time.
 */
int follow_beside_others(Bake *bake, LookAt what, int (*try)(Bake *bake, Attempt *ret));

/* For `try`: the failure of an outcome that will not pass by waiting; else the outcome itself. */
int follow_judge(Bake *bake, const char *what, int outcome, const ApiError *error);

/* Those on record, as EC2 tells now; or as `attempt` has seen them, if so. As follow_judge(). */
int follow_describe_snapshots(Bake *bake, Ec2SnapshotList *ret);
int follow_see_snapshots(Bake *bake, const Attempt *attempt, Ec2SnapshotList *ret);

/* A `try`: complete when the image is available. The snapshots that it names go on record. */
int follow_image(Bake *bake, Attempt *ret);
