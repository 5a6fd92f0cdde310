/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Many objects go up while more of them are made: several at once, of which no more are held in
 * memory than there are connections. What is there already from an earlier attempt is left alone.
 */

#include "aws/s3-object.h"

/*
 * A connection to S3 carries some 85 to 90 MB/s ("Performance guidelines" of the S3 User Guide), so
 * that these fill what an instance's network has; each holds one object of 10 MiB.
 */
#define S3_UPLOAD_CONNECTIONS 4

typedef struct S3UploadConfig {
        const char *acl;          /* of each object: S3_ACL_EXEC_READ; or NULL */
        const char *content_type; /* or NULL */
        const TagList *tags;      /* or NULL */
        unsigned connections;     /* S3_CREW_MAX at most; 0: S3_UPLOAD_CONNECTIONS */
} S3UploadConfig;

typedef struct S3UploadSum {
        uint64_t n_sent;
        uint64_t sent_bytes;
        uint64_t n_skipped; /* that were there already */
} S3UploadSum;

typedef struct S3Upload S3Upload;

/* The bucket outlives it, and its region is known (s3_bucket_check()). 0 or a negative errno. */
int s3_upload_new(S3Bucket *bucket, const S3UploadConfig *config, S3Upload **ret);

/* Breaks off what is under way; what is in the bucket stays there. */
S3Upload *s3_upload_free(S3Upload *upload);
DEFINE_CLEANUP(S3Upload *, s3_upload_free)

/*
 * Before the first part: takes note of what lies below `prefix`, by one listing, so that a part
 * that was put there by us with the same bytes is not sent again. 0, the common outcomes, or a negative errno.
 */
int s3_upload_resume(S3Upload *upload, const char *prefix, ApiError *reterr);

/*
 * Takes over `body`, which is from malloc(), whatever comes of it. Waits while all connections are
 * busy, and asks the bucket's `cancelled` meanwhile. 0; or the first failure of all that was given
 * so far, after which nothing more is sent: the common outcomes, or a negative errno.
 */
int s3_upload_part(S3Upload *upload, const char *key, void *body, size_t size, ApiError *reterr);

/* All that was given is there: 0, or as above. Nothing is under way any more, in either case. */
int s3_upload_finish(S3Upload *upload, S3UploadSum *ret, ApiError *reterr);

/*
 * Breaks off what is under way and deletes whatever was given, also what was there before and
 * skipped: for when nothing shall be left. As s3_delete_objects(), with `ret_refused`.
 */
int s3_upload_undo(S3Upload *upload, StringList *ret_refused, ApiError *reterr);
