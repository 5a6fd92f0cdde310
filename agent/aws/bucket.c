/* SPDX-License-Identifier: Apache-2.0 */
/* How fast one client calls one service: a token bucket. */

#include "aws/bucket.h"

#include "base/clock.h"

#define TOKEN INT64_C(1000000000)
#define STEPS 20 /* from the slowest rate to the full one, and the part of it that is the slowest */

/* Any bucket is full by then; what is longer would only overflow. */
#define FILL_USEC_MAX (3600 * USEC_PER_SEC)

void bucket_init(Bucket *bucket, uint32_t capacity, uint32_t rate, uint64_t now_usec)
{
        *bucket = (Bucket){
                .level = capacity * TOKEN,
                .filled_usec = now_usec,
                .capacity = capacity,
                .rate = rate,
                .full_rate = rate,
        };
}

static void bucket_fill(Bucket *bucket, uint64_t now_usec)
{
        uint64_t usec = now_usec > bucket->filled_usec ? now_usec - bucket->filled_usec : 0;
        int64_t most = bucket->capacity * TOKEN;

        if (usec > FILL_USEC_MAX)
                usec = FILL_USEC_MAX;
        bucket->filled_usec = now_usec;
        bucket->level += (int64_t)(usec * bucket->rate);
        if (bucket->level > most)
                bucket->level = most;
}

uint64_t bucket_take(Bucket *bucket, uint64_t now_usec)
{
        bucket_fill(bucket, now_usec);
        bucket->level -= TOKEN;
        if (bucket->level >= 0)
                return 0;
        return ((uint64_t)-bucket->level + bucket->rate - 1) / bucket->rate;
}

void bucket_slow_down(Bucket *bucket, uint64_t now_usec)
{
        uint32_t least = bucket->full_rate / STEPS;

        bucket_fill(bucket, now_usec);
        bucket->rate = bucket->rate / 2 > least ? bucket->rate / 2 : least;
        if (bucket->level > 0)
                bucket->level = 0;
}

void bucket_speed_up(Bucket *bucket, uint64_t now_usec)
{
        bucket_fill(bucket, now_usec);
        bucket->rate += bucket->full_rate / STEPS;
        if (bucket->rate > bucket->full_rate)
                bucket->rate = bucket->full_rate;
}
