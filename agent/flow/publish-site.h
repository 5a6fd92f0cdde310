/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A region in which something is published: the image or the snapshots, or a copy of the image. */

#include "flow/bake.h"

typedef struct Site {
        const char *region;
        bool is_home; /* what was made, where it was made; the client is the bake's */
        AwsClient *client; /* of EC2 in that region */
        const char *image_id; /* NULL: a set of snapshots */
        StringList snapshots;
} Site;

void site_done(Site *site);

/* Of the region itself, or of the copy that is on record for it. 0, or -errno and a failure. */
int site_open(Bake *bake, const char *region, Site *ret);

/*
 * Everything but the parameter, step by step: what is refused goes on record. 0, or a negative
 * errno and a failure when the job cannot go on.
 */
int site_publish(Bake *bake, const Site *site);

/* The parameter alone, likewise. */
int site_announce(Bake *bake, const Site *site);

/* Whether launches there have all that they need, so that the parameter may name the image. */
bool site_can_be_launched(const Bake *bake, const Site *site);
