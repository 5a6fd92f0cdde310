/* SPDX-License-Identifier: Apache-2.0 */
/* Strings from mount points, labels and messages, made fit for a terminal; sizes and times. */

#include "cli/display.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <wchar.h>
#include <wctype.h>

#include "base/clock.h"
#include "base/text.h"

static const char short_escapes[] = { '\a', 'a', '\b', 'b', '\t', 't', '\n', 'n', '\v', 'v', '\f',
        'f', '\r', 'r', '\\', '\\' };

static int text_add_escaped_byte(Text *text, unsigned char byte)
{
        for (size_t i = 0; i < ELEMENTSOF(short_escapes); i += 2)
                if (byte == (unsigned char)short_escapes[i])
                        return text_addf(text, "\\%c", short_escapes[i + 1]);
        return text_addf(text, "\\x%02x", byte);
}

/*
 * Bidirectional controls are printable to iswprint(3), but reorder what stands around them on the
 * screen (Unicode Standard Annex 9), so that a mount point could pose as another column.
 */
static bool character_reorders(wchar_t character)
{
        return character == 0x061c || (character >= 0x200e && character <= 0x200f) ||
                (character >= 0x202a && character <= 0x202e) ||
                (character >= 0x2066 && character <= 0x2069);
}

static bool character_is_plain(wchar_t character)
{
        return character != L'\\' && iswprint((wint_t)character) && wcwidth(character) >= 0 &&
                !character_reorders(character);
}

static int text_add_escaped(Text *text, const char *bytes, size_t size)
{
        for (size_t i = 0; i < size; i++) {
                int r = text_add_escaped_byte(text, (unsigned char)bytes[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

int display_escape(const char *string, char **ret)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        const char *end = string + strlen(string);
        int r;

        while (string < end) {
                mbstate_t state = { 0 };
                wchar_t character;
                size_t size = mbrtowc(&character, string, (size_t)(end - string), &state);
                bool whole = size <= (size_t)(end - string);

                if (!whole)
                        size = 1;
                if (whole && character_is_plain(character))
                        r = text_add_bytes(&text, string, size);
                else
                        r = text_add_escaped(&text, string, size);
                if (r < 0)
                        return r;
                string += size;
        }
        return text_take(&text, ret);
}

int display_print(const char *format, ...)
{
        _cleanup_(freep) char *line = NULL, *escaped = NULL;
        va_list list;
        int length;

        va_start(list, format);
        length = vasprintf(&line, format, list);
        va_end(list);
        if (length < 0) {
                line = NULL;
                return -ENOMEM;
        }
        if (display_escape(line, &escaped) < 0)
                return -ENOMEM;
        printf("%s\n", escaped);
        return 0;
}

/* Width and size of the character at the start; a broken byte counts as one column. */
static unsigned character_width(const char *string, size_t *ret_size)
{
        mbstate_t state = { 0 };
        wchar_t character;
        size_t size = mbrtowc(&character, string, MB_LEN_MAX, &state);
        int width;

        if (size == 0 || size > MB_LEN_MAX) {
                *ret_size = 1;
                return 1;
        }
        *ret_size = size;
        width = wcwidth(character);
        return width < 0 ? 1 : (unsigned)width;
}

unsigned display_width(const char *string)
{
        unsigned width = 0;

        while (*string) {
                size_t size;

                width += character_width(string, &size);
                string += size;
        }
        return width;
}

void display_truncate(char *string, unsigned columns)
{
        unsigned width = 0;

        while (*string) {
                size_t size;

                width += character_width(string, &size);
                if (width > columns) {
                        *string = '\0';
                        return;
                }
                string += size;
        }
}

int display_bytes(uint64_t bytes, char **ret)
{
        static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
        double value = (double)bytes;
        size_t unit = 0;

        if (bytes < 1024)
                return string_printf(ret, "%u B", (unsigned)bytes);
        /* 1023.95 would print as "1024.0". */
        for (value /= 1024; value >= 1023.95; value /= 1024)
                unit++;
        return string_printf(ret, "%.1f %s", value, units[unit]);
}

int display_time(uint64_t realtime_usec, char **ret)
{
        char stamp[TIMESTAMP_MAX];

        if (realtime_usec == 0)
                return string_printf(ret, "-");
        timestamp_format(realtime_usec, stamp);
        return string_printf(ret, "%.10s %.8s UTC", stamp, stamp + strcspn(stamp, "T") + 1);
}

int display_age(uint64_t usec, char **ret)
{
        uint64_t minutes = usec / (60 * USEC_PER_SEC);

        if (minutes >= 24 * 60)
                return string_printf(ret, "%u d", (unsigned)(minutes / (24 * 60)));
        if (minutes >= 60)
                return string_printf(ret, "%u h", (unsigned)(minutes / 60));
        return string_printf(ret, "%u min", (unsigned)minutes);
}

int display_strings(const json_t *array, char **ret)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        const json_t *value;
        size_t i;

        json_array_foreach(array, i, value) {
                const char *string = json_string_value(value);

                if (string && text_addf(&text, "%s%s", text.length > 0 ? " " : "", string) < 0)
                        return -ENOMEM;
        }
        return text_take(&text, ret);
}
