/* SPDX-License-Identifier: Apache-2.0 */
/* The records of jobs in the state directory: written by workers, read and tidied up by us. */

#include "daemon/history.h"

#include <dirent.h>
#include <string.h>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "daemon/job-id.h"
#include "daemon/job-state.h"

#define STATE_DIRECTORY "/var/lib/quiesced"
/* As much as the worker reads of it: it lists all that a job deletes. */
#define RECORD_MAX_BYTES (4 * 1024 * 1024)
#define RECORDS_MAX 10000

static int record_path(const char *name, const char *suffix, char **ret)
{
        const char *state = getenv("STATE_DIRECTORY");

        return string_printf(ret, "%s/jobs/%s%s", state && *state ? state : STATE_DIRECTORY, name,
                suffix);
}

/* "j-...json" without its suffix; other files (a replacement that was cut short) are not ours. */
static int add_record(StringList *list, const char *file_name)
{
        const char *suffix = endswith(file_name, ".json");
        _cleanup_(freep) char *id = NULL;

        if (!suffix)
                return 0;
        if (string_printf(&id, "%.*s", (int)(strlen(file_name) - strlen(".json")), file_name) < 0)
                return -ENOMEM;
        return job_id_is_valid(id) ? string_list_add(list, id) : 0;
}

int history_list(StringList *ret_ids)
{
        _cleanup_(freep) char *path = NULL;
        struct dirent *entry;
        DIR *folder;
        int r;

        r = record_path("", "", &path);
        if (r < 0)
                return r;
        folder = opendir(path);
        if (!folder)
                return errno == ENOENT ? 0 : -errno;
        while (r >= 0 && ret_ids->count < RECORDS_MAX && (entry = readdir(folder)))
                r = add_record(ret_ids, entry->d_name);
        (void)closedir(folder);
        string_list_sort(ret_ids);
        return r;
}

int history_read(const char *id, json_t **ret)
{
        _cleanup_(freep) char *path = NULL, *data = NULL;
        _cleanup_(json_decrefp) json_t *record = NULL;
        int r;

        r = record_path(id, ".json", &path);
        if (r < 0)
                return r;
        r = file_read(path, RECORD_MAX_BYTES, &data, NULL);
        if (r < 0)
                return r;
        record = json_loads(data, JSON_REJECT_DUPLICATES, NULL);
        if (!record || !streq(json_get_string(record, "id", ""), id))
                return -EBADMSG;
        *ret = TAKE_PTR(record);
        return 0;
}

bool history_is_finished(const json_t *record)
{
        return job_result_from_name(json_get_string(record, "state", "")) >= 0;
}

int history_remove(const char *id)
{
        _cleanup_(freep) char *path = NULL, *journal = NULL, *removed = NULL;
        int r;

        r = record_path(id, ".json", &path);
        if (r >= 0)
                r = record_path(id, ".journal", &journal);
        if (r >= 0)
                r = record_path(id, ".removed", &removed);
        if (r < 0)
                return r;
        if (unlink(path) < 0)
                return -errno;
        (void)unlink(journal); /* that of a worker which died between two steps */
        (void)unlink(removed); /* of a scrub with a long list */
        return 0;
}
