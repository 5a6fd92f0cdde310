/* SPDX-License-Identifier: Apache-2.0 */
/* Whether, and when, a call that failed is made again: pure, so that the table can be tested. */

#include "aws/retry.h"

#include <sys/random.h>

#include "base/clock.h"

typedef struct Backoff {
        uint64_t least_usec;
        uint64_t first_usec; /* bound of the random part after the first failure; then doubled */
        uint64_t most_usec;
        unsigned max_attempts; /* 0: never again */
} Backoff;

/* 15 s: "wait at least 15 seconds between concurrent volume snapshots" (EC2's error codes page). */
static const Backoff backoffs[API_ERROR_CLASS_MAX] = {
        [API_ERROR_TRANSIENT] = { 0, 100 * USEC_PER_MSEC, 5 * USEC_PER_SEC, 8 },
        [API_ERROR_THROTTLED] = { 0, 500 * USEC_PER_MSEC, 20 * USEC_PER_SEC, 10 },
        [API_ERROR_VOLUME_RATE] = { 15 * USEC_PER_SEC, 2 * USEC_PER_SEC, 8 * USEC_PER_SEC, 4 },
        [API_ERROR_NOT_FOUND] = { 0, 500 * USEC_PER_MSEC, 10 * USEC_PER_SEC, 60 },
};

static const Backoff patient = { 0, 500 * USEC_PER_MSEC, 3600 * USEC_PER_SEC, UINT32_MAX };

void retry_init(Retry *retry, uint64_t now_usec, bool retries_not_found)
{
        *retry = (Retry){
                .deadline_usec =
                        now_usec + (retries_not_found ? RETRY_FRESH_SPAN_USEC : RETRY_SPAN_USEC),
                .retries_not_found = retries_not_found,
        };
}

void retry_be_patient(Retry *retry, uint64_t until_usec)
{
        retry->patient_usec = until_usec;
}

uint32_t retry_random(void)
{
        uint32_t bits;

        if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != sizeof(bits))
                bits = (uint32_t)(clock_usec() * 2654435761u);
        return bits;
}

static uint64_t backoff_bound(const Backoff *backoff, unsigned n_attempts)
{
        uint64_t bound = backoff->first_usec;

        for (unsigned i = 1; i < n_attempts && bound < backoff->most_usec; i++)
                bound *= 2;
        return bound < backoff->most_usec ? bound : backoff->most_usec;
}

/* With new keys or the right time it works at once, or never. */
static int retry_stale(Retry *retry, uint64_t *ret_wait_usec)
{
        if (retry->was_stale)
                return RETRY_E_GIVE_UP;
        retry->was_stale = true;
        *ret_wait_usec = 0;
        return 0;
}

int retry_next(Retry *retry, ApiErrorClass class, uint64_t now_usec, uint32_t random,
        uint64_t *ret_wait_usec)
{
        bool is_patient = class == API_ERROR_THROTTLED && retry->patient_usec > 0;
        const Backoff *backoff;
        uint64_t wait;

        if (class < 0 || class >= API_ERROR_CLASS_MAX)
                return RETRY_E_GIVE_UP;
        retry->n_attempts++;
        if (class == API_ERROR_STALE)
                return retry_stale(retry, ret_wait_usec);
        if (class == API_ERROR_NOT_FOUND && !retry->retries_not_found)
                return RETRY_E_GIVE_UP;
        backoff = is_patient ? &patient : &backoffs[class];
        if (retry->n_attempts >= backoff->max_attempts)
                return RETRY_E_GIVE_UP;
        wait = backoff->least_usec +
                (backoff_bound(backoff, retry->n_attempts) * random >> 32);
        if (now_usec + wait > (is_patient ? retry->patient_usec : retry->deadline_usec))
                return RETRY_E_GIVE_UP;
        *ret_wait_usec = wait;
        return 0;
}
