/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Calls on a bucket several at a time: threads, each with a connection of its own that stays warm.
 * One task waits in a thread's place and no further: what tasks hold in memory has a bound.
 */

#include "aws/s3.h"

#define S3_CREW_MAX 16

/* Both may be called by any thread of the crew, several at a time. */
typedef struct S3Work {
        /* 0, an S3Outcome, or a negative errno; `task` is gone then. */
        int (*run)(void *userdata, S3Bucket *bucket, void *task, ApiError *reterr);
        void (*drop)(void *task); /* one that is not run any more; NULL: nothing is to be freed */
        void *userdata;
} S3Work;

typedef struct S3Crew S3Crew;

/* The bucket outlives it, and its region is known by some call before. 0 or a negative errno. */
int s3_crew_new(S3Bucket *bucket, unsigned n_threads, const S3Work *work, S3Crew **ret);

/* Breaks off what is under way. */
S3Crew *s3_crew_free(S3Crew *crew);
DEFINE_CLEANUP(S3Crew *, s3_crew_free)

/*
 * Takes the task over, whatever comes of it, once a thread is free; meanwhile the bucket's
 * `cancelled` is asked. 0, or what the first task to fail came to: all others are broken off then.
 */
int s3_crew_give(S3Crew *crew, void *task, ApiError *reterr);

/* Waits for all tasks: nothing is under way then. 0 or as above. No task is given after it. */
int s3_crew_finish(S3Crew *crew, ApiError *reterr);
