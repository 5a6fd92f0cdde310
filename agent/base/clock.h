/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Times: microseconds since boot for spans, seconds since the epoch for what people and AWS read. */

#include <stdint.h>
#include <time.h>

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_INFINITY UINT64_MAX

/* CLOCK_BOOTTIME: never steps, and counts while suspended. */
uint64_t clock_usec(void);

/* CLOCK_REALTIME. */
uint64_t clock_realtime_usec(void);

/* Sleeps the whole span, interrupted or not. */
void clock_sleep_usec(uint64_t usec);

#define TIMESTAMP_MAX 32

/* "2026-11-23T10:44:00Z"; `ret` holds TIMESTAMP_MAX bytes. */
void timestamp_format(uint64_t realtime_usec, char *ret);

/* The same, with an optional fraction, as EC2 and the metadata service write it; 0 or -EINVAL. */
int timestamp_parse(const char *string, uint64_t *ret_realtime_usec);

/* "Mon, 23 Nov 2026 10:44:00 GMT", an HTTP Date (RFC 9110 5.6.7); 0 or -EINVAL. */
int timestamp_parse_http(const char *string, uint64_t *ret_realtime_usec);
