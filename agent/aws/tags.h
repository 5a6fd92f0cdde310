/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Tags of a resource: keys with values. */

#include <stddef.h>

#include "aws/query.h"
#include "aws/xml.h"

typedef struct Tag {
        char *key;
        char *value;
} Tag;

typedef struct TagList {
        Tag *items;
        size_t count;
} TagList;

#define TAG_LIST_INIT ((TagList){ 0 })

void tag_list_done(TagList *tags);

/* Adds, or replaces the value of a key that is there. 0 or -ENOMEM. */
int tag_list_set(TagList *tags, const char *key, const char *value);

/* The value, or NULL. */
const char *tag_list_get(const TagList *tags, const char *key);

int tag_list_copy(const TagList *tags, TagList *ret);

/* A reply's <tagSet>; `set` may be NULL: no tags. 0 or -ENOMEM. */
int tag_list_read(const XmlNode *set, TagList *ret);

/* TagSpecification.`index` for a resource type ("image", "snapshot"); nothing if there are none. */
void tag_list_write(const TagList *tags, Query *query, unsigned index, const char *resource_type);
