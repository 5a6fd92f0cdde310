/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AWS Signature Version 4. The request goes in unencoded; the encoded target and the headers come
 * out of the same data that was signed, so that the two cannot differ.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

typedef struct KeyValue {
        const char *key;
        const char *value;
} KeyValue;

typedef enum SigV4Flags {
        SIGV4_ENCODE_PATH_TWICE = 1 << 0, /* every service but S3 */
        SIGV4_NORMALIZE_PATH = 1 << 1, /* every service but S3 */
        SIGV4_HASH_HEADER = 1 << 2, /* x-amz-content-sha256: S3 demands it */
        SIGV4_TOKEN_UNSIGNED = 1 << 3, /* the session token is added after signing */
} SigV4Flags;

#define SIGV4_FLAGS_S3 SIGV4_HASH_HEADER
#define SIGV4_FLAGS_DEFAULT (SIGV4_ENCODE_PATH_TWICE | SIGV4_NORMALIZE_PATH)

typedef struct SigV4Request {
        const char *method;
        const char *host; /* as in the Host header, with its port unless it is the default */
        const char *path; /* unencoded, begins with a slash */
        const KeyValue *query; /* unencoded */
        size_t n_query;
        const KeyValue *headers; /* all are sent; Expect, User-Agent, ... are not signed */
        size_t n_headers;
        const void *body;
        size_t body_size;
        const char *payload_hash; /* instead of the body's: "UNSIGNED-PAYLOAD", or one known */
} SigV4Request;

typedef struct SigV4Key {
        const char *access_key_id;
        const char *secret_access_key;
        const char *session_token; /* or NULL */
        const char *region;
        const char *service;
        uint64_t realtime_usec;
        SigV4Flags flags;
} SigV4Key;

typedef struct SigV4Signed {
        char *target; /* "/path?query", encoded: what stands in the request line */
        StringList headers; /* "Name: value", all of them */
        char *canonical_request;
        char *string_to_sign;
        char signature[65];
} SigV4Signed;

void sigv4_signed_done(SigV4Signed *made);

/* Signs in the Authorization header. 0, -ENOMEM, -EIO, -EINVAL (path, line break in a header). */
int sigv4_sign(const SigV4Request *request, const SigV4Key *key, SigV4Signed *ret);

/* Signs in the query ("pre-signed URL"), good for `expires_sec` (1 to 604800). Likewise. */
int sigv4_presign(const SigV4Request *request, const SigV4Key *key, unsigned expires_sec,
        SigV4Signed *ret);
