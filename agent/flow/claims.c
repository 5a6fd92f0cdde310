/* SPDX-License-Identifier: Apache-2.0 */
/* What the unfinished jobs of this host lay claim to. */

#include "flow/claims.h"

#include "aws/ec2.h"
#include "base/text.h"
#include "flow/bundle.h"
#include "flow/record.h"
#include "flow/removal-entry.h"

static bool is_id(const char *text)
{
        static const char *const prefixes[] = { "ami-", "snap-", "i-", "vol-" };

        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
                if (ec2_id_is_valid(text, prefixes[i]))
                        return true;
        return endswith(text, BUNDLE_MANIFEST_SUFFIX) != NULL;
}

static int add_string(StringList *claims, const json_t *value)
{
        const char *text = json_string_value(value);

        return text && is_id(text) ? string_list_add(claims, text) : 0;
}

/* The ids anywhere in the objects and arrays of a record: jansson bounds their depth. */
static int add_ids(StringList *claims, const json_t *value)
{
        const char *key;
        json_t *member;
        size_t i;

        json_array_foreach(value, i, member)
                if (add_ids(claims, member) < 0)
                        return -ENOMEM;
        /* Discards const only for jansson's iterator, which does not write. */
        json_object_foreach((json_t *)(uintptr_t)value, key, member)
                if (add_ids(claims, member) < 0)
                        return -ENOMEM;
        return add_string(claims, value);
}

/* What is gone, or stays after all, is not removed any more, however long the rest may take. */
static int add_removal(StringList *claims, const json_t *removal)
{
        const char *kind;
        json_t *entries, *entry;
        size_t i;

        /* Discards const only for jansson's iterator, which does not write. */
        json_object_foreach((json_t *)(uintptr_t)removal, kind, entries)
                json_array_foreach(entries, i, entry)
                        if (!entry_is_settled(entry) && add_ids(claims, entry) < 0)
                                return -ENOMEM;
        return 0;
}

static int add_record(StringList *claims, const Record *record)
{
        const json_t *const objects[] = { record->verification, record->publication,
                record->state == RECORD_REMOVING ? NULL : record->details, record->image };
        int r = string_list_add(claims, record->id);

        if (r >= 0 && record->image_id)
                r = string_list_add(claims, record->image_id);
        for (size_t i = 0; i < record->snapshots.count && r >= 0; i++)
                r = string_list_add(claims, record->snapshots.items[i]);
        for (size_t i = 0; i < ELEMENTSOF(objects) && r >= 0; i++)
                r = add_ids(claims, objects[i]);
        return r < 0 ? r : add_removal(claims, record->removal);
}

/* 1 with *ret: a record that has not ended; 0 for one that has, or is forgotten meanwhile. */
static int read_record(const Settings *settings, const char *id, Record *ret)
{
        _cleanup_(record_done) Record record = { 0 };
        int r = record_load(settings->job_folder, id, &record);

        if (r == -ENOENT)
                return 0;
        if (r < 0 || record_is_finished(&record))
                return r;
        *ret = record;
        record = (Record){ 0 };
        return 1;
}

static int list_records(const Settings *settings, StringList *ret, Failure *reterr_failure)
{
        int r = record_list(settings->job_folder, ret);

        if (r >= 0 && ret->count >= RECORDS_MAX)
                r = -E2BIG;
        if (r < 0)
                return failure_set(reterr_failure, FAILURE_INTERNAL, r, "%s cannot be read: %s",
                        settings->job_folder, strerror(-r));
        return 0;
}

static int fail_record(const Settings *settings, const char *id, int error, Failure *reterr_failure)
{
        return failure_set(reterr_failure, FAILURE_INTERNAL, error,
                "The record of job '%s' in %s cannot be read: %s; what it claims is not known", id,
                settings->job_folder, strerror(-error));
}

static int add_claims_of(
        const Settings *settings, const char *id, StringList *claims, Failure *reterr_failure)
{
        _cleanup_(record_done) Record record = { 0 };
        int r = read_record(settings, id, &record);

        if (r > 0)
                r = add_record(claims, &record);
        return r < 0 ? fail_record(settings, id, r, reterr_failure) : 0;
}

int claims_read(const Settings *settings, const char *self, StringList *ret, Failure *reterr_failure)
{
        _cleanup_(string_list_done) StringList claims = STRING_LIST_INIT, ids = STRING_LIST_INIT;
        int r = list_records(settings, &ids, reterr_failure);

        for (size_t i = 0; i < ids.count && r >= 0; i++)
                if (!streq_ptr(ids.items[i], self))
                        r = add_claims_of(settings, ids.items[i], &claims, reterr_failure);
        if (r < 0)
                return r;
        string_list_sort(&claims);
        *ret = claims;
        claims = STRING_LIST_INIT;
        return 0;
}

static int removes(const Record *record, const char *id)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        int r = record->state == RECORD_REMOVING ? add_removal(&ids, record->removal) : 0;

        return r < 0 ? r : string_list_contains(&ids, id);
}

int claims_find_removal(
        const Settings *settings, const char *id, char **ret, Failure *reterr_failure)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        int r = list_records(settings, &ids, reterr_failure);

        if (r < 0)
                return r;
        for (size_t i = 0; i < ids.count; i++) {
                _cleanup_(record_done) Record record = { 0 };

                r = read_record(settings, ids.items[i], &record);
                if (r > 0)
                        r = removes(&record, id);
                if (r < 0)
                        return fail_record(settings, ids.items[i], r, reterr_failure);
                if (r > 0 && string_replace(ret, record.id) < 0)
                        return failure_set(
                                reterr_failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
                if (r > 0)
                        return 0;
        }
        return 0;
}

/*
 * From MADE on EC2 shows the image, and what is taken back registers none. A root that was launched
 * from an image holds records of the host that it was made of.
 */
static bool makes_name(const Record *record, const char *instance_id, const char *name)
{
        return (record->state == RECORD_CUTTING || record->state == RECORD_CUT) &&
                streq_ptr(record->name, name) && streq_ptr(record->instance_id, instance_id);
}

int claims_find_name(const Settings *settings, const char *instance_id, const char *name, char **ret)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        int r = record_list(settings->job_folder, &ids);

        if (r == -ENOMEM)
                return r;
        for (size_t i = 0; i < ids.count; i++) {
                _cleanup_(record_done) Record record = { 0 };

                r = read_record(settings, ids.items[i], &record);
                if (r == -ENOMEM)
                        return r;
                if (r > 0 && makes_name(&record, instance_id, name))
                        return string_replace(ret, record.id);
        }
        return 0;
}
