/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whether, and when, a call that failed is made again: pure, so that the table can be tested. */

#include <stdbool.h>
#include <stdint.h>

#include "aws/api-error.h"

typedef struct Retry {
        uint64_t deadline_usec; /* no attempt begins after it */
        unsigned n_attempts; /* failed ones, so far */
        uint64_t patient_usec; /* until then while throttled; 0: as for all else */
        bool retries_not_found; /* what is asked for was just created */
        bool was_stale;
} Retry;

/* How long a call is tried in all, and how long one that may meet what is not visible yet. */
#define RETRY_SPAN_USEC (60 * UINT64_C(1000000))
#define RETRY_FRESH_SPAN_USEC (150 * UINT64_C(1000000))

void retry_init(Retry *retry, uint64_t now_usec, bool retries_not_found);

/*
 * For what has time, and may be one of thousands that begin together: while it is throttled, attempts
 * go on until that moment, and the bound of the waits doubles up to an hour. With waits that stay
 * short, more attempts are made than can ever be answered, and most of what is answered is lost on
 * those that get an answer to the dry run and then none to the call (tests/bench/bench-fleet.c).
 */
void retry_be_patient(Retry *retry, uint64_t until_usec);

enum {
        RETRY_E_GIVE_UP = 1,
};

/* Any 32 bits, for retry_next(), which is pure. */
uint32_t retry_random(void);

/*
 * After a failure of `class`: 0 and how long to wait, or RETRY_E_GIVE_UP. `random` is any 32 bits:
 * the wait lies between nothing and the bound of its attempt ("full jitter"), which doubles.
 */
int retry_next(Retry *retry, ApiErrorClass class, uint64_t now_usec, uint32_t random,
        uint64_t *ret_wait_usec);
