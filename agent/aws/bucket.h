/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How fast one client calls one service, so that a long job leaves room for whoever else works in
 * the account: a token bucket. Pure, so that it can be tested and simulated.
 *
 * EC2 has one for each action, in each account and region ("Request throttling for the Amazon EC2
 * API", in its developer guide): for what only reads it holds 100 tokens and gets 20 a second, or
 * 50 and 10 where neither a filter nor pages are asked for; for what changes something 50 and 5 as a
 * rule. The smaller numbers are ours, and all actions of a kind share a bucket. Who is throttled
 * all the same halves its rate and has no token left; every answer after that gives a twentieth of
 * the full rate back.
 */

#include <stdint.h>

typedef struct Bucket {
        int64_t level; /* in billionths of a token; a debt while negative */
        uint64_t filled_usec; /* when the level was last brought up to date */
        uint32_t capacity; /* tokens */
        uint32_t rate; /* thousandths of a token a second */
        uint32_t full_rate;
} Bucket;

/* Of calls that only read, and of the others. Times as clock_usec(). */
#define BUCKET_READ_CAPACITY 50
#define BUCKET_READ_RATE 10000
#define BUCKET_WRITE_CAPACITY 50
#define BUCKET_WRITE_RATE 5000

/* Full; `rate` in thousandths of a token a second. */
void bucket_init(Bucket *bucket, uint32_t capacity, uint32_t rate, uint64_t now_usec);

/* Takes a token, of those to come if there is none; how long to wait until it is there. */
uint64_t bucket_take(Bucket *bucket, uint64_t now_usec);

/* What the service has said to a call: that there are too many, or anything else. */
void bucket_slow_down(Bucket *bucket, uint64_t now_usec);
void bucket_speed_up(Bucket *bucket, uint64_t now_usec);
