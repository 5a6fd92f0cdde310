/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Objects of S3, one at a time. */

#include "aws/s3.h"
#include "aws/tags.h"

/* EC2 may read it: a bundle of an image. */
#define S3_ACL_EXEC_READ "aws-exec-read"

#define S3_DIGEST_BYTES 48

/* SHA-256 of an object, as its metadata and as the signature of a request have it. */
typedef struct S3Digest {
        char base64[S3_DIGEST_BYTES];
        char hex[S3_PAYLOAD_HASH_BYTES];
} S3Digest;

/* 0 or -EIO. */
int s3_digest(const void *body, size_t size, S3Digest *ret);

typedef struct S3Put {
        const char *key;
        const void *body;
        size_t size;
        const char *content_type; /* or NULL */
        const char *acl;          /* S3_ACL_EXEC_READ; or NULL */
        const TagList *tags;      /* 10 at most; or NULL */
        const S3Digest *digest;   /* of the body: is kept with it, since where a key of KMS encrypts
                                   * it, S3's ETag is no MD5; or NULL */
} S3Put;

/* "a=b&c=d", as the header x-amz-tagging has them. 0 or -ENOMEM. */
int s3_write_tags(const TagList *tags, char **ret);

/* What `put` says but its body, in S3_HEADERS_MAX at most; one of them lies in `ret_tagging`. */
int s3_put_headers(const S3Put *put, KeyValue *ret, size_t *ret_count, char **ret_tagging);

/* Replaces what is there. 0 and the common outcomes. */
int s3_put_object(S3Bucket *bucket, const S3Put *put, ApiError *reterr);

/* All of it into `ret`, if it has no more than `most` bytes. 0, NOT_FOUND, TOO_LARGE, common. */
int s3_get_object(S3Bucket *bucket, const char *key, size_t most, Text *ret, ApiError *reterr);

typedef struct S3Head {
        uint64_t size_bytes;
        char etag[64];                /* with its quotes */
        char digest[S3_DIGEST_BYTES]; /* or "" */
} S3Head;

/* 0, NOT_FOUND (also when the bucket is not there), and the common outcomes. */
int s3_head_object(S3Bucket *bucket, const char *key, S3Head *ret, ApiError *reterr);

/* `version` NULL: of the latest. 0, NOT_FOUND, and the common outcomes. */
int s3_get_object_tags(
        S3Bucket *bucket, const char *key, const char *version, TagList *ret, ApiError *reterr);

/* 0, also when there is none, and the common outcomes. */
int s3_delete_object(S3Bucket *bucket, const char *key, ApiError *reterr);

/* Likewise one version for good; NULL: as above. */
int s3_delete_version(S3Bucket *bucket, const char *key, const char *version, ApiError *reterr);
