/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Orphans of the account: looked for, told, and deleted. */

#include "flow/orphans.h"
#include "flow/survey.h"

/* The answer tells them, with their cost; the option "all": the account's, not only our own. */
int run_orphans(Bake *bake, const BakeRequest *request);

/*
 * Deletes those of the request's ids that still are orphans, of which each is looked at once
 * more; any other stays, and makes the job fail by name when all else is done.
 */
int run_delete_orphans(Bake *bake, const BakeRequest *request);

/*
 * One that was interrupted, after days perhaps: what is shared by now stays. What is used, locked or no
 * orphan for its bundle any more does so in any case. As removal_run().
 */
int orphans_resume(Bake *bake);
