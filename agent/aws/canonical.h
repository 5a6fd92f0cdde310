/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The canonical request of Signature Version 4: what is hashed instead of the bytes sent. */

#include <stddef.h>

#include "base/text.h"

typedef struct Pair {
        char *key;
        char *value;
        size_t position; /* among those that were added */
} Pair;

typedef struct PairList {
        Pair *items;
        size_t count;
} PairList;

typedef struct Canonical {
        PairList query; /* encoded */
        PairList headers; /* lower-case names; once settled, one of each, in order */
        char *signed_headers; /* "host;x-amz-date"; NULL until they are settled */
} Canonical;

void canonical_done(Canonical *canonical);

/* Unencoded. 0 or -ENOMEM. */
int canonical_add_query(Canonical *canonical, const char *key, const char *value);

/* Leaves out what is changed on the way (User-Agent, ...). 0, -ENOMEM, -EINVAL (line break). */
int canonical_add_header(Canonical *canonical, const char *name, const char *value);

/* No header comes after this: sorts them, and joins those of one name. 0 or -ENOMEM. */
int canonical_settle_headers(Canonical *canonical);

/* The query as sent, and as signed once it is sorted. 0 or -ENOMEM. */
int canonical_write_query(const Canonical *canonical, Text *text);

/* Sorts the query, then prints all; `path` is canonical already. 0 or -ENOMEM. */
int canonical_print(Canonical *canonical, const char *method, const char *path,
        const char *payload_hash, char **ret);
