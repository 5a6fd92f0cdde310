/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of a removal on record. */

#include "flow/removal-entry.h"

#include "base/text.h"

void removal_done(Removal *removal)
{
        string_list_done(&removal->locked);
        removal->bucket = s3_bucket_free(removal->bucket);
}

json_t *removal_entries(const Removal *removal, const char *kind)
{
        return json_object_get(removal->record, kind);
}

void removal_begin_entry(Removal *removal, const char *kind, size_t index)
{
        removal->kind = kind;
        removal->index = index;
}

int removal_save(Removal *removal)
{
        return bake_append(removal->bake, removal->kind, removal->index, 1);
}

static bool array_has(const json_t *array, const char *string)
{
        const json_t *value;
        size_t i;

        json_array_foreach(array, i, value)
                if (json_is_string(value) && streq(json_string_value(value), string))
                        return true;
        return false;
}

bool removal_overrides(const Removal *removal, const char *what)
{
        return array_has(json_object_get(removal->record, "override"), what);
}

const char *entry_id(const json_t *entry)
{
        return json_get_string(entry, "id", "");
}

bool entry_is_settled(const json_t *entry)
{
        return json_get_bool(entry, "done", false) || json_object_get(entry, "error") ||
                json_object_get(entry, "stays");
}

bool entry_is_half(const json_t *entry)
{
        return (json_get_bool(entry, "deregistered", false) ||
                       json_get_bool(entry, "begun", false)) &&
                !entry_is_settled(entry);
}

int removal_note_asked(Removal *removal, json_t *entry)
{
        if (json_get_bool(entry, "asked", false))
                return 0;
        if (json_object_set_new(entry, "asked", json_true()) < 0)
                return -ENOMEM;
        return removal_save(removal);
}

bool entries_are_of_one_set(const json_t *entries, size_t i, size_t j)
{
        const char *set = json_get_string(json_array_get(entries, i), "set", "");

        return i == j ||
                (*set && streq(set, json_get_string(json_array_get(entries, j), "set", "")));
}

static bool is_begun(const json_t *entry)
{
        return json_get_bool(entry, "done", false) || json_get_bool(entry, "begun", false);
}

bool entry_set_is_begun(const json_t *entries, size_t i)
{
        size_t count = json_array_size(entries);

        for (size_t j = i; j < count && entries_are_of_one_set(entries, i, j); j++)
                if (is_begun(json_array_get(entries, j)))
                        return true;
        for (size_t j = i; j > 0 && entries_are_of_one_set(entries, i, j - 1); j--)
                if (is_begun(json_array_get(entries, j - 1)))
                        return true;
        return false;
}

int entry_stay(json_t *entry, const char *reason)
{
        return json_object_set_new(entry, "stays", json_text(reason)) < 0 ? -ENOMEM : 0;
}

int entry_leave(json_t *entry, const char *reason)
{
        if (json_object_get(entry, "left"))
                return 0;
        return json_object_set_new(entry, "left", json_text(reason)) < 0 ? -ENOMEM : 0;
}

int entry_refuse(json_t *entry, FailureKind kind, const char *reason)
{
        if (json_object_set_new(entry, "error", json_string(failure_name(kind))) < 0)
                return -ENOMEM;
        return json_object_set_new(entry, "left", json_text(reason)) < 0 ? -ENOMEM : 0;
}

int entry_add(json_t *entry, const char *key, json_t *value)
{
        json_t *array = json_object_get(entry, key);

        if (!array) {
                array = json_array();
                if (json_object_set_new(entry, key, array) < 0) {
                        json_decref(value);
                        return -ENOMEM;
                }
        }
        return json_array_append_new(array, value) < 0 ? -ENOMEM : 0;
}

static bool is_skipped(const json_t *image, const char *id)
{
        const json_t *entry;
        size_t i;

        json_array_foreach(json_object_get(image, "skipped"), i, entry)
                if (streq(entry_id(entry), id))
                        return true;
        return false;
}

int entry_remaining(const json_t *image, StringList *ret)
{
        const json_t *gone = json_object_get(image, "gone"), *value;
        size_t i;

        json_array_foreach(json_object_get(image, "snapshots"), i, value) {
                const char *id = json_string_value(value);

                if (id && !array_has(gone, id) && !is_skipped(image, id) &&
                        string_list_add(ret, id) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int removal_reason(const char *call, int outcome, const ApiError *error, char **ret)
{
        _cleanup_(failure_done) Failure failure = { 0 };
        const char *message;

        (void)failure_set_api(&failure, call, outcome, error);
        message = failure.message ? failure.message : "Out of memory";
        if (failure.kind != FAILURE_ACCESS_DENIED)
                return string_replace(ret, message);
        return string_printf(ret, "the permission ec2:%s is missing (%s)", call, message);
}

int removal_leave_api(Removal *removal, json_t *entry, const char *call, int outcome,
        const ApiError *error)
{
        _cleanup_(freep) char *reason = NULL;

        if (outcome == -ENOMEM || removal_reason(call, outcome, error, &reason) < 0)
                return -ENOMEM;
        removal->stop = removal->stop || bake_outcome_passes(outcome, error);
        return entry_leave(entry, reason);
}
