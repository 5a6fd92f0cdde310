/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The jobs of the worker, each from its request to its result. */

#include "flow/bake.h"
#include "flow/survey.h"

/* All return 0 when the job is done, else a negative errno and the failure in `bake`. */

/* An image or a snapshot set. */
int run_bake(Bake *bake, const BakeRequest *request);

/* What run_bake() would do; nothing is changed. */
int run_plan(Bake *bake, const BakeRequest *request);

/* Who and what this host is, as far as it can be told. */
int run_survey(Bake *bake, const BakeRequest *request);

/* Freezes for another tool, until `userdata` of the observer says end, or the budget is over. */
int run_freeze(Bake *bake, const BakeRequest *request);

/* Brings a job on record to its end: to completion, or to nothing. */
int run_resume(Bake *bake, const BakeRequest *request);
