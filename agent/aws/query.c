/* SPDX-License-Identifier: Apache-2.0 */
/* The form that the Query protocol sends: Action=...&Version=...&Filter.1.Name=... */

#include "aws/query.h"

#include <inttypes.h>
#include <stdarg.h>

#include "aws/uri.h"

void query_done(Query *query)
{
        text_done(&query->form);
        *query = QUERY_INIT;
}

void query_begin(Query *query, const char *action, const char *version)
{
        query_done(query);
        query_add(query, "Action", action);
        query_add(query, "Version", version);
}

void query_add(Query *query, const char *key, const char *value)
{
        int r = 0;

        if (!value || query->error < 0)
                return;
        if (query->form.length > 0)
                r = text_add(&query->form, "&");
        if (r >= 0)
                r = uri_encode(&query->form, key, URI_COMPONENT);
        if (r >= 0)
                r = text_add(&query->form, "=");
        if (r >= 0)
                r = uri_encode(&query->form, value, URI_COMPONENT);
        query->error = r;
}

void query_add_bool(Query *query, const char *key, bool value)
{
        query_add(query, key, value ? "true" : "false");
}

void query_add_u64(Query *query, const char *key, uint64_t value)
{
        char digits[24];

        (void)snprintf(digits, sizeof(digits), "%" PRIu64, value);
        query_add(query, key, digits);
}

void query_addf(Query *query, const char *value, const char *key_format, ...)
{
        char *key = NULL;
        va_list arguments;
        int n;

        va_start(arguments, key_format);
        n = vasprintf(&key, key_format, arguments);
        va_end(arguments);
        if (n < 0) {
                query->error = -ENOMEM;
                return;
        }
        query_add(query, key, value);
        free(key);
}

void query_add_list(Query *query, const char *key, const StringList *values)
{
        for (size_t i = 0; values && i < values->count; i++)
                query_addf(query, values->items[i], "%s.%zu", key, i + 1);
}

void query_add_filter(Query *query, unsigned index, const char *name, const char *value)
{
        query_addf(query, name, "Filter.%u.Name", index);
        query_addf(query, value, "Filter.%u.Value.1", index);
}

void query_add_filter_list(Query *query, unsigned index, const char *name, const StringList *values)
{
        query_addf(query, name, "Filter.%u.Name", index);
        for (size_t i = 0; i < values->count; i++)
                query_addf(query, values->items[i], "Filter.%u.Value.%zu", index, i + 1);
}

int query_finish(const Query *query)
{
        return query->error;
}
