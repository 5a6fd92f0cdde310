/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Time for programs that link libc alone. */

#include <stdint.h>
#include <time.h>

/* CLOCK_BOOTTIME: never steps, counts while suspended, and is the same for client and freezer. */
static inline uint64_t moment_usec(void)
{
        struct timespec now = { 0 };

        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static inline struct timespec moment_timespec(uint64_t usec)
{
        return (struct timespec){
                .tv_sec = (time_t)(usec / 1000000),
                .tv_nsec = (long)(usec % 1000000) * 1000,
        };
}

static inline void moment_sleep(uint64_t usec)
{
        struct timespec span = moment_timespec(usec);

        (void)nanosleep(&span, NULL);
}
