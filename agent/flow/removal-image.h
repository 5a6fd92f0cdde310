/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* An image that goes away with its snapshots, or with its bundle. */

#include "flow/removal-entry.h"

/*
 * Whether an image may be removed at all. 0; -EPERM with the kind and the reason: it is another
 * account's, is protected, or has a bundle that nobody can make out; REMOVAL_E_LEFT with both where
 * it may be another time; or another negative errno.
 */
int removal_judge_image(
        Removal *removal, const Ec2Image *image, FailureKind *reterr_kind, char **reterr_reason);

/* What the image was goes on record: its name, and the snapshots that its mapping names. */
int removal_note_image(json_t *entry, const Ec2Image *image);

/*
 * The same for an entry that nothing is known of yet, once it was judged: else it is left, or
 * refused. What lies in S3 is not judged by what EC2 says, and is learned when its turn comes. 0
 * or -ENOMEM.
 */
int removal_learn_image(Removal *removal, json_t *entry, const Ec2Image *image);

/*
 * What was skipped is looked at once more, for some seconds: where two hosts have deregistered two
 * images of one snapshot, each may have seen the other's still. 0, or a negative errno and a
 * failure.
 */
int removal_delete_skipped(Removal *removal);

/* All entries of "images". 0, or a negative errno and a failure. */
int removal_remove_images(Removal *removal);
