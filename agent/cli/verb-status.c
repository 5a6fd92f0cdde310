/* SPDX-License-Identifier: Apache-2.0 */
/* status: this instance, what runs now, and what came of the last bake. */

#include "base/text.h"
#include "cli/announce.h"
#include "cli/client.h"
#include "cli/display.h"
#include "cli/job.h"
#include "cli/survey.h"
#include "cli/table.h"
#include "cli/verb.h"

static int add_row(Table *table, const char *label, const char *value)
{
        int r;

        r = table_add(table, label);
        return r < 0 ? r : table_add(table, value);
}

static int add_identity(Table *table, const json_t *manager)
{
        const char *fault = survey_fault(manager);
        int r;

        if (*fault)
                return add_row(table, "Instance", fault);
        r = table_add(table, "Instance");
        if (r >= 0)
                r = table_addf(table, "%s (%s)", json_get_string(manager, "instance-id", ""),
                        json_get_string(manager, "architecture", "unknown architecture"));
        if (r >= 0)
                r = table_add(table, "Region");
        if (r >= 0)
                r = table_addf(table, "%s (%s)", json_get_string(manager, "region", ""),
                        json_get_string(manager, "availability-zone", "unknown zone"));
        return r < 0 ? r : add_row(table, "Account", json_get_string(manager, "account-id", ""));
}

static int add_running_job(Table *table, const json_t *job)
{
        const char *step = json_get_string(job, "step", "");
        uint64_t percent = json_get_u64(job, "progress", 0);
        int r;

        r = table_add(table, "Job");
        if (r < 0)
                return r;
        if (percent > 0)
                return table_addf(table, "%s: %s, %u %%", json_get_string(job, "id", ""), step,
                        (unsigned)percent);
        return table_addf(table, "%s: %s", json_get_string(job, "id", ""),
                *step ? step : json_get_string(job, "state", ""));
}

static int add_last_bake(Table *table, const json_t *last)
{
        _cleanup_(freep) char *when = NULL, *span = NULL;
        const char *image = json_get_string(last, "image", NULL);
        uint64_t frozen_usec = json_get_u64(last, "frozen-usec", 0);
        int r;

        if (json_object_size(last) == 0)
                return add_row(table, "Last bake", "none yet");
        r = display_time(json_get_u64(last, "finished-usec", 0), &when);
        if (r >= 0)
                r = format_usec(frozen_usec, &span);
        if (r >= 0)
                r = table_add(table, "Last bake");
        if (r < 0)
                return r;
        return table_addf(table, "%s: %s%s%s%s%s%s%s", when,
                json_get_string(last, "result", "unknown"), image ? ", " : "", image ? image : "",
                frozen_usec ? ", frozen " : "", frozen_usec ? span : "",
                *json_get_string(last, "consistency", "") ? ", " : "",
                json_get_string(last, "consistency", ""));
}

static int print_status(const json_t *manager, const json_t *running)
{
        _cleanup_(table_freep) Table *table = NULL;
        const json_t *job;
        size_t i;
        int r;

        r = table_new(2, NULL, &table);
        if (r >= 0)
                r = add_row(table, "Version", json_get_string(manager, "version", ""));
        if (r >= 0)
                r = add_identity(table, manager);
        if (r >= 0)
                r = add_row(
                        table, "Frozen", json_get_bool(manager, "frozen", false) ? "yes" : "no");
        if (r >= 0 && json_array_size(running) == 0)
                r = add_row(table, "Job", "none is running");
        json_array_foreach(running, i, job)
                if (r >= 0)
                        r = add_running_job(table, job);
        if (r >= 0)
                r = add_last_bake(table, json_object_get(manager, "last-bake"));
        if (r < 0)
                return r;
        table_print(table, stdout);
        return 0;
}

static json_t *jobs_running(const json_t *jobs)
{
        _cleanup_(json_decrefp) json_t *running = json_array();
        json_t *job;
        size_t i;

        json_array_foreach(jobs, i, job)
                if (!job_is_finished(job) && json_array_append(running, job) < 0)
                        return NULL;
        return TAKE_PTR(running);
}

/* Volumes and file systems have a verb of their own. */
static int print_status_json(json_t *manager, json_t *running)
{
        (void)json_object_del(manager, "volumes");
        (void)json_object_del(manager, "file-systems");
        if (json_object_set(manager, "jobs", running) < 0)
                return client_report_errno(-ENOMEM, "cannot print the status");
        return client_print_json(manager);
}

int verb_status(const Arguments *arguments)
{
        _cleanup_(json_decrefp) json_t *manager = NULL, *jobs = NULL, *running = NULL;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = client_connect(&bus);
        if (r == 0 && arguments->announce)
                return announce(bus);
        if (r == 0)
                r = survey_read(bus, &manager);
        if (r == 0)
                r = client_get_jobs(bus, &jobs);
        if (r != 0)
                return r;
        running = jobs_running(jobs);
        if (!running)
                return client_report_errno(-ENOMEM, "cannot print the status");
        if (arguments->json)
                return print_status_json(manager, running);
        r = print_status(manager, running);
        return r < 0 ? client_report_errno(r, "cannot print the status") : 0;
}
