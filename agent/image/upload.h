/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A bundle that lies in a folder, on its way into a bucket. */

#include "aws/s3-upload.h"
#include "image/folder.h"

typedef struct UploadOrder {
        const FolderBundle *bundle;
        S3Bucket *bucket;
        const char *folder;     /* before the name of each object: "", or it ends in a slash */
        const TagList *tags;    /* of each object; or NULL */
        const PartWatch *watch; /* of the parts that are on their way; or NULL */
} UploadOrder;

/*
 * All of it is looked at before any of it is sent: the signature, the digests. Another bundle of
 * this name is left alone: -EEXIST. What was sent before a failure stays, without a manifest, for
 * the next attempt, which sends no part twice.
 *
 * 0; an S3Outcome, or a negative errno but -ENOMEM, with a sentence in `reterr_message`.
 */
int upload_bundle(
        const UploadOrder *order, Manifest *ret, S3UploadSum *ret_sum, char **reterr_message);
