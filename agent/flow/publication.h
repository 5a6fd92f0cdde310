/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What of an image or a snapshot set shall be published, and what of that is done: an object in the
 * job record, planned before anything is made, so that a later worker needs no profile.
 *
 *      {"parameter": "/golden/web", "share": [...], "deprecate-after-usec": N, "protection": "yes",
 *       "zones": [...], "lock": "governance", "lock-days": 7, "archive": true,
 *       "copies": {"us-east-1": {"key": "alias/x", "asked": true, "image": "ami-...",
 *                                "snapshots": [...]}},
 *       "made-usec": N (of an image that was made by an earlier job),
 *       "steps": {"copy us-east-1": true, "share": "why it was refused",
 *                 "parameter": {"later": "j-..."}}, "undoing": true}
 */

#include "flow/bake.h"

/*
 * From the profile, for what is made in `region`; without wishes there is none. 0, or a negative
 * errno and a failure.
 */
int publication_plan(Bake *bake, const char *region);

/* Whether there is nothing left to do for a step: it is done, or was refused for good. */
bool publication_is_over(const Bake *bake, const char *step);
bool publication_is_done(const Bake *bake, const char *step);

/*
 * The end of a step: 0, or the negative errno of one that was refused, whose failure goes from the
 * bake into the record. On disk when it returns 0; else it is the job itself that cannot go on.
 */
int publication_note(Bake *bake, const char *step, int result);

/*
 * The end of a step that a later job has taken already, which is no failure: {"later": job} on record.
 * As publication_note().
 */
int publication_leave(Bake *bake, const char *step, const char *job);

/* A member that is an array of texts, or nothing. 0 or -ENOMEM. */
int publication_list(const json_t *object, const char *key, StringList *ret);

/* What was refused goes out as one failure; 0 where all is done. */
int publication_conclude(Bake *bake);
