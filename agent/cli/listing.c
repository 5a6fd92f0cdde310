/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of an array as rows of a table, by columns that say which member they show, and how. */

#include "cli/listing.h"

#include "base/clock.h"
#include "cli/display.h"

#define COLUMNS_MAX 16
#define GIB_BYTES (UINT64_C(1) << 30)

static int add_row(Table *table, const Column *columns, size_t n_columns, const json_t *object)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n_columns; i++)
                r = columns[i].add(table, object, columns[i].key);
        return r;
}

int listing_print(const Column *columns, size_t n_columns, const json_t *objects, const char *none)
{
        _cleanup_(table_freep) Table *table = NULL;
        const char *headers[COLUMNS_MAX] = { NULL };
        const json_t *object;
        size_t i;
        int r;

        for (i = 0; i < n_columns && i < COLUMNS_MAX; i++)
                headers[i] = columns[i].header;
        r = table_new(n_columns, headers, &table);
        for (i = 0; r >= 0 && i < n_columns; i++)
                if (columns[i].right)
                        table_align_right(table, i);
        json_array_foreach(objects, i, object)
                if (r >= 0)
                        r = add_row(table, columns, n_columns, object);
        if (r < 0)
                return r;
        table_print(table, stdout);
        if (json_array_size(objects) == 0)
                printf("%s\n", none);
        return 0;
}

/* Owns `cell`, which is shown unless `r` says that there is none. */
static int add_owned(Table *table, char *cell, int r)
{
        _cleanup_(freep) char *owned = cell;

        return r < 0 ? r : table_add(table, owned);
}

int listing_add_text(Table *table, const json_t *object, const char *key)
{
        return table_add(table, json_get_string(object, key, NULL));
}

int listing_add_texts(Table *table, const json_t *object, const char *key)
{
        char *joined = NULL;
        int r = display_strings(json_object_get(object, key), &joined);

        return add_owned(table, joined, r);
}

int listing_add_count(Table *table, const json_t *object, const char *key)
{
        const json_t *array = json_object_get(object, key);

        if (!json_is_array(array))
                return table_add(table, NULL);
        return table_addf(table, "%zu", json_array_size(array));
}

int listing_add_flag(Table *table, const json_t *object, const char *key)
{
        return table_add(table, json_get_bool(object, key, false) ? "yes" : "no");
}

int listing_add_time(Table *table, const json_t *object, const char *key)
{
        char *when = NULL;
        int r = display_time(json_get_u64(object, key, 0), &when);

        return add_owned(table, when, r);
}

int listing_add_age(Table *table, const json_t *object, const char *key)
{
        uint64_t then_usec = json_get_u64(object, key, 0), now_usec = clock_realtime_usec();
        char *age = NULL;
        int r;

        if (then_usec == 0)
                return table_add(table, NULL);
        r = display_age(now_usec > then_usec ? now_usec - then_usec : 0, &age);
        return add_owned(table, age, r);
}

int listing_add_bytes(Table *table, const json_t *object, const char *key)
{
        char *size = NULL;
        int r = 0;

        if (json_is_integer(json_object_get(object, key)))
                r = display_bytes(json_get_u64(object, key, 0), &size);
        return add_owned(table, size, r);
}

int listing_add_gib(Table *table, const json_t *object, const char *key)
{
        char *size = NULL;
        int r = 0;

        if (json_is_integer(json_object_get(object, key)))
                r = display_bytes(json_get_u64(object, key, 0) * GIB_BYTES, &size);
        return add_owned(table, size, r);
}

int listing_add_cost(Table *table, const json_t *object, const char *key)
{
        const json_t *cost = json_object_get(object, key);

        if (!json_is_number(cost))
                return table_add(table, NULL);
        return table_addf(table, "%.2f", json_number_value(cost));
}
