/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What earlier jobs made goes away: images with their snapshots or bundles, snapshots and bundles alone, and instances that
 * were to prove an image. All of it is on record first, in `removal`, so that a job which was
 * interrupted is finished by whoever resumes it:
 *
 *      "images": [{"id", and once it was read "name", "snapshots": [ids], and "bundle": BUCKET/KEY of
 *                the manifest, if its root lies in S3}]
 *      "snapshots": [{"id", "set": the job that made it, where they go together}]
 *      "bundles": [{"id": BUCKET/KEY of a manifest that no image is registered from}]
 *      "instances": [{"id"}]
 *      "override": ["protected", "locked"]: what is lifted instead of respected
 *      "kept": of retention: how many were not given up
 *
 * Further members of the entries say how far each is, see removal-entry.h.
 */

#include "flow/bake.h"

/* Ids in one request, and their length together: what they come to has to fit into a record. */
#define REMOVAL_IDS_MAX 2500
#define REMOVAL_BYTES_MAX (256 * 1024)

/*
 * How many ids an image with so many snapshots comes to: these are on record three times once it
 * goes, and eight of them take as much as it does.
 */
static inline size_t removal_count_ids(size_t n_snapshots)
{
        return 1 + n_snapshots / 8;
}

/*
 * Works the record off and ends it; what retention has chosen is looked at again before it goes,
 * see flow/reconsider.h. 0 when all is gone; what another image uses stays, and is named in the
 * details. Otherwise a negative errno and a failure: LeftOver names what stays and why, and leaves
 * the record unfinished, to be tried again; what may never go has failed by its name.
 */
int removal_run(Bake *bake, bool is_retention);

/*
 * The end of one that `error` kept from its work. After a cancel the record is ended as well, but for
 * what is half gone: that is tried again, as above. `error`, or another negative errno and a failure.
 */
int removal_give_up(Bake *bake, bool is_retention, int error);

/*
 * Takes out of a record's removal whatever is gone or untouched. False if nothing is left: true if
 * there are images that are gone and have snapshots, or sets of which some are gone, which is for
 * whoever resumes the record.
 */
bool removal_keep_half(json_t *record);

typedef struct Removal Removal;

/* The same for a removal whose locks are read. */
int removal_work(Removal *removal);
