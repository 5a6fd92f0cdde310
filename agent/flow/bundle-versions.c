/* SPDX-License-Identifier: Apache-2.0 */
/* What of a bundle is quiesced's own. */

#include "flow/bundle-versions.h"

#include "aws/s3-crew.h"
#include "aws/s3-many.h"
#include "aws/s3-object.h"
#include "base/text.h"
#include "flow/labels.h"
#include "image/manifest.h"

#define CONNECTIONS 8 /* what they wait for is S3, and not the network */

typedef struct Item {
        char *key;
        char *version; /* NULL: the latest */
        bool is_marker;
        bool is_own;
} Item;

typedef struct Items {
        const BundlePlace *place;
        Item *items;
        size_t count;
} Items;

static void items_done(Items *items)
{
        for (size_t i = 0; i < items->count; i++) {
                free(items->items[i].key);
                free(items->items[i].version);
        }
        free(items->items);
}

static int items_add(Items *items, const char *key, const char *version, bool is_marker)
{
        Item *item = ARRAY_ADD(items->items, items->count);

        if (!item)
                return -ENOMEM;
        item->is_marker = is_marker;
        item->key = strdup(key);
        item->version = version ? strdup(version) : NULL;
        return item->key && (!version || item->version) ? 0 : -ENOMEM;
}

void bundle_versions_done(BundleVersions *versions)
{
        string_list_done(&versions->keys);
        string_list_done(&versions->versions);
        *versions = (BundleVersions){ 0 };
}

/* --- Whose it is ------------------------------------------------------------------------------ */

static int run_item(void *userdata, S3Bucket *bucket, void *task, ApiError *reterr)
{
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        Item *item = task;
        int r = s3_get_object_tags(bucket, item->key, item->version, &tags, reterr);

        if (r == S3_E_NOT_FOUND)
                return 0;
        item->is_own = r == 0 && tag_list_get(&tags, LABEL_JOB);
        return r;
}

static int items_judge(S3Bucket *bucket, Items *items, ApiError *reterr)
{
        const S3Work work = { .run = run_item };
        _cleanup_(s3_crew_freep) S3Crew *crew = NULL;
        int r;

        if (items->count == 0)
                return 0;
        r = s3_crew_new(bucket, CONNECTIONS, &work, &crew);
        for (size_t i = 0; i < items->count && r == 0; i++)
                if (!items->items[i].is_marker)
                        r = s3_crew_give(crew, &items->items[i], reterr);
        return r == 0 ? s3_crew_finish(crew, reterr) : r;
}

int bundle_keep_own(S3Bucket *bucket, StringList *keys, ApiError *reterr)
{
        _cleanup_(items_done) Items items = { 0 };
        _cleanup_(string_list_done) StringList own = STRING_LIST_INIT;
        int r = 0;

        for (size_t i = 0; i < keys->count && r == 0; i++)
                r = items_add(&items, keys->items[i], /* version= */ NULL, /* is_marker= */ false);
        if (r == 0)
                r = items_judge(bucket, &items, reterr);
        for (size_t i = 0; i < items.count && r == 0; i++)
                if (items.items[i].is_own)
                        r = string_list_add(&own, items.items[i].key);
        if (r != 0)
                return r;
        string_list_done(keys);
        *keys = own;
        own = STRING_LIST_INIT;
        return 0;
}

/* --- Versions --------------------------------------------------------------------------------- */

static int on_version(void *userdata, const S3Object *object)
{
        Items *items = userdata;
        const BundlePlace *place = items->place;
        const char *filename = startswith(object->key, place->folder);

        if (!filename || !object->version || items->count >= BUNDLE_VERSIONS_MAX ||
                (!streq(object->key, place->manifest) &&
                        !manifest_is_part_name(place->name, filename)))
                return 0;
        return items_add(items, object->key, object->version, object->is_marker);
}

static int compare_keys(const void *a, const void *b)
{
        const Item *left = a, *right = b;

        return strcmp(left->key, right->key);
}

/* Of items[0..count), which have one key. */
static int choose(const Item *items, size_t count, BundleVersions *ret)
{
        size_t n_foreign = 0;
        int r = 0;

        for (size_t i = 0; i < count; i++)
                n_foreign += !items[i].is_marker && !items[i].is_own;
        ret->n_foreign += n_foreign;
        for (size_t i = 0; i < count && r >= 0; i++) {
                if (!items[i].is_own && !(items[i].is_marker && n_foreign == 0))
                        continue;
                r = string_list_add(&ret->keys, items[i].key);
                if (r >= 0)
                        r = string_list_add(&ret->versions, items[i].version);
        }
        return r;
}

static int choose_all(Items *items, BundleVersions *ret)
{
        size_t count;
        int r = 0;

        if (items->count > 1)
                qsort(items->items, items->count, sizeof(Item), compare_keys);
        for (size_t i = 0; i < items->count && r >= 0; i += count) {
                count = 1;
                while (i + count < items->count &&
                        streq(items->items[i].key, items->items[i + count].key))
                        count++;
                r = choose(&items->items[i], count, ret);
        }
        return r;
}

int bundle_find_versions(
        S3Bucket *bucket, const BundlePlace *place, BundleVersions *ret, ApiError *reterr)
{
        _cleanup_(bundle_versions_done) BundleVersions found = { 0 };
        _cleanup_(items_done) Items items = { .place = place };
        _cleanup_(freep) char *prefix = NULL;
        int r;

        if (!place->name)
                return 0;
        if (string_printf(&prefix, "%s%s.", place->folder, place->name) < 0)
                return -ENOMEM;
        r = s3_list_versions(bucket, prefix, on_version, &items, reterr);
        if (r == 0)
                r = items_judge(bucket, &items, reterr);
        if (r == 0)
                r = choose_all(&items, &found);
        if (r != 0)
                return r;
        *ret = found;
        found = (BundleVersions){ 0 };
        return 0;
}
