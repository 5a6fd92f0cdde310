/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Copies in other regions that go away again: those that failed, and those that a cancel finds
 * under way.
 */

#include "flow/bake.h"

/*
 * What the tags of all that the job makes give as its job: of one that publishes anew, that of
 * the bake.
 */
const char *publish_job(const Record *record);

/*
 * Whether it is the job's copy. Tags go along when somebody copies our image by hand: a copy of
 * ours is told from such a one by a tag that the image itself does not have.
 */
bool publish_is_copy(const Record *record, const TagList *tags);

/*
 * The image `id` of the client's region, and the snapshots that EC2's description says were made
 * for it, added to *n_deleted. 0 also where it is gone, -EPERM for one that is not ours, or an
 * Ec2Outcome.
 */
int publish_delete_copy(const Record *record, AwsClient *client, const char *id,
        size_t *n_deleted, ApiError *reterr);

/* The job has ended before its time, and is only to take back what it left under way. */
bool publish_is_undoing(const Record *record);

/*
 * Takes back the copies that were asked for and are not complete; what is complete stays. On
 * record before it begins, with the failure, so that whoever resumes the job goes on with it.
 * Until SettleSec= is over a copy may turn up that EC2 did not show before. 0 when nothing is
 * left; else a negative errno, and the failure names the region: it is to be tried again.
 */
int publish_undo(Bake *bake);
