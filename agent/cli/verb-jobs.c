/* SPDX-License-Identifier: Apache-2.0 */
/* jobs and cancel: what runs, what ran, and ending it. */

#include "base/text.h"
#include "cli/client.h"
#include "cli/display.h"
#include "cli/job.h"
#include "cli/table.h"
#include "cli/verb.h"

static int add_usec(Table *table, uint64_t usec)
{
        _cleanup_(freep) char *span = NULL;

        if (usec == 0)
                return table_add(table, NULL);
        return format_usec(usec, &span) < 0 ? -ENOMEM : table_add(table, span);
}

static int add_state(Table *table, const json_t *job)
{
        const char *result = json_get_string(job, "result", "");
        uint64_t percent = json_get_u64(job, "progress", 0);

        if (*result)
                return table_add(table, result);
        if (!*json_get_string(job, "step", ""))
                return table_add(table, json_get_string(job, "state", ""));
        if (percent == 0)
                return table_add(table, json_get_string(job, "step", ""));
        return table_addf(table, "%s %u %%", json_get_string(job, "step", ""), (unsigned)percent);
}

/* The image, or else how many snapshots there are, or else why there is nothing. */
static int add_outcome(Table *table, const json_t *job)
{
        const json_t *images = json_object_get(job, "images");
        size_t n_snapshots = json_array_size(json_object_get(job, "snapshots"));
        const char *error = json_get_string(job, "error", "");

        if (*error)
                return table_add(table, client_error_name(error));
        if (json_array_size(images) > 0)
                return table_add(table, json_string_value(json_array_get(images, 0)));
        if (n_snapshots > 0)
                return table_addf(table, "%zu snapshot%s", n_snapshots, n_snapshots > 1 ? "s" : "");
        return table_add(table, NULL);
}

static int add_job(Table *table, const json_t *job)
{
        const char *profile = json_get_string(job, "profile", "");
        int r;

        r = table_add(table, json_get_string(job, "id", ""));
        if (r >= 0)
                r = table_add(table, json_get_string(job, "kind", ""));
        if (r >= 0)
                r = table_add(table, *profile ? profile : json_get_string(job, "name", ""));
        if (r >= 0)
                r = add_state(table, job);
        if (r >= 0)
                r = table_add(table, json_get_string(job, "consistency", ""));
        if (r >= 0)
                r = add_usec(table, json_get_u64(job, "frozen-usec", 0));
        return r < 0 ? r : add_outcome(table, job);
}

static int print_jobs(const json_t *jobs)
{
        static const char *const headers[] = { "JOB", "KIND", "NAME", "STATE", "CONSISTENCY",
                "FROZEN", "OUTCOME" };
        _cleanup_(table_freep) Table *table = NULL;
        const json_t *job;
        size_t i;
        int r;

        r = table_new(ELEMENTSOF(headers), headers, &table);
        if (r < 0)
                return r;
        table_align_right(table, 5);
        json_array_foreach(jobs, i, job) {
                r = add_job(table, job);
                if (r < 0)
                        return r;
        }
        table_print(table, stdout);
        if (json_array_size(jobs) == 0)
                printf("No jobs.\n");
        return 0;
}

static int print_jobs_json(const json_t *jobs)
{
        _cleanup_(json_decrefp) json_t *document = json_pack("{s:O}", "jobs", jobs);

        if (!document)
                return client_report_errno(-ENOMEM, "cannot print the jobs");
        return client_print_json(document);
}

int verb_jobs(const Arguments *arguments)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(json_decrefp) json_t *jobs = NULL;
        int r;

        r = client_connect(&bus);
        if (r == 0)
                r = client_get_jobs(bus, &jobs);
        if (r != 0)
                return r;
        if (arguments->json)
                return print_jobs_json(jobs);
        r = print_jobs(jobs);
        return r < 0 ? client_report_errno(r, "cannot print the jobs") : 0;
}

static int report_cancel(const sd_bus_error *error, int r, const char *id)
{
        if (!sd_bus_error_has_name(error, SD_BUS_ERROR_UNKNOWN_OBJECT))
                return client_report(error, r);
        client_say("there is no job '%s'; 'quiescectl jobs' lists them", id);
        return EXIT_FAILURE;
}

int verb_cancel(const Arguments *arguments)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(freep) char *path = NULL;
        const char *id = arguments->operands[0];
        int r;

        r = job_path(id, &path);
        if (r < 0)
                return client_report_errno(r, "cannot name the job");
        r = client_connect_to_act(&bus);
        if (r != 0)
                return r;
        r = sd_bus_call_method(bus, CLIENT_NAME, path, CLIENT_JOB, "Cancel", &error, NULL, "");
        if (r < 0)
                return report_cancel(&error, r, id);
        if (!arguments->quiet)
                printf("Job %s is being cancelled.\n", id);
        return 0;
}
