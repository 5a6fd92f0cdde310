/* SPDX-License-Identifier: Apache-2.0 */
/* The policy of a profile, applied to all that it is about. */

#include "flow/choice.h"

#include "base/log.h"
#include "base/text.h"
#include "flow/guard.h"
#include "flow/removal.h"
#include "flow/zone.h"

void choice_done(Choice *choice)
{
        free(choice->order);
        stock_done(&choice->stock);
}

/* --- Groups ----------------------------------------------------------------------------------- */

/* An image and a bundle are two ways to launch; a snapshot set is something else. */
static int compare_kinds(const StockObject *x, const StockObject *y)
{
        return (x->kind == STOCK_SNAPSHOTS) - (y->kind == STOCK_SNAPSHOTS);
}

static int compare_instances(const StockObject *x, const StockObject *y)
{
        return strcmp(x->instance ? x->instance : "", y->instance ? y->instance : "");
}

static int compare_groups(const void *a, const void *b)
{
        const StockObject *x = *(StockObject *const *)a, *y = *(StockObject *const *)b;
        int r = compare_kinds(x, y);

        return r != 0 ? r : compare_instances(x, y);
}

static bool is_same_group(const StockObject *x, const StockObject *y, int per)
{
        return compare_kinds(x, y) == 0 &&
                (per == RETENTION_PER_SELECTION || compare_instances(x, y) == 0);
}

static StockObject *object_of(RetainObject *retain)
{
        return (StockObject *)((char *)retain - offsetof(StockObject, retain));
}

/* Puts the group's part of the order into the order of the choice. */
static void choose_group(StockObject **group, size_t count, RetainObject **scratch,
        const RetainPolicy *policy, const RetainTime *time)
{
        for (size_t i = 0; i < count; i++)
                scratch[i] = &group[i]->retain;
        retain_choose(scratch, count, policy, time);
        for (size_t i = 0; i < count; i++)
                group[i] = object_of(scratch[i]);
}

static int prepare_order(Choice *choice)
{
        const Stock *stock = &choice->stock;

        if (!choice->order)
                choice->order = calloc(stock->count + 1, sizeof(choice->order[0]));
        if (!choice->order)
                return -ENOMEM;
        for (size_t i = 0; i < stock->count; i++)
                choice->order[i] = &stock->items[i];
        qsort(choice->order, stock->count, sizeof(choice->order[0]), compare_groups);
        return 0;
}

int choice_apply(Choice *choice, const Retention *retention, const RetainTime *time)
{
        size_t count = choice->stock.count, end;
        _cleanup_(freep) RetainObject **scratch = calloc(count + 1, sizeof(scratch[0]));

        if (!scratch || prepare_order(choice) < 0)
                return -ENOMEM;
        for (size_t start = 0; start < count; start = end) {
                StockObject **group = &choice->order[start];

                for (end = start + 1; end < count; end++)
                        if (!is_same_group(group[0], choice->order[end], retention->per))
                                break;
                choose_group(group, end - start, scratch, &retention->policy, time);
        }
        choice->n_deleted = 0;
        for (size_t i = 0; i < count; i++)
                choice->n_deleted += !retain_is_kept(&choice->order[i]->retain);
        return 0;
}

static size_t count_ids(const StockObject *object)
{
        return object->kind == STOCK_SNAPSHOTS ? object->snapshots.count
                                               : removal_count_ids(object->snapshots.count);
}

static size_t count_deleted_ids(const Choice *choice)
{
        size_t n_ids = 0;

        for (size_t i = 0; i < choice->stock.count; i++)
                if (!retain_is_kept(&choice->stock.items[i].retain))
                        n_ids += count_ids(&choice->stock.items[i]);
        return n_ids;
}

/* A guard keeps its own object and changes no other: after the second time nothing would change. */
int choice_make(Bake *bake, size_t max_ids, Choice *ret)
{
        const Retention *retention = &bake->profile.retention;
        const char *zone = retention->time_zone ? retention->time_zone : "UTC";
        RetainTime time = { .to_local = localtime_r };
        int r = zone_enter(zone);

        if (r < 0)
                return failure_set(&bake->failure, FAILURE_CONFIG_INVALID, r,
                        "The time zone %s is not known any more: install tzdata", zone);
        r = stock_read(bake, &ret->stock);
        if (r < 0)
                return r;
        time.now_usec = ret->stock.now_usec;
        r = choice_apply(ret, retention, &time);
        if (r >= 0 && count_deleted_ids(ret) > max_ids)
                r = guard_stock(bake, &ret->stock);
        if (r >= 0)
                r = choice_apply(ret, retention, &time);
        return r < 0 ? failure_set(&bake->failure, FAILURE_INTERNAL, r, "%s", strerror(-r)) : 0;
}

/* --- What becomes of it ----------------------------------------------------------------------- */

static int add_to_removal(json_t *removal, const StockObject *object)
{
        int r = 0;

        if (object->kind != STOCK_SNAPSHOTS)
                return json_array_append_new(json_object_get(removal, "images"),
                               json_pack("{s:s}", "id", object->id)) < 0
                        ? -ENOMEM
                        : 0;
        for (size_t i = 0; r >= 0 && i < object->snapshots.count; i++)
                if (json_array_append_new(json_object_get(removal, "snapshots"),
                            json_pack("{s:s,s:s}", "id", object->snapshots.items[i], "set",
                                    object->id)) < 0)
                        r = -ENOMEM;
        return r;
}

static json_t *list_to_json(const StringList *list)
{
        json_t *array = json_array();

        for (size_t i = 0; array && i < list->count; i++)
                if (json_array_append_new(array, json_string(list->items[i])) < 0)
                        return json_decref(array), NULL;
        return array;
}

int choice_to_removal(const Choice *choice, const Retention *retention, size_t max_ids,
        json_t **ret, size_t *ret_left_for_later)
{
        _cleanup_(json_decrefp) json_t *removal = json_pack("{s:[],s:[],s:[],s:o}", "images",
                "snapshots", "instances", "override", list_to_json(&retention->override));
        size_t n_ids = 0, n_later = 0;

        if (!removal)
                return -ENOMEM;
        for (size_t i = choice->stock.count; i > 0; i--) {
                const StockObject *object = choice->order[i - 1];

                if (retain_is_kept(&object->retain))
                        continue;
                if (n_ids + count_ids(object) > max_ids) {
                        n_later++;
                        continue;
                }
                n_ids += count_ids(object);
                if (add_to_removal(removal, object) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(removal);
        *ret_left_for_later = n_later;
        return 0;
}

/* Of a bundle EC2 says nothing, and S3 is not asked for each. */
static json_t *tell_size(const StockObject *object)
{
        return object->size_gib > 0 ? json_integer((json_int_t)object->size_gib) : NULL;
}

static json_t *object_to_json(const StockObject *object, const RetainPolicy *policy)
{
        _cleanup_(freep) char *reason = NULL;

        if (retain_format_reason(&object->retain, policy, &reason) < 0)
                return NULL;
        return json_pack("{s:s,s:s,s:o*,s:s*,s:I,s:I,s:o*,s:o,s:s,s:o}", "kind",
                stock_kind_names[object->kind], "id", object->id, "name", json_text(object->name),
                "instance", object->instance, "created-usec",
                (json_int_t)object->retain.created_usec, "cut-usec",
                (json_int_t)retain_cut_usec(&object->retain), "size-gib", tell_size(object), "snapshots",
                list_to_json(&object->snapshots), "decision",
                retain_is_kept(&object->retain) ? "keep" : "delete", "reason", json_text(reason));
}

int choice_to_json(const Choice *choice, const Profile *profile, json_t **ret)
{
        const Retention *retention = &profile->retention;
        _cleanup_(json_decrefp) json_t *objects = json_array();

        for (size_t i = 0; i < choice->stock.count; i++)
                if (json_array_append_new(
                            objects, object_to_json(choice->order[i], &retention->policy)) < 0)
                        return -ENOMEM;
        *ret = json_pack("{s:s,s:s,s:O,s:I,s:I}", "profile", profile->name, "time-zone",
                retention->time_zone ? retention->time_zone : "UTC", "objects", objects, "keep",
                (json_int_t)(choice->stock.count - choice->n_deleted), "delete",
                (json_int_t)choice->n_deleted);
        return *ret ? 0 : -ENOMEM;
}
