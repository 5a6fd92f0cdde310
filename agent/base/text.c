/* SPDX-License-Identifier: Apache-2.0 */
/* Text: a growing buffer, and the parsing and printing of small values. */

#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>

#include "base/clock.h"

void text_done(Text *text)
{
        free(text->data);
        *text = TEXT_INIT;
}

int text_reserve(Text *text, size_t more)
{
        size_t needed, allocated;
        char *data;

        if (__builtin_add_overflow(text->length, more, &needed) ||
                __builtin_add_overflow(needed, 1, &needed))
                return -ENOMEM;
        if (needed <= text->allocated)
                return 0;
        allocated = needed < 128 ? 128 : needed + needed / 2;
        data = realloc(text->data, allocated);
        if (!data)
                return -ENOMEM;
        text->data = data;
        text->allocated = allocated;
        return 0;
}

int text_add_bytes(Text *text, const void *bytes, size_t size)
{
        int r = text_reserve(text, size);

        if (r < 0)
                return r;
        if (size > 0)
                memcpy(text->data + text->length, bytes, size);
        text->length += size;
        text->data[text->length] = '\0';
        return 0;
}

int text_add(Text *text, const char *string)
{
        return text_add_bytes(text, string, strlen(string));
}

int text_addf(Text *text, const char *format, ...)
{
        _cleanup_(freep) char *piece = NULL;
        va_list arguments;
        int n;

        va_start(arguments, format);
        n = vasprintf(&piece, format, arguments);
        va_end(arguments);
        if (n < 0) {
                piece = NULL;
                return -ENOMEM;
        }
        return text_add_bytes(text, piece, (size_t)n);
}

int text_take(Text *text, char **ret)
{
        int r = text_add_bytes(text, "", 0);

        if (r < 0)
                return r;
        *ret = text->data;
        *text = TEXT_INIT;
        return 0;
}

bool streq_ptr(const char *a, const char *b)
{
        return a == b || (a && b && streq(a, b));
}

const char *startswith(const char *string, const char *prefix)
{
        size_t length = strlen(prefix);

        return strncmp(string, prefix, length) == 0 ? string + length : NULL;
}

const char *endswith(const char *string, const char *suffix)
{
        size_t length = strlen(string), tail = strlen(suffix);

        return length >= tail && streq(string + length - tail, suffix) ? string + length - tail : NULL;
}

int string_replace(char **target, const char *value)
{
        char *copy = strdup(value);

        if (!copy)
                return -ENOMEM;
        free(*target);
        *target = copy;
        return 0;
}

int string_printf(char **ret, const char *format, ...)
{
        va_list arguments;
        char *string;
        int n;

        va_start(arguments, format);
        n = vasprintf(&string, format, arguments);
        va_end(arguments);
        if (n < 0)
                return -ENOMEM;
        *ret = string;
        return 0;
}

void hex_encode(const void *bytes, size_t size, char *ret)
{
        static const char digits[] = "0123456789abcdef";
        const unsigned char *byte = bytes;

        for (size_t i = 0; i < size; i++) {
                *ret++ = digits[byte[i] >> 4];
                *ret++ = digits[byte[i] & 0xf];
        }
        *ret = '\0';
}

int parse_u64(const char *string, uint64_t *ret)
{
        uint64_t value = 0;

        if (*string == '\0')
                return -EINVAL;
        for (; *string; string++) {
                if (*string < '0' || *string > '9')
                        return -EINVAL;
                if (__builtin_mul_overflow(value, 10, &value) ||
                        __builtin_add_overflow(value, (uint64_t)(*string - '0'), &value))
                        return -ERANGE;
        }
        *ret = value;
        return 0;
}

int parse_micro(const char *string, uint64_t *ret)
{
        const char *point = strchr(string, '.');
        const char *fraction = point ? point + 1 : "";
        size_t whole = point ? (size_t)(point - string) : strlen(string);
        char digits[32];

        if (whole == 0 || strlen(fraction) > 6 || (point && *fraction == '\0'))
                return -EINVAL;
        if (whole > 14)
                return -ERANGE;
        (void)snprintf(digits, sizeof(digits), "%.*s%s%.*s", (int)whole, string, fraction,
                (int)(6 - strlen(fraction)), "000000");
        return parse_u64(digits, ret);
}

int parse_boolean(const char *string, bool *ret)
{
        static const char *const yes[] = { "yes", "true", "on", "1" };
        static const char *const no[] = { "no", "false", "off", "0" };

        for (size_t i = 0; i < ELEMENTSOF(yes); i++) {
                if (strcasecmp(string, yes[i]) == 0 || strcasecmp(string, no[i]) == 0) {
                        *ret = strcasecmp(string, yes[i]) == 0;
                        return 0;
                }
        }
        return -EINVAL;
}

typedef struct Unit {
        const char *name;
        uint64_t usec;
} Unit;

/* Longer names first where one begins with another: "min" before "m", "ms" before "m". */
static const Unit units[] = {
        { "usec", 1 },
        { "us", 1 },
        { "msec", USEC_PER_MSEC },
        { "ms", USEC_PER_MSEC },
        { "seconds", USEC_PER_SEC },
        { "second", USEC_PER_SEC },
        { "sec", USEC_PER_SEC },
        { "s", USEC_PER_SEC },
        { "minutes", 60 * USEC_PER_SEC },
        { "minute", 60 * USEC_PER_SEC },
        { "min", 60 * USEC_PER_SEC },
        { "m", 60 * USEC_PER_SEC },
        { "hours", 3600 * USEC_PER_SEC },
        { "hour", 3600 * USEC_PER_SEC },
        { "hr", 3600 * USEC_PER_SEC },
        { "h", 3600 * USEC_PER_SEC },
        { "days", 86400 * USEC_PER_SEC },
        { "day", 86400 * USEC_PER_SEC },
        { "d", 86400 * USEC_PER_SEC },
        { "weeks", 7 * 86400 * USEC_PER_SEC },
        { "week", 7 * 86400 * USEC_PER_SEC },
        { "w", 7 * 86400 * USEC_PER_SEC },
};

/* The unit at the start of *cursor, which moves behind it; a bare number counts seconds. */
static int parse_unit(const char **cursor, uint64_t *ret_usec)
{
        size_t length = strspn(*cursor, "abcdefghijklmnopqrstuvwxyz");

        if (length == 0) {
                *ret_usec = USEC_PER_SEC;
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                if (strlen(units[i].name) != length ||
                        strncmp(*cursor, units[i].name, length) != 0)
                        continue;
                *cursor += length;
                *ret_usec = units[i].usec;
                return 0;
        }
        return -EINVAL;
}

static int parse_span_number(const char **cursor, uint64_t *ret)
{
        uint64_t value = 0;

        if (!isdigit((unsigned char)**cursor))
                return -EINVAL;
        for (; isdigit((unsigned char)**cursor); (*cursor)++) {
                if (__builtin_mul_overflow(value, 10, &value) ||
                        __builtin_add_overflow(value, (uint64_t)(**cursor - '0'), &value))
                        return -ERANGE;
        }
        *ret = value;
        return 0;
}

int parse_usec(const char *string, uint64_t *ret_usec)
{
        uint64_t total = 0, number, unit;
        int r;

        do {
                string += strspn(string, " ");
                r = parse_span_number(&string, &number);
                if (r < 0)
                        return r;
                string += strspn(string, " ");
                r = parse_unit(&string, &unit);
                if (r < 0)
                        return r;
                if (__builtin_mul_overflow(number, unit, &number) ||
                        __builtin_add_overflow(total, number, &total))
                        return -ERANGE;
                string += strspn(string, " ");
        } while (*string);
        *ret_usec = total;
        return 0;
}

int format_usec(uint64_t usec, char **ret)
{
        if (usec < USEC_PER_MSEC)
                return string_printf(ret, "%" PRIu64 "us", usec);
        if (usec < USEC_PER_SEC)
                return string_printf(ret, "%.1fms", (double)usec / 1e3);
        if (usec < 60 * USEC_PER_SEC)
                return string_printf(ret, "%.2fs", (double)usec / 1e6);
        usec /= USEC_PER_SEC;
        if (usec < 3600)
                return string_printf(ret, "%" PRIu64 "min %" PRIu64 "s", usec / 60, usec % 60);
        if (usec < 86400)
                return string_printf(ret, "%" PRIu64 "h %" PRIu64 "min", usec / 3600, usec / 60 % 60);
        return string_printf(ret, "%" PRIu64 "d %" PRIu64 "h", usec / 86400, usec / 3600 % 24);
}
