/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Objects of an array as rows of a table, by columns that say which member they show, and how. */

#include "base/json.h"
#include "cli/table.h"

typedef struct Column {
        const char *header;
        const char *key; /* of the member; NULL where `add` needs none */
        int (*add)(Table *table, const json_t *object, const char *key);
        bool right; /* sizes and counts */
} Column;

/* Prints `none` if there is no object. 0, or a negative errno. */
int listing_print(
        const Column *columns, size_t n_columns, const json_t *objects, const char *none);

/*
 * What columns have as `add`; each shows "-" where there is no such member. A time, and an age, is of
 * microseconds since 1970.
 */
int listing_add_text(Table *table, const json_t *object, const char *key);
int listing_add_texts(Table *table, const json_t *object, const char *key);
int listing_add_count(Table *table, const json_t *object, const char *key); /* of an array */
int listing_add_flag(Table *table, const json_t *object, const char *key);
int listing_add_time(Table *table, const json_t *object, const char *key);
int listing_add_age(Table *table, const json_t *object, const char *key);
int listing_add_bytes(Table *table, const json_t *object, const char *key);
int listing_add_gib(Table *table, const json_t *object, const char *key);
int listing_add_cost(Table *table, const json_t *object, const char *key);
