/* SPDX-License-Identifier: Apache-2.0 */
/* What the unfinished jobs of this host lay claim to. */

#include "flow/claims.h"

#include <dirent.h>

#include "aws/ec2.h"
#include "base/text.h"
#include "flow/bundle.h"
#include "flow/record.h"

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

static int add_record(StringList *claims, const Record *record)
{
        const json_t *const objects[] = { record->removal, record->verification,
                record->publication, record->details, record->image };
        int r = string_list_add(claims, record->id);

        if (r >= 0 && record->image_id)
                r = string_list_add(claims, record->image_id);
        for (size_t i = 0; i < record->snapshots.count && r >= 0; i++)
                r = string_list_add(claims, record->snapshots.items[i]);
        for (size_t i = 0; i < ELEMENTSOF(objects) && r >= 0; i++)
                r = add_ids(claims, objects[i]);
        return r;
}

static int read_record(
        const Settings *settings, const char *id, StringList *claims, Failure *reterr_failure)
{
        _cleanup_(record_done) Record record = { 0 };
        int r = record_load(settings->job_folder, id, &record);

        if (r == -ENOENT)
                return 0; /* forgotten meanwhile */
        if (r >= 0 && !record_is_finished(&record))
                r = add_record(claims, &record);
        if (r < 0)
                return failure_set(reterr_failure, FAILURE_INTERNAL, r,
                        "The record of job '%s' in %s cannot be read: %s; what it claims is not known",
                        id, settings->job_folder, strerror(-r));
        return 0;
}

/* The job of a record's file, in memory of its own; NULL for what is none. */
static char *job_of_file(const char *name)
{
        const char *suffix = endswith(name, ".json");
        char *id = suffix ? strndup(name, (size_t)(suffix - name)) : NULL;

        if (id && record_id_is_valid(id))
                return id;
        free(id);
        return NULL;
}

int claims_read(const Settings *settings, const char *self, StringList *ret, Failure *reterr_failure)
{
        _cleanup_(string_list_done) StringList claims = STRING_LIST_INIT;
        _cleanup_(closedirp) DIR *folder = opendir(settings->job_folder);
        const struct dirent *entry;
        int r = 0;

        if (!folder && errno != ENOENT)
                return failure_set(reterr_failure, FAILURE_INTERNAL, -errno, "%s cannot be read: %s",
                        settings->job_folder, strerror(errno));
        while (folder && r >= 0 && (entry = readdir(folder))) {
                _cleanup_(freep) char *id = job_of_file(entry->d_name);

                if (id && !streq_ptr(id, self))
                        r = read_record(settings, id, &claims, reterr_failure);
        }
        if (r < 0)
                return r;
        string_list_sort(&claims);
        *ret = claims;
        claims = STRING_LIST_INIT;
        return 0;
}
