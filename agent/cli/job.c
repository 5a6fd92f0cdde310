/* SPDX-License-Identifier: Apache-2.0 */
/* What a job is, from its properties: its outcome, and how people read it. */

#include "cli/job.h"

#include <inttypes.h>

#include "base/text.h"
#include "cli/client.h"
#include "cli/display.h"
#include "cli/table.h"

bool job_is_finished(const json_t *job)
{
        return *json_get_string(job, "result", "") != '\0';
}

bool job_succeeded(const json_t *job)
{
        return streq(json_get_string(job, "result", ""), "done");
}

bool job_is_secured(const json_t *job)
{
        return streq(json_get_string(job, "state", ""), "secured");
}

int job_path(const char *id, char **ret)
{
        int r = sd_bus_path_encode(CLIENT_JOBS_PATH, id, ret);

        return r < 0 ? r : 0;
}

/* On a connection of its own: the one that followed the job was closed with its event loop. */
int job_read_details(const char *path, json_t *job)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(freep) char *text = NULL;
        json_t *details;
        int r;

        r = client_connect(&bus);
        if (r != 0)
                return r;
        r = sd_bus_get_property_string(
                bus, CLIENT_NAME, path, CLIENT_JOB, "Details", &error, &text);
        if (r < 0)
                return client_report(&error, r);
        details = json_loads(text, 0, NULL);
        if (details && json_object_set_new(job, "details", details) < 0)
                return client_report_errno(-ENOMEM, "cannot read the details of the job");
        return 0;
}

static int add_text(Table *table, const char *label, const char *value)
{
        int r;

        if (!*value)
                return 0;
        r = table_add(table, label);
        return r < 0 ? r : table_add(table, value);
}

static int add_strings(Table *table, const char *label, const json_t *strings)
{
        _cleanup_(freep) char *joined = NULL;

        return display_strings(strings, &joined) < 0 ? -ENOMEM : add_text(table, label, joined);
}

/* What retention has deleted at the end of a bake. */
static int add_removed(Table *table, const json_t *removed)
{
        _cleanup_(text_done) Text ids = TEXT_INIT;
        const json_t *one;
        size_t i;

        json_array_foreach(removed, i, one)
                if (text_addf(&ids, "%s%s", i > 0 ? " " : "", json_get_string(one, "id", "?")) < 0)
                        return -ENOMEM;
        return ids.length > 0 ? add_text(table, "Deleted", ids.data) : 0;
}

/* What an image of a bundle has no more: how much, and with --json, or in a file, which. */
static int add_scrubbed(Table *table, const json_t *scrubbed)
{
        const char *file = json_get_string(scrubbed, "file", NULL);
        _cleanup_(freep) char *text = NULL;
        uint64_t count = json_get_u64(scrubbed, "count", 0);

        if (!scrubbed)
                return 0;
        if (string_printf(&text, "%" PRIu64 " %s%s%s", count, count == 1 ? "file" : "files",
                    file ? ", listed in " : "", file ? file : "") < 0)
                return -ENOMEM;
        return add_text(table, "Scrubbed", text);
}

static int add_span(Table *table, const char *label, uint64_t usec)
{
        _cleanup_(freep) char *span = NULL;
        int r;

        if (usec == 0)
                return 0;
        r = format_usec(usec, &span);
        return r < 0 ? r : add_text(table, label, span);
}

int job_print(const json_t *job)
{
        _cleanup_(table_freep) Table *table = NULL;
        const char *result = json_get_string(job, "result", "");
        int r;

        r = table_new(2, NULL, &table);
        if (r >= 0)
                r = add_text(table, "Job", json_get_string(job, "id", ""));
        if (r >= 0)
                r = add_text(table, "State", *result ? result : json_get_string(job, "state", ""));
        if (r >= 0)
                r = add_strings(table, "Image", json_object_get(job, "images"));
        if (r >= 0)
                r = add_strings(table, "Snapshots", json_object_get(job, "snapshots"));
        if (r >= 0)
                r = add_text(table, "Consistency", json_get_string(job, "consistency", ""));
        if (r >= 0)
                r = add_span(table, "Frozen", json_get_u64(job, "frozen-usec", 0));
        if (r >= 0)
                r = add_scrubbed(
                        table, json_object_get(json_object_get(job, "details"), "scrubbed"));
        if (r >= 0)
                r = add_removed(table, json_object_get(json_object_get(job, "details"), "removed"));
        if (r < 0)
                return r;
        table_print(table, stdout);
        return 0;
}

void job_report_failure(const json_t *job)
{
        const char *error = json_get_string(job, "error", "");
        const char *message = json_get_string(job, "message", "");
        const char *result = json_get_string(job, "result", "failed");

        client_say("job %s: %s: %s%s%s%s", json_get_string(job, "id", "?"), result,
                *message ? message : "see 'journalctl -u quiesced'", *error ? " (" : "",
                client_error_name(error), *error ? ")" : "");
}
