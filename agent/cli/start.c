/* SPDX-License-Identifier: Apache-2.0 */
/* A job, from the call that begins it to what came of it. */

#include "cli/start.h"

#include <signal.h>

#include "base/text.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/follow.h"
#include "cli/job.h"

static const char *path_id(const json_t *job, const char *path)
{
        return json_get_string(job, "id", path);
}

static int report_interrupted(const Follow *follow)
{
        const char *id = path_id(follow->job, follow->path);

        client_say("job %s goes on; 'quiescectl jobs' shows it, 'quiescectl cancel %s' ends it", id,
                id);
        return EXIT_SIGNAL + follow->signal;
}

static int report_lost(const Follow *follow)
{
        client_say(
                "quiesced ended while job %s was running; it finishes or cleans up the job when it "
                "is started: 'systemctl start quiesced'",
                path_id(follow->job, follow->path));
        return EXIT_FAILURE;
}

static int follow_to_end(sd_bus *bus, Follow *follow, const Arguments *arguments)
{
        Progress progress;
        int r;

        progress_init(&progress, arguments);
        follow->progress = &progress;
        r = follow_job(bus, follow);
        progress_done(&progress);
        follow->progress = NULL;
        switch (r) {
        case FOLLOW_REACHED:
                if (!job_is_finished(follow->job))
                        return 0;
                return job_read_details(follow->path, follow->job);
        case FOLLOW_INTERRUPTED:
                return report_interrupted(follow);
        case FOLLOW_LOST:
                return report_lost(follow);
        case FOLLOW_FAILED:
                return EXIT_FAILURE;
        default:
                return client_report_errno(r, "cannot follow the job");
        }
}

/*
 * Always asks for a reply as soon as the job exists, and waits for more by following it: a reply
 * that comes only at the end could neither show progress nor survive a restart of the daemon.
 */
int start_and_follow(const Request *request, const Arguments *arguments, json_t **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        Follow follow = { .until = wait_until_from_string(arguments->wait) };
        int r;

        r = client_connect_to_act(&bus);
        if (r == 0)
                r = request_new(bus, request, arguments, &call);
        if (r == 0)
                r = client_call(bus, call, &reply);
        if (r != 0)
                return r;
        r = sd_bus_message_read_basic(reply, SD_BUS_TYPE_OBJECT_PATH, &follow.path);
        if (r < 0)
                return client_report_errno(r, "cannot read the answer of quiesced");
        r = follow_to_end(bus, &follow, arguments);
        if (r == 0)
                *ret = TAKE_PTR(follow.job);
        json_decref(follow.job);
        return r;
}

int start_and_show(
        const Request *request, const Arguments *arguments, int (*print)(const json_t *job))
{
        _cleanup_(json_decrefp) json_t *job = NULL;
        int r = start_and_follow(request, arguments, &job);

        if (r != 0)
                return r;
        if (arguments->json)
                r = client_print_json(job);
        else if (!arguments->quiet && print(job) < 0)
                r = client_report_errno(-ENOMEM, "cannot print the result");
        if (job_is_finished(job) && !job_succeeded(job)) {
                job_report_failure(job);
                return EXIT_FAILURE;
        }
        return r;
}
