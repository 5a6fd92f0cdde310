/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical request of Signature Version 4: what is hashed instead of the bytes sent. */

#include "aws/canonical.h"

#include <strings.h>

#include "aws/uri.h"
#include "base/list.h"

static void pair_list_done(PairList *pairs)
{
        for (size_t i = 0; i < pairs->count; i++) {
                free(pairs->items[i].key);
                free(pairs->items[i].value);
        }
        free(pairs->items);
        *pairs = (PairList){ 0 };
}

void canonical_done(Canonical *canonical)
{
        pair_list_done(&canonical->query);
        pair_list_done(&canonical->headers);
        free(canonical->signed_headers);
        *canonical = (Canonical){ 0 };
}

/* Takes both strings, also when it fails; either may be NULL: memory was out before. */
static int pair_list_add(PairList *pairs, char *key, char *value)
{
        Pair *pair = key && value ? ARRAY_ADD(pairs->items, pairs->count) : NULL;

        if (!pair) {
                free(key);
                free(value);
                return -ENOMEM;
        }
        *pair = (Pair){ .key = key, .value = value, .position = pairs->count };
        return 0;
}

static char *encode(const char *string)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        char *taken = NULL;

        if (uri_encode(&text, string, URI_COMPONENT) < 0 || text_take(&text, &taken) < 0)
                return NULL;
        return taken;
}

int canonical_add_query(Canonical *canonical, const char *key, const char *value)
{
        return pair_list_add(&canonical->query, encode(key), encode(value));
}

static char *lower(const char *string)
{
        char *copy = strdup(string);

        for (char *p = copy; p && *p; p++)
                if (*p >= 'A' && *p <= 'Z')
                        *p = (char)(*p - 'A' + 'a');
        return copy;
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

/* Without blanks at the ends, and one for each run of them inside. */
static char *fold_blanks(const char *value)
{
        char *folded = strdup(value), *out = folded;

        if (!folded)
                return NULL;
        for (value += strspn(value, " \t"); *value; value++)
                if (!is_blank(*value))
                        *out++ = *value;
                else if (value[1] && !is_blank(value[1]))
                        *out++ = ' ';
        *out = '\0';
        return folded;
}

static bool header_is_signed(const char *name)
{
        static const char *const unsigned_headers[] = { "authorization", "connection", "expect",
                "transfer-encoding", "user-agent", "x-amzn-trace-id" };

        for (size_t i = 0; i < ELEMENTSOF(unsigned_headers); i++)
                if (strcasecmp(name, unsigned_headers[i]) == 0)
                        return false;
        return true;
}

int canonical_add_header(Canonical *canonical, const char *name, const char *value)
{
        if (strpbrk(name, "\r\n:") || strpbrk(value, "\r\n"))
                return -EINVAL;
        if (!header_is_signed(name))
                return 0;
        return pair_list_add(&canonical->headers, lower(name), fold_blanks(value));
}

static int compare_query(const void *a, const void *b)
{
        const Pair *one = a, *other = b;
        int order = strcmp(one->key, other->key);

        return order != 0 ? order : strcmp(one->value, other->value);
}

static int compare_headers(const void *a, const void *b)
{
        const Pair *one = a, *other = b;
        int order = strcmp(one->key, other->key);

        if (order != 0)
                return order;
        return one->position < other->position ? -1 : one->position > other->position;
}

/* "a" and "b" of one name become "a,b"; the second pair is empty afterwards. */
static int pair_join(Pair *into, Pair *from)
{
        char *joined;

        if (string_printf(&joined, "%s,%s", into->value, from->value) < 0)
                return -ENOMEM;
        free(into->value);
        into->value = joined;
        free(from->key);
        free(from->value);
        *from = (Pair){ 0 };
        return 0;
}

/* Of sorted headers; values of one name stand in the order in which they are sent. */
static int merge_headers(PairList *headers)
{
        size_t kept = 0;

        for (size_t i = 1; i < headers->count; i++) {
                Pair *into = &headers->items[kept], *from = &headers->items[i];
                Pair moved = *from;

                if (streq(into->key, from->key)) {
                        if (pair_join(into, from) < 0)
                                return -ENOMEM;
                        continue;
                }
                *from = (Pair){ 0 };
                headers->items[++kept] = moved;
        }
        headers->count = headers->count > 0 ? kept + 1 : 0;
        return 0;
}

int canonical_settle_headers(Canonical *canonical)
{
        _cleanup_(text_done) Text names = TEXT_INIT;
        PairList *headers = &canonical->headers;
        int r = 0;

        if (headers->count > 1)
                qsort(headers->items, headers->count, sizeof(Pair), compare_headers);
        r = merge_headers(headers);
        for (size_t i = 0; i < headers->count && r >= 0; i++)
                r = text_addf(&names, "%s%s", i > 0 ? ";" : "", headers->items[i].key);
        return r < 0 ? r : text_take(&names, &canonical->signed_headers);
}

int canonical_write_query(const Canonical *canonical, Text *text)
{
        const PairList *query = &canonical->query;
        int r = 0;

        for (size_t i = 0; i < query->count && r >= 0; i++)
                r = text_addf(text, "%s%s=%s", i > 0 ? "&" : "", query->items[i].key,
                        query->items[i].value);
        return r;
}

static int write_headers(const Canonical *canonical, Text *text)
{
        const PairList *headers = &canonical->headers;
        int r = 0;

        for (size_t i = 0; i < headers->count && r >= 0; i++)
                r = text_addf(text, "%s:%s\n", headers->items[i].key, headers->items[i].value);
        return r;
}

int canonical_print(Canonical *canonical, const char *method, const char *path,
        const char *payload_hash, char **ret)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        PairList *query = &canonical->query;
        int r;

        if (query->count > 1)
                qsort(query->items, query->count, sizeof(Pair), compare_query);
        r = text_addf(&text, "%s\n%s\n", method, path);
        if (r >= 0)
                r = canonical_write_query(canonical, &text);
        if (r >= 0)
                r = text_add(&text, "\n");
        if (r >= 0)
                r = write_headers(canonical, &text);
        if (r >= 0)
                r = text_addf(&text, "\n%s\n%s", canonical->signed_headers, payload_hash);
        return r < 0 ? r : text_take(&text, ret);
}
