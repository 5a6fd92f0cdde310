/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A list of strings that it owns, NULL-terminated for whoever wants a char **. */

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

typedef struct StringList {
        char **items; /* NULL while empty */
        size_t count;
} StringList;

#define STRING_LIST_INIT ((StringList){ 0 })

void string_list_done(StringList *list);

/* A copy of `string` at the end; 0 or -ENOMEM. */
int string_list_add(StringList *list, const char *string);

bool string_list_contains(const StringList *list, const char *string);

/* Splits at any of `separators`, leaves out empty pieces; 0 or -ENOMEM. */
int string_list_split(StringList *list, const char *string, const char *separators);

int string_list_join(const StringList *list, const char *separator, char **ret);

int string_list_copy(const StringList *list, StringList *ret);

void string_list_sort(StringList *list);

/* Of a list that is sorted: for those that are long. */
bool string_list_has_sorted(const StringList *list, const char *string);

/*
 * Makes room for one more element in an array that grows by doubling: returns the address of the
 * fresh, zeroed last element and raises *count, or NULL when memory is out.
 */
void *array_add(void **array, size_t *count, size_t element_size);
#define ARRAY_ADD(array, count)                                                                    \
        ((__typeof__(array))array_add((void **)&(array), &(count), sizeof(*(array))))
