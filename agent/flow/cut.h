/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Step 5: the point in time, by one call that is sent once. */

#include "aws/retry.h"
#include "flow/bake.h"

/* Builds the call while nothing is frozen yet. 0, or a negative errno and a failure. */
int cut_prepare(Bake *bake);

/*
 * Sends it, and holds until the answer, or what stands for it, is there: for CreateImage until a
 * snapshot of every volume is listed, and after a lost answer until the tag shows that the call was
 * carried out. Ends by bake->send_deadline_usec; what came out is in bake->cut_outcome.
 */
void step_cut(Bake *bake);

/*
 * After the thaw: 1 when the call was not carried out since EC2 was too busy, or the connection was
 * gone; waits as the retry table says, and builds it anew. 0 when it is of no use, or a negative errno
 * and a failure.
 */
int cut_try_again(Bake *bake, Retry *retry);

/*
 * After the thaw: finds what the call made, also without its answer, and the class that was
 * reached; both go on record. 0, or a negative errno and a failure; what was made then is on record.
 */
int cut_resolve(Bake *bake);

/*
 * What the evidence shows goes on record, and so does what stood in the way of more: a worker that
 * resumes the job later says the same of it. 0, or a negative errno and a failure.
 */
int cut_record_class(Bake *bake);

/* A class below what was demanded is a failure, unless the profile keeps it with its label. */
int cut_demand_class(Bake *bake);

/* A failure by name when a volume of the job has no snapshot. */
int cut_check_volumes(Bake *bake, const Ec2SnapshotList *snapshots);

/* Whether no other volume than the job's was cut; one that was is named in the journal. */
bool cut_has_planned_only(const Bake *bake, const Ec2SnapshotList *snapshots);

/* What EC2 lists under the job's tag. */
typedef struct CutSight {
        Ec2SnapshotList snapshots;
        Ec2ImageList images;
} CutSight;

void cut_sight_done(CutSight *sight);

/* All that is seen goes on record. 0, an Ec2Outcome, or a negative errno. */
int cut_look_up(Bake *bake, CutSight *ret, ApiError *reterr);

/*
 * A create call goes out, or may do so soon: until SettleSec= after it, EC2 need not show what it
 * makes. The second is of a call that an earlier worker has made: not before it was put on record,
 * and not after that worker had died.
 */
void cut_stamp(Bake *bake);
void cut_stamp_earlier(Bake *bake);

/* The same of the call that takes the point in time. */
void cut_stamp_point(Bake *bake);

/*
 * *ret_labelled: something that carries the job's tag says its class as well, which is the last thing
 * that a job gives to what it made. 0, or a negative errno and a failure.
 */
int cut_look_up_label(Bake *bake, bool *ret_labelled);
