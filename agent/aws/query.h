/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The form that the Query protocol sends: Action=...&Version=...&Filter.1.Name=... */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/text.h"

/* Adding never fails: running out of memory is remembered, and query_finish() tells. */
typedef struct Query {
        Text form;
        int error;
} Query;

#define QUERY_INIT ((Query){ 0 })

void query_done(Query *query);

void query_begin(Query *query, const char *action, const char *version);

/* A NULL value is left out. */
void query_add(Query *query, const char *key, const char *value);
void query_add_bool(Query *query, const char *key, bool value);
void query_add_u64(Query *query, const char *key, uint64_t value);

/* The key is printed from its format: query_addf(query, id, "SnapshotId.%u", n). */
void query_addf(Query *query, const char *value, const char *key_format, ...) _printf_(3, 4);

/* KEY.1=...&KEY.2=...; `values` may be NULL. */
void query_add_list(Query *query, const char *key, const StringList *values);

/* Filter.`index` with one value, or with those of a list. */
void query_add_filter(Query *query, unsigned index, const char *name, const char *value);
void query_add_filter_list(Query *query, unsigned index, const char *name, const StringList *values);

/* 0 when everything was added, or -ENOMEM. */
int query_finish(const Query *query);
