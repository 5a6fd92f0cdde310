/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Objects of S3, one at a time. */

#include "aws/s3.h"
#include "aws/tags.h"

/* EC2 may read it: a bundle of an image. */
#define S3_ACL_EXEC_READ "aws-exec-read"

typedef struct S3Upload {
        const char *key;
        const void *body;
        size_t size;
        const char *content_type; /* or NULL */
        const char *acl;          /* S3_ACL_EXEC_READ; or NULL */
} S3Upload;

/* Replaces what is there. 0 and the common outcomes. */
int s3_put_object(S3Bucket *bucket, const S3Upload *upload, ApiError *reterr);

/* All of it into `ret`, if it has no more than `most` bytes. 0, NOT_FOUND, TOO_LARGE, common. */
int s3_get_object(S3Bucket *bucket, const char *key, size_t most, Text *ret, ApiError *reterr);

typedef struct S3Head {
        uint64_t size_bytes;
        char etag[64]; /* with its quotes */
} S3Head;

/* 0, NOT_FOUND (also when the bucket is not there), and the common outcomes. */
int s3_head_object(S3Bucket *bucket, const char *key, S3Head *ret, ApiError *reterr);

/* 0, NOT_FOUND, and the common outcomes. */
int s3_get_object_tags(S3Bucket *bucket, const char *key, TagList *ret, ApiError *reterr);

/* 0, also when there is none, and the common outcomes. */
int s3_delete_object(S3Bucket *bucket, const char *key, ApiError *reterr);
