/* SPDX-License-Identifier: Apache-2.0 */
/* What shares a reason, on one line. */

#include "cli/reasons.h"

#include "base/json.h"
#include "base/text.h"
#include "cli/display.h"

static const char *reason_of(const json_t *entry)
{
        return json_get_string(entry, "reason", "no reason given");
}

static bool is_first_of_its_reason(const json_t *entries, size_t index)
{
        for (size_t i = 0; i < index; i++)
                if (streq(reason_of(json_array_get(entries, i)),
                            reason_of(json_array_get(entries, index))))
                        return false;
        return true;
}

static int print_line(const json_t *entries, size_t first, const char *key)
{
        const char *reason = reason_of(json_array_get(entries, first));
        _cleanup_(text_done) Text text = TEXT_INIT;
        _cleanup_(freep) char *line = NULL;
        int r = 0;

        for (size_t i = first; r >= 0 && i < json_array_size(entries); i++) {
                const json_t *entry = json_array_get(entries, i);

                if (streq(reason_of(entry), reason))
                        r = text_addf(&text, "%s%s", i > first ? ", " : "",
                                json_get_string(entry, key, "?"));
        }
        if (r >= 0)
                r = text_addf(&text, ": %s", reason);
        if (r >= 0)
                r = display_escape(text.data, &line);
        if (r >= 0)
                printf("  %s\n", line);
        return r;
}

int reasons_print(const json_t *entries, const char *key)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < json_array_size(entries); i++)
                if (is_first_of_its_reason(entries, i))
                        r = print_line(entries, i, key);
        return r;
}
