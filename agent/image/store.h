/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A bundle on its way into a bucket: parts go up while the image is read, the manifest comes last.
 */

#include "aws/s3-upload.h"
#include "image/bundle.h"

#define BUNDLE_PART_TYPE "application/octet-stream"
#define BUNDLE_MANIFEST_TYPE "application/xml"

typedef struct StoreOrder {
        int image_fd;
        const BundleKeys *keys;
        RsaKey *private_key;    /* signs the manifest */
        S3Bucket *bucket;       /* its region is known (s3_bucket_check()) */
        const char *folder;     /* before the name of each object: "", or it ends in a slash */
        const TagList *tags;    /* of each object; or NULL */
        const PartWatch *watch; /* of the parts that are on their way; or NULL */
        ApiError *reterr;       /* what S3 says of an S3Outcome; or NULL */
        size_t *ret_leftovers;  /* how many parts of another run were deleted; or NULL */
        bool goes_on;           /* an earlier attempt with these keys may have sent some of it */
        bool removes_leftovers; /* parts of that name without a manifest go first */
        bool stays;             /* what was sent before a failure is left for the next attempt */
} StoreOrder;

/*
 * `manifest` has its name, its user, its architecture and the wrapped keys, and gets the rest; all
 * of `order` is the caller's. Unless it goes on, a bundle that has this name already is left alone,
 * and so are parts of that name without a manifest, unless they shall be removed: -EEXIST. Unless it
 * stays, nothing is left in the bucket after a failure, also after a cancel.
 *
 * 0; an S3Outcome, or a negative errno but -ENOMEM, with a sentence in `reterr_message`.
 */
int store_bundle(
        const StoreOrder *order, Manifest *manifest, S3UploadSum *ret, char **reterr_message);

/*
 * Adds the keys of all objects that are called as parts of the bundle `name` in `folder`, whether a
 * manifest is there or not. 0, an S3Outcome, or a negative errno.
 */
int store_find_parts(S3Bucket *bucket, const char *folder, const char *name, StringList *keys,
        ApiError *reterr);
