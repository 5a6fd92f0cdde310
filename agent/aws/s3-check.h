/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whether a bucket is fit for bundles, before any is made: it is asked, and nothing is changed. */

#include "aws/s3.h"

typedef enum S3Answer {
        S3_UNKNOWN, /* S3 does not tell, or must not */
        S3_NO,
        S3_YES,
} S3Answer;

typedef struct S3BucketState {
        S3Answer takes_acls;   /* s3:GetBucketOwnershipControls */
        S3Answer is_versioned; /* now, or once; s3:GetBucketVersioning */
        S3Answer is_locked;    /* Object Lock; s3:GetBucketObjectLockConfiguration */
} S3BucketState;

/*
 * Whether it is there and ours (s3:ListBucket), and the rest as far as it may be read; its region
 * is known afterwards, see s3_bucket_region(). 0, NOT_OURS, and the common outcomes.
 */
int s3_bucket_check(S3Bucket *bucket, S3BucketState *ret, ApiError *reterr);

/* That alone. 0 and the common outcomes; what may not be read is unknown. */
int s3_bucket_ask_versions(S3Bucket *bucket, S3Answer *ret, ApiError *reterr);

/*
 * What stands in the way of images that are registered in `region` from bundles in it, with its
 * remedy; *ret is NULL if nothing does. Pure. 0 or -ENOMEM.
 */
int s3_bucket_find_obstacle(
        const S3Bucket *bucket, const S3BucketState *state, const char *region, char **ret);

/* What whoever pays for it should know; *ret is NULL if there is nothing. Pure. 0 or -ENOMEM. */
int s3_bucket_find_remark(const S3BucketState *state, char **ret);
