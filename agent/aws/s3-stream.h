/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Objects of S3 of any size, as their bytes come: none is held in memory. */

#include "aws/s3-object.h"

/* 0 or a negative errno, which ends it. */
typedef int (*S3OnBytes)(void *userdata, const void *bytes, size_t size);

/*
 * Each byte once and in order, if there are no more than `most`: a connection that breaks is taken
 * up again where it broke, as long as the object is the same (its ETag). 0, NOT_FOUND, TOO_LARGE
 * (nothing, or `most` bytes at most, came before), the common outcomes, or a negative errno.
 */
int s3_stream_object(S3Bucket *bucket, const char *key, uint64_t most, S3OnBytes on_bytes,
        void *userdata, ApiError *reterr);

/* Into a file, from where its offset is. Also what write(2) says. */
int s3_save_object(S3Bucket *bucket, const char *key, uint64_t most, int fd, ApiError *reterr);

/*
 * HEAD of each, several at once; ret[i] is of keys->items[i], with a size of UINT64_MAX for one
 * that is not there. The bucket's region is known by some call before. 0 or the common outcomes.
 */
int s3_head_objects(S3Bucket *bucket, const StringList *keys, S3Head *ret, ApiError *reterr);
