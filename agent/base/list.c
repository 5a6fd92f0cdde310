/* SPDX-License-Identifier: Apache-2.0 */
/* A list of strings that it owns, NULL-terminated for whoever wants a char **. */

#include "base/list.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

void string_list_done(StringList *list)
{
        for (size_t i = 0; i < list->count; i++)
                free(list->items[i]);
        free(list->items);
        *list = STRING_LIST_INIT;
}

static int list_add_bytes(StringList *list, const char *bytes, size_t length)
{
        char *copy = strndup(bytes, length);
        char **items;

        if (!copy)
                return -ENOMEM;
        items = reallocarray(list->items, list->count + 2, sizeof(char *));
        if (!items) {
                free(copy);
                return -ENOMEM;
        }
        items[list->count++] = copy;
        items[list->count] = NULL;
        list->items = items;
        return 0;
}

int string_list_add(StringList *list, const char *string)
{
        return list_add_bytes(list, string, strlen(string));
}

bool string_list_contains(const StringList *list, const char *string)
{
        for (size_t i = 0; i < list->count; i++)
                if (streq(list->items[i], string))
                        return true;
        return false;
}

int string_list_split(StringList *list, const char *string, const char *separators)
{
        for (string += strspn(string, separators); *string; string += strspn(string, separators)) {
                size_t length = strcspn(string, separators);
                int r = list_add_bytes(list, string, length);

                if (r < 0)
                        return r;
                string += length;
        }
        return 0;
}

int string_list_join(const StringList *list, const char *separator, char **ret)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        int r = 0;

        for (size_t i = 0; i < list->count && r >= 0; i++) {
                if (i > 0)
                        r = text_add(&text, separator);
                if (r >= 0)
                        r = text_add(&text, list->items[i]);
        }
        return r < 0 ? r : text_take(&text, ret);
}

int string_list_copy(const StringList *list, StringList *ret)
{
        _cleanup_(string_list_done) StringList copy = STRING_LIST_INIT;

        for (size_t i = 0; i < list->count; i++)
                if (string_list_add(&copy, list->items[i]) < 0)
                        return -ENOMEM;
        *ret = copy;
        copy = STRING_LIST_INIT;
        return 0;
}

static int compare_strings(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

void string_list_sort(StringList *list)
{
        if (list->count > 1)
                qsort(list->items, list->count, sizeof(char *), compare_strings);
}

bool string_list_has_sorted(const StringList *list, const char *string)
{
        return list->count > 0 &&
                bsearch(&string, list->items, list->count, sizeof(char *), compare_strings);
}

void *array_add(void **array, size_t *count, size_t element_size)
{
        void *grown = *array, *element;

        /* Full exactly at 0 and at the powers of two from 4 up. */
        if (*count == 0 || (*count >= 4 && (*count & (*count - 1)) == 0)) {
                size_t capacity = *count == 0 ? 4 : *count * 2;

                grown = reallocarray(*array, capacity, element_size);
                if (!grown)
                        return NULL;
                *array = grown;
        }
        element = (char *)grown + (*count)++ * element_size;
        return memset(element, 0, element_size);
}
