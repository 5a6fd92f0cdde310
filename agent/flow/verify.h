/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An image is proved by an instance that is launched from it, and that ends whatever comes of it:
 *
 *      launch --> wait --> verdict on record --> terminate --> tag the image
 *
 * `verification` of the record has, beside what flow/trial.h keeps there: `verdict` ("verified",
 * "failed"), `by` ("status", "marker"), `verified` (when), `labelled`.
 */

#include "flow/bake.h"
#include "flow/survey.h"

/* Puts down that the record's image is to be verified. 0 or -ENOMEM. */
int verify_want(Record *record);

/*
 * Does so, if it was put down, or brings to its end what an earlier worker has begun. 0, or a
 * negative errno and a failure; the image stays in any case. What could not be terminated keeps the
 * record from being finished, see trial_is_over().
 */
int step_verify(Bake *bake);

/* A verification as a job of its own. */
int run_verify(Bake *bake, const BakeRequest *request);

/* The rest of such a job. */
int verify_finish(Bake *bake);
