/* SPDX-License-Identifier: Apache-2.0 */
/* image, snapshot, bake: start a job and see it through. */

#include <signal.h>

#include "base/text.h"
#include "cli/client.h"
#include "cli/follow.h"
#include "cli/job.h"
#include "cli/request.h"
#include "cli/verb.h"

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

static int report_result(const Follow *follow, const Arguments *arguments)
{
        bool failed = job_is_finished(follow->job) && !job_succeeded(follow->job);
        int r = 0;

        if (arguments->json)
                r = client_print_json(follow->job);
        else if (!failed && !arguments->quiet && job_print(follow->job) < 0)
                r = client_report_errno(-ENOMEM, "cannot print the result");
        if (failed) {
                job_report_failure(follow->job);
                return EXIT_FAILURE;
        }
        return r;
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
                return report_result(follow, arguments);
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
static int start_and_follow(const char *method, const char *name, const Arguments *arguments)
{
        const Request request = { .method = method, .name = name, .wait = "queued" };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        Follow follow = { .until = wait_until_from_string(arguments->wait) };
        int r;

        r = client_connect_to_act(&bus);
        if (r == 0)
                r = request_new(bus, &request, arguments, &call);
        if (r == 0)
                r = client_call(bus, call, &reply);
        if (r != 0)
                return r;
        r = sd_bus_message_read_basic(reply, SD_BUS_TYPE_OBJECT_PATH, &follow.path);
        if (r < 0)
                return client_report_errno(r, "cannot read the answer of quiesced");
        r = follow_to_end(bus, &follow, arguments);
        json_decref(follow.job);
        return r;
}

int verb_image(const Arguments *arguments)
{
        return start_and_follow("CreateImage", arguments->operands[0], arguments);
}

int verb_snapshot(const Arguments *arguments)
{
        return start_and_follow("CreateSnapshots", NULL, arguments);
}

int verb_bake(const Arguments *arguments)
{
        return start_and_follow("Bake", arguments->operands[0], arguments);
}
