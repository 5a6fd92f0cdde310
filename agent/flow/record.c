/* SPDX-License-Identifier: Apache-2.0 */
/* What a job must know after a crash. */

#include "flow/record.h"

#include <dirent.h>

#include "base/files.h"
#include "base/text.h"
#include "flow/journal.h"

#define RECORD_BYTES_MAX (4 * 1024 * 1024)

static const char *const state_names[] = { "planned", "cutting", "cut", "made", "undoing",
        "removing", "done", "failed", "cancelled", NULL };

void record_done(Record *record)
{
        free(record->folder);
        free(record->id);
        free(record->kind);
        free(record->profile);
        free(record->name);
        free(record->subject);
        free(record->description);
        free(record->instance_id);
        free(record->region);
        free(record->domain);
        free(record->image_id);
        free(record->boot_id);
        free(record->next_boot_id);
        free(record->message);
        free(record->obstacle);
        free(record->at_rest);
        string_list_done(&record->snapshots);
        string_list_done(&record->volumes);
        json_decref(record->image);
        json_decref(record->tags);
        json_decref(record->bundle);
        json_decref(record->contents);
        json_decref(record->removal);
        json_decref(record->verification);
        json_decref(record->publication);
        json_decref(record->details);
        (void)journal_free(record->journal);
        *record = (Record){ 0 };
}

bool record_is_finished(const Record *record)
{
        return record->state >= RECORD_DONE;
}

bool record_id_is_valid(const char *id)
{
        return *id && strlen(id) <= RECORD_ID_MAX &&
                id[strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")] ==
                '\0';
}

static int record_path(const char *folder, const char *id, char **ret)
{
        return string_printf(ret, "%s/%s.json", folder, id);
}

static int journal_path(const char *folder, const char *id, char **ret)
{
        return string_printf(ret, "%s/%s.journal", folder, id);
}

/* The members that are plain text, under their names on disk. */
static const struct {
        const char *key;
        size_t offset;
} texts[] = {
        { "id", offsetof(Record, id) },
        { "kind", offsetof(Record, kind) },
        { "profile", offsetof(Record, profile) },
        { "name", offsetof(Record, name) },
        { "subject", offsetof(Record, subject) },
        { "description", offsetof(Record, description) },
        { "instance-id", offsetof(Record, instance_id) },
        { "region", offsetof(Record, region) },
        { "domain", offsetof(Record, domain) },
        { "image", offsetof(Record, image_id) },
        { "boot-id", offsetof(Record, boot_id) },
        { "next-boot-id", offsetof(Record, next_boot_id) },
        { "message", offsetof(Record, message) },
        { "obstacle", offsetof(Record, obstacle) },
        { "at-rest", offsetof(Record, at_rest) },
};

static const struct {
        const char *key;
        size_t offset;
} numbers[] = {
        { "started-usec", offsetof(Record, started_usec) },
        { "cutting-usec", offsetof(Record, cutting_usec) },
        { "cut-usec", offsetof(Record, cut_usec) },
        { "cut-ec2-usec", offsetof(Record, cut_ec2_usec) },
        { "asked-usec", offsetof(Record, asked_usec) },
        { "asked-ec2-usec", offsetof(Record, asked_ec2_usec) },
        { "finished-usec", offsetof(Record, finished_usec) },
        { "frozen-usec", offsetof(Record, frozen_usec) },
        { "generation", offsetof(Record, generation) },
};

static const struct {
        const char *key;
        size_t offset;
        const char *const *names;
} enums[] = {
        { "method", offsetof(Record, method), method_names },
        { "demanded", offsetof(Record, demanded), consistency_names },
        { "on-degrade", offsetof(Record, on_degrade), on_degrade_names },
        { "consistency", offsetof(Record, reached), consistency_names },
        { "state", offsetof(Record, state), state_names },
};

static const struct {
        const char *key;
        size_t offset;
} lists[] = {
        { "snapshots", offsetof(Record, snapshots) },
        { "volumes", offsetof(Record, volumes) },
};

static const struct {
        const char *key;
        size_t offset;
} objects[] = {
        { "image-attributes", offsetof(Record, image) },
        { "tags", offsetof(Record, tags) },
        { "bundle", offsetof(Record, bundle) },
        { "contents", offsetof(Record, contents) },
        { "removal", offsetof(Record, removal) },
        { "verification", offsetof(Record, verification) },
        { "publication", offsetof(Record, publication) },
        { "details", offsetof(Record, details) },
};

#define MEMBER(type, record, entry) ((type *)((char *)(record) + (entry).offset))

static json_t *list_to_json(const StringList *list)
{
        json_t *array = json_array();

        for (size_t i = 0; array && i < list->count; i++)
                if (json_array_append_new(array, json_string(list->items[i])) < 0)
                        return json_decref(array), NULL;
        return array;
}

static json_t *record_to_json(Record *record)
{
        json_t *object = json_object();
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (*MEMBER(char *, record, texts[i]))
                        r |= json_object_set_new(object, texts[i].key,
                                json_text(*MEMBER(char *, record, texts[i])));
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                r |= json_object_set_new(object, numbers[i].key,
                        json_integer((json_int_t)*MEMBER(uint64_t, record, numbers[i])));
        for (size_t i = 0; i < ELEMENTSOF(enums); i++)
                r |= json_object_set_new(object, enums[i].key,
                        json_string(enums[i].names[*MEMBER(int, record, enums[i])]));
        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                r |= json_object_set_new(object, lists[i].key,
                        list_to_json(MEMBER(StringList, record, lists[i])));
        for (size_t i = 0; i < ELEMENTSOF(objects); i++)
                if (*MEMBER(json_t *, record, objects[i]))
                        r |= json_object_set(object, objects[i].key,
                                *MEMBER(json_t *, record, objects[i]));
        if (record->error != FAILURE_NONE)
                r |= json_object_set_new(object, "error", json_string(failure_name(record->error)));
        if (r < 0)
                return json_decref(object), NULL;
        return object;
}

/* --- On disk ---------------------------------------------------------------------------------- */

/* Should it stay, its generation tells that it is that of an earlier record. */
static void drop_journal(Record *record)
{
        _cleanup_(freep) char *path = NULL;

        record->journal = journal_free(record->journal);
        if (journal_path(record->folder, record->id, &path) >= 0)
                (void)unlink(path);
}

static int write_record(Record *record)
{
        _cleanup_(json_decrefp) json_t *object = record_to_json(record);
        _cleanup_(freep) char *path = NULL, *text = NULL;
        int r;

        if (!object || record_path(record->folder, record->id, &path) < 0)
                return -ENOMEM;
        text = json_dumps(object, JSON_INDENT(1) | JSON_DECIMALS);
        if (!text)
                return -ENOMEM;
        if (strlen(text) > RECORD_BYTES_MAX)
                return -EFBIG;
        r = folder_make(record->folder, 0755);
        return r < 0 ? r : file_replace(path, text, strlen(text), 0644);
}

/*
 * A generation is never given to two records: the first may be on disk although it is said to
 * have failed.
 */
int record_save(Record *record)
{
        int r;

        record->generation++;
        r = write_record(record);
        if (r >= 0)
                drop_journal(record);
        return r;
}

static int begin_journal(Record *record)
{
        _cleanup_(freep) char *path = NULL;

        if (record->journal)
                return 0;
        if (journal_path(record->folder, record->id, &path) < 0)
                return -ENOMEM;
        return journal_create(path, record->generation, &record->journal);
}

int record_append(Record *record, const char *kind, size_t start, size_t count)
{
        const json_t *entries = json_object_get(record->removal, kind);
        int r = begin_journal(record);

        for (size_t i = start; r >= 0 && i < start + count; i++)
                r = journal_add(record->journal,
                        json_pack("{s:s,s:I,s:O}", "kind", kind, "index", (json_int_t)i, "entry",
                                json_array_get(entries, i)));
        if (r < 0)
                return r;
        /* One that has grown as long as a record may be costs no more to be written into it. */
        if (journal_bytes(record->journal) > RECORD_BYTES_MAX)
                return record_save(record);
        return journal_sync(record->journal);
}

static int apply_line(void *userdata, const json_t *line)
{
        const Record *record = userdata;
        json_t *entries = json_object_get(
                record->removal, json_get_string(line, "kind", ""));
        uint64_t index = json_get_u64(line, "index", UINT64_MAX);
        json_t *entry = json_object_get(line, "entry");

        if (!json_is_object(entry) || index >= json_array_size(entries))
                return -EBADMSG;
        return json_array_set(entries, (size_t)index, entry) < 0 ? -ENOMEM : 0;
}

static int read_journal(Record *record)
{
        _cleanup_(freep) char *path = NULL;

        if (journal_path(record->folder, record->id, &path) < 0)
                return -ENOMEM;
        return journal_replay(path, record->generation, RECORD_BYTES_MAX, apply_line, record);
}

static int list_from_json(const json_t *array, StringList *ret)
{
        json_t *value;
        size_t i;

        json_array_foreach(array, i, value) {
                if (!json_is_string(value))
                        return -EBADMSG;
                if (string_list_add(ret, json_string_value(value)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int enum_from_json(const json_t *object, const char *key, const char *const *known, int *ret)
{
        const char *value = json_get_string(object, key, "");

        for (int i = 0; known[i]; i++) {
                if (streq(known[i], value)) {
                        *ret = i;
                        return 0;
                }
        }
        return -EBADMSG;
}

static int record_from_json(const json_t *object, Record *record)
{
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                const char *value = json_get_string(object, texts[i].key, NULL);

                if (value && string_replace(MEMBER(char *, record, texts[i]), value) < 0)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                *MEMBER(uint64_t, record, numbers[i]) = json_get_u64(object, numbers[i].key, 0);
        for (size_t i = 0; i < ELEMENTSOF(enums); i++)
                if (enum_from_json(object, enums[i].key, enums[i].names,
                            MEMBER(int, record, enums[i])) < 0)
                        return -EBADMSG;
        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                if (list_from_json(json_object_get(object, lists[i].key),
                            MEMBER(StringList, record, lists[i])) < 0)
                        return -EBADMSG;
        for (size_t i = 0; i < ELEMENTSOF(objects); i++) {
                json_t *value = json_object_get(object, objects[i].key);

                if (value && !json_is_object(value))
                        return -EBADMSG;
                *MEMBER(json_t *, record, objects[i]) = json_incref(value);
        }
        if (json_object_get(object, "error"))
                record->error = failure_from_name(json_get_string(object, "error", ""));
        return 0;
}

static int add_id(StringList *ids, const char *file_name)
{
        const char *suffix = endswith(file_name, ".json");
        _cleanup_(freep) char *id = NULL;

        if (!suffix)
                return 0;
        id = strndup(file_name, (size_t)(suffix - file_name));
        if (!id)
                return -ENOMEM;
        return record_id_is_valid(id) ? string_list_add(ids, id) : 0;
}

int record_list(const char *folder, StringList *ret_ids)
{
        _cleanup_(closedirp) DIR *opened = opendir(folder);
        struct dirent *entry;
        int r = 0;

        if (!opened)
                return errno == ENOENT ? 0 : -errno;
        while (r >= 0 && ret_ids->count < RECORDS_MAX && (entry = readdir(opened)))
                r = add_id(ret_ids, entry->d_name);
        return r;
}

int record_load(const char *folder, const char *id, Record *ret)
{
        _cleanup_(json_decrefp) json_t *object = NULL;
        _cleanup_(freep) char *path = NULL, *text = NULL;
        _cleanup_(record_done) Record record = { 0 };
        int r;

        if (!record_id_is_valid(id))
                return -EINVAL;
        if (record_path(folder, id, &path) < 0 || string_replace(&record.folder, folder) < 0)
                return -ENOMEM;
        r = file_read(path, RECORD_BYTES_MAX, &text, NULL);
        if (r < 0)
                return r;
        object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(object))
                return -EBADMSG;
        r = record_from_json(object, &record);
        if (r < 0)
                return r;
        if (!record.id || !streq(record.id, id))
                return -EBADMSG;
        r = read_journal(&record);
        if (r < 0)
                return r;
        *ret = record;
        record = (Record){ 0 };
        return 0;
}
