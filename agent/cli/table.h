/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Rows of text whose columns line up on a terminal. */

#include <stdio.h>

#include "base/cleanup.h"

typedef struct Table Table;

/* `headers`: `n_columns` strings, or NULL for a table without a heading. 0, -EINVAL or -ENOMEM. */
int table_new(size_t n_columns, const char *const *headers, Table **ret);
Table *table_free(Table *table);
DEFINE_CLEANUP(Table *, table_free)

/* Sizes and counts read better with their last digits below each other. */
void table_align_right(Table *table, size_t column);

/* Adds the next cell, row by row; escaped here, and NULL or "" shows as "-". 0 or -ENOMEM. */
int table_add(Table *table, const char *cell);

/* The same with what string_printf() would print. */
int table_addf(Table *table, const char *format, ...) _printf_(2, 3);

/* Nothing at all when there is no row. */
void table_print(const Table *table, FILE *file);
