/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* S3: a bucket, in whichever region it lies, and what calls on it have in common. */

#include "aws/client.h"
#include "aws/xml.h"

/* "The common outcomes" are all but NOT_FOUND, NOT_OURS and TOO_LARGE. */
typedef enum S3Outcome {
        S3_E_REFUSED = AWS_E_REFUSED,
        S3_E_TIMEOUT = AWS_E_TIMEOUT,
        S3_E_LOST = AWS_E_LOST,
        S3_E_UNREACHABLE = AWS_E_UNREACHABLE,
        S3_E_NO_CREDENTIALS = AWS_E_NO_CREDENTIALS,
        S3_E_CANCELLED = AWS_E_CANCELLED,
        S3_E_NOT_FOUND, /* the key */
        S3_E_NO_BUCKET,
        S3_E_DENIED,    /* also: the bucket is not the account's whose it should be */
        S3_E_NOT_OURS,  /* of s3_bucket_check() only: that it is another account's is known */
        S3_E_ACLS_OFF,  /* the bucket takes no access control lists */
        S3_E_ELSEWHERE, /* sent from region to region */
        S3_E_TOO_LARGE, /* the object is larger than it may be */
        S3_E_MAX,
} S3Outcome;

typedef struct S3Bucket S3Bucket;

typedef struct S3BucketConfig {
        const char *name;
        const char *region; /* that is asked first; the bucket itself may lie elsewhere */
        const char *domain; /* of services; NULL: by the region */
        const char *owner;  /* an account: nothing is done in a bucket of another one; or NULL */
        CredentialsProvider *credentials;  /* outlives the bucket */
        bool (*cancelled)(void *userdata); /* asked before and during attempts; or NULL */
        void *userdata;
        uint64_t stall_usec; /* an attempt that stands still so long is given up; 0: 20 s */
} S3BucketConfig;

/* By S3's rules for names: what comes from outside goes into a host's name or a path. */
bool s3_bucket_name_is_valid(const char *name);

/*
 * AWS_ENDPOINT_URL_S3 and the like replace the address, see aws_client_new(). 0, -ENOMEM, or
 * -EINVAL with a message: also for a name that is none.
 */
int s3_bucket_new(const S3BucketConfig *config, S3Bucket **ret, char **reterr_message);

/* The same one, as far as it is known by now, with a connection of its own: for a thread. */
int s3_bucket_clone(
        const S3Bucket *bucket, bool (*cancelled)(void *userdata), void *userdata, S3Bucket **ret);
S3Bucket *s3_bucket_free(S3Bucket *bucket);
DEFINE_CLEANUP(S3Bucket *, s3_bucket_free)

const char *s3_bucket_name(const S3Bucket *bucket);

/* Whether its `cancelled` says so. */
bool s3_bucket_is_cancelled(const S3Bucket *bucket);

/* The time by S3's clock, as far as a reply has told it. */
uint64_t s3_bucket_realtime_usec(const S3Bucket *bucket);

/* False when it was cancelled meanwhile. */
bool s3_bucket_wait(const S3Bucket *bucket, uint64_t usec);

/* Where it lies, as far as that is known. */
const char *s3_bucket_region(const S3Bucket *bucket);

typedef struct S3Call {
        const char *method;
        const char *key; /* NULL: the bucket itself */
        const KeyValue *query;
        size_t n_query;
        const KeyValue *headers; /* S3_HEADERS_MAX at most */
        size_t n_headers;
        const void *body; /* goes with its MD5 and its SHA-256; or NULL */
        size_t body_size;
        const char *payload_hash; /* SHA-256 of the body in hexadecimal, if it is known; or NULL */
        uint64_t reply_max; /* see AwsCall; of a reply that goes to on_body it is a guess */
        HttpOnBody on_body; /* see AwsCall */
        bool any_owner;     /* whose it is does not matter */
        bool once;          /* after TIMEOUT and LOST the caller goes on in its own way */
        AwsJudge read;      /* of a reply that tells of success; or NULL */
        void *userdata;     /* for `read` and on_body */
} S3Call;

#define S3_HEADERS_MAX 6
#define S3_PAYLOAD_HASH_BYTES 65

/* How long one attempt to send or receive so many bytes may take, as long as any of them move. */
uint64_t s3_attempt_usec(uint64_t bytes);

/* With retries, and once more where the bucket turns out to be. 0, an S3Outcome, -ENOMEM, ... */
int s3_call(S3Bucket *bucket, const S3Call *call, ApiError *reterr);

/* For `read`: the document that a reply holds, if its root is that. 0, AWS_E_LOST or -ENOMEM. */
int s3_read_document(const HttpReply *reply, const char *root, Xml **ret, ApiError *reterr);

/* What went wrong and what to do about it, in words; 0 or -ENOMEM. */
int s3_explain(const S3Bucket *bucket, int outcome, const ApiError *error, char **ret);
