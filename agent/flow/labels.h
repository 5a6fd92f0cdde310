/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The tags by which what was made is known again: whose it is, what it holds, and how consistent.
 * quiesced:job is how a lost answer is found, and how retention tells its own from all others.
 */

#include "aws/tags.h"
#include "base/clock.h"
#include "base/json.h"
#include "flow/plan.h"
#include "flow/record.h"

#define LABEL_JOB "quiesced:job"
#define LABEL_KIND "quiesced:kind" /* what the job makes in the end: "image" or "snapshots" */
#define LABEL_PROFILE "quiesced:profile"
#define LABEL_INSTANCE "quiesced:instance"
#define LABEL_CONSISTENCY "quiesced:consistency"
#define LABEL_FROZEN "quiesced:frozen-usec"
#define LABEL_AT_REST "quiesced:at-rest"
#define LABEL_CUT "quiesced:cut" /* when the point in time was taken: "2026-11-23T10:44:00Z" */
#define LABEL_PARAMETER "quiesced:parameter" /* those that shall name the image, with blanks */
#define LABEL_MOUNTS "quiesced:mounts"
#define LABEL_TOPOLOGY "quiesced:topology"
#define LABEL_DEVICE "quiesced:device"
#define LABEL_COPY_OF "quiesced:copy-of" /* in another region: the image that it is a copy of */
#define LABEL_VERIFIED "quiesced:verified" /* of an image: when it was proved, or "no" */
#define LABEL_VERIFY "quiesced:verify" /* of an instance: the image that it is to prove */

/* EC2 User Guide, "Tag restrictions": 256 Unicode characters; bytes are the safe count of them. */
#define LABEL_VALUE_MAX 256

/* After so long nobody resumes the job any more that has left something without its last label. */
#define LABEL_UNFINISHED_USEC (7 * 86400 * USEC_PER_SEC)

/* Of everything that the job makes, as soon as it is made: the record's `tags`. 0 or -ENOMEM. */
int labels_of_job(const Record *record, const Profile *profile, json_t **ret);

/* Of each volume, what a restore must know: the record's `contents`. 0 or -ENOMEM. */
int labels_of_volumes(const Plan *plan, const PlanInput *input, json_t **ret);

/* The class, the time and the rest that were measured; 0 or -ENOMEM. */
int labels_of_result(const Record *record, TagList *ret);

/* A JSON object of texts as tags, added to `tags`. */
int labels_add(TagList *tags, const json_t *object);
