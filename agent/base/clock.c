/* SPDX-License-Identifier: Apache-2.0 */
/* Times: microseconds since boot for spans, seconds since the epoch for what people and AWS read. */

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static uint64_t read_clock(clockid_t clock)
{
        struct timespec now;

        if (clock_gettime(clock, &now) < 0)
                return 0;
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_usec(void)
{
        return read_clock(CLOCK_BOOTTIME);
}

uint64_t clock_realtime_usec(void)
{
        return read_clock(CLOCK_REALTIME);
}

void clock_sleep_usec(uint64_t usec)
{
        struct timespec rest = {
                .tv_sec = (time_t)(usec / USEC_PER_SEC),
                .tv_nsec = (long)(usec % USEC_PER_SEC * 1000),
        };

        while (nanosleep(&rest, &rest) < 0 && errno == EINTR)
                ;
}

void timestamp_format(uint64_t realtime_usec, char *ret)
{
        time_t seconds = (time_t)(realtime_usec / USEC_PER_SEC);
        struct tm parts;

        if (!gmtime_r(&seconds, &parts) ||
                strftime(ret, TIMESTAMP_MAX, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
                *ret = '\0';
}

static int parts_to_usec(struct tm *parts, uint64_t usec, uint64_t *ret)
{
        time_t seconds = timegm(parts);

        if (seconds < 0)
                return -EINVAL;
        *ret = (uint64_t)seconds * USEC_PER_SEC + usec;
        return 0;
}

/* ".123" at the cursor as microseconds; nothing there is 0. */
static const char *parse_fraction(const char *cursor, uint64_t *ret_usec)
{
        uint64_t weight = USEC_PER_SEC / 10, usec = 0;

        if (*cursor == '.')
                for (cursor++; *cursor >= '0' && *cursor <= '9'; cursor++, weight /= 10)
                        usec += (uint64_t)(*cursor - '0') * weight;
        *ret_usec = usec;
        return cursor;
}

int timestamp_parse(const char *string, uint64_t *ret_realtime_usec)
{
        struct tm parts = { 0 };
        const char *rest = strptime(string, "%Y-%m-%dT%H:%M:%S", &parts);
        uint64_t usec;

        if (!rest)
                return -EINVAL;
        rest = parse_fraction(rest, &usec);
        if (strcmp(rest, "Z") != 0 && strcmp(rest, "+00:00") != 0)
                return -EINVAL;
        return parts_to_usec(&parts, usec, ret_realtime_usec);
}

/* strptime's %a and %b follow the locale; HTTP's names are English. */
static int month_index(const char *name)
{
        static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

        for (int i = 0; i < 12; i++)
                if (strncmp(names + (size_t)i * 3, name, 3) == 0)
                        return i;
        return -1;
}

int timestamp_parse_http(const char *string, uint64_t *ret_realtime_usec)
{
        struct tm parts = { 0 };
        char month[4];

        if (sscanf(string, "%*3[A-Za-z], %2d %3s %4d %2d:%2d:%2d GMT", &parts.tm_mday, month,
                    &parts.tm_year, &parts.tm_hour, &parts.tm_min, &parts.tm_sec) != 6)
                return -EINVAL;
        parts.tm_mon = month_index(month);
        if (parts.tm_mon < 0)
                return -EINVAL;
        parts.tm_year -= 1900;
        return parts_to_usec(&parts, 0, ret_realtime_usec);
}
