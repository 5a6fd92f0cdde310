/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of a resource: keys with values. */

#include "aws/tags.h"

static void tag_done(Tag *tag)
{
        free(tag->key);
        free(tag->value);
        *tag = (Tag){ 0 };
}

void tag_list_done(TagList *tags)
{
        for (size_t i = 0; i < tags->count; i++)
                tag_done(&tags->items[i]);
        free(tags->items);
        *tags = TAG_LIST_INIT;
}

static Tag *find_tag(const TagList *tags, const char *key)
{
        for (size_t i = 0; i < tags->count; i++)
                if (streq(tags->items[i].key, key))
                        return &tags->items[i];
        return NULL;
}

static int tag_list_append(TagList *tags, const char *key, const char *value)
{
        Tag made = { .key = strdup(key), .value = strdup(value) };
        Tag *tag = made.key && made.value ? ARRAY_ADD(tags->items, tags->count) : NULL;

        if (!tag) {
                tag_done(&made);
                return -ENOMEM;
        }
        *tag = made;
        return 0;
}

int tag_list_set(TagList *tags, const char *key, const char *value)
{
        Tag *tag = find_tag(tags, key);

        return tag ? string_replace(&tag->value, value) : tag_list_append(tags, key, value);
}

const char *tag_list_get(const TagList *tags, const char *key)
{
        const Tag *tag = find_tag(tags, key);

        return tag ? tag->value : NULL;
}

int tag_list_copy(const TagList *tags, TagList *ret)
{
        _cleanup_(tag_list_done) TagList copy = TAG_LIST_INIT;

        for (size_t i = 0; i < tags->count; i++)
                if (tag_list_append(&copy, tags->items[i].key, tags->items[i].value) < 0)
                        return -ENOMEM;
        *ret = copy;
        copy = TAG_LIST_INIT;
        return 0;
}

int tag_list_read(const XmlNode *set, TagList *ret)
{
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;

        for (const XmlNode *item = xml_first(set); item; item = xml_next(item)) {
                const char *key = xml_text(item, "key"), *value = xml_text(item, "value");

                if (key && tag_list_set(&tags, key, value ? value : "") < 0)
                        return -ENOMEM;
        }
        *ret = tags;
        tags = TAG_LIST_INIT;
        return 0;
}

void tag_list_write(const TagList *tags, Query *query, unsigned index, const char *resource_type)
{
        if (!tags || tags->count == 0)
                return;
        query_addf(query, resource_type, "TagSpecification.%u.ResourceType", index);
        for (size_t i = 0; i < tags->count; i++) {
                query_addf(
                        query, tags->items[i].key, "TagSpecification.%u.Tag.%zu.Key", index, i + 1);
                query_addf(query, tags->items[i].value, "TagSpecification.%u.Tag.%zu.Value", index,
                        i + 1);
        }
}
