/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Objects of S3, many at a time: listed page by page, and deleted by the thousand. */

#include "aws/s3.h"

typedef struct S3Object {
        const char *key;
        uint64_t size_bytes;
        uint64_t modified_usec; /* realtime; 0 if S3 does not say */
        const char *etag;       /* with its quotes; "" if S3 does not say */
        const char *version;    /* of s3_list_versions(); else NULL */
        bool is_marker;         /* likewise: no object, but the word that there is none any more */
} S3Object;

/* 0 or a negative errno, which ends the listing. */
typedef int (*S3OnObject)(void *userdata, const S3Object *object);

/* All whose key begins with `prefix`, in the order of their bytes. 0 and the common outcomes. */
int s3_list_objects(S3Bucket *bucket, const char *prefix, S3OnObject on_object, void *userdata,
        ApiError *reterr);

/*
 * Likewise all versions, and markers of deletions. In a bucket that was never versioned, what is
 * there is its own only version, "null". Of one key the versions come newest first, but between
 * them and the markers no order is promised.
 */
int s3_list_versions(S3Bucket *bucket, const char *prefix, S3OnObject on_object, void *userdata,
        ApiError *reterr);

/* S3 deletes so many in one call. */
#define S3_DELETE_MAX 1000

/*
 * Deletes any number of objects; one that is not there counts as deleted. Keys that S3 refuses to
 * delete go into `ret_refused`, and the first one's reason into `reterr`. 0: all are gone; REFUSED
 * or DENIED: some are left, and `ret_refused` names them; the common outcomes, where it may be
 * empty.
 */
int s3_delete_objects(
        S3Bucket *bucket, const StringList *keys, StringList *ret_refused, ApiError *reterr);

/* Likewise versions for good: versions->items[i] is of keys->items[i]. */
int s3_delete_versions(S3Bucket *bucket, const StringList *keys, const StringList *versions,
        StringList *ret_refused, ApiError *reterr);
