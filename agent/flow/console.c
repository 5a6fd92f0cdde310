/* SPDX-License-Identifier: Apache-2.0 */
/* What an instance wrote to its console. */

#include "flow/console.h"

#include "base/text.h"

/* systemctl(1), is-system-running: "initializing" is the longest; a longer one is none. */
#define STATE_BYTES_MAX 16

static int read_state(const char *text, char **ret)
{
        _cleanup_(freep) char *state = NULL;
        size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz");

        if (length == 0 || length > STATE_BYTES_MAX || text[length] != ')')
                return 0;
        state = strndup(text, length);
        return state ? string_replace(ret, state) : -ENOMEM;
}

int console_find_marker(
        const char *console, const char *instance_id, const char *image_id, char **ret_state)
{
        _cleanup_(freep) char *marker = NULL, *state = NULL;

        if (string_printf(&marker, "quiesced: %s runs %s (", instance_id, image_id) < 0)
                return -ENOMEM;
        for (const char *p = strstr(console, marker); p; p = strstr(p, marker)) {
                p += strlen(marker);
                if (read_state(p, &state) < 0)
                        return -ENOMEM;
        }
        *ret_state = TAKE_PTR(state);
        return 0;
}

/* The length of a sequence such as ESC [ 0 ; 32 m, by ECMA-48; 0 where there is none. */
static size_t measure_escape(const char *text)
{
        size_t length = 2;

        if (text[0] != '\x1b' || text[1] != '[')
                return 0;
        length += strspn(text + length, "0123456789;?:<=>!\"#$%&'()*+,-./ ");
        return text[length] ? length + 1 : length;
}

/* One line for people: bytes that are none of a text's stand as a '?'. */
static int clean(const char *line, size_t length, char **ret)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        const char *end = line + length;

        while (line < end && text.length < CONSOLE_LINE_MAX) {
                size_t skipped = measure_escape(line);
                unsigned char c = (unsigned char)*line;

                line += skipped > 0 ? skipped : 1;
                if (skipped > 0 || c == '\r' || c == '\b')
                        continue;
                if (text_addf(&text, "%c", c == '\t' ? ' ' : c < ' ' || c >= 0x7f ? '?' : c) < 0)
                        return -ENOMEM;
        }
        while (text.length > 0 && text.data[text.length - 1] == ' ')
                text.data[--text.length] = '\0';
        return text_take(&text, ret);
}

/* The beginning of the line that ends before `end`. */
static const char *line_start(const char *console, const char *end)
{
        while (end > console && end[-1] != '\n')
                end--;
        return end;
}

int console_tail(const char *console, size_t most, StringList *ret)
{
        _cleanup_(string_list_done) StringList reversed = STRING_LIST_INIT;
        const char *end = console + strlen(console), *start = end;

        for (; end > console && reversed.count < most; end = start > console ? start - 1 : start) {
                _cleanup_(freep) char *line = NULL;

                start = line_start(console, end);
                if (clean(start, (size_t)(end - start), &line) < 0 ||
                        (*line && string_list_add(&reversed, line) < 0))
                        return -ENOMEM;
        }
        for (size_t i = reversed.count; i > 0; i--)
                if (string_list_add(ret, reversed.items[i - 1]) < 0)
                        return -ENOMEM;
        return 0;
}
