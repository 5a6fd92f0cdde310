/* SPDX-License-Identifier: Apache-2.0 */
/* image, snapshot, bake: a point in time of this instance. */

#include "cli/job.h"
#include "cli/start.h"
#include "cli/verb.h"

/* What has failed has left nothing to be shown. */
static int print_made(const json_t *job)
{
        return job_is_finished(job) && !job_succeeded(job) ? 0 : job_print(job);
}

int verb_image(const Arguments *arguments)
{
        const Request request = { .method = "CreateImage", .name = arguments->operands[0],
                .wait = "queued" };

        return start_and_show(&request, arguments, print_made);
}

int verb_snapshot(const Arguments *arguments)
{
        const Request request = { .method = "CreateSnapshots", .wait = "queued" };

        return start_and_show(&request, arguments, print_made);
}

int verb_bake(const Arguments *arguments)
{
        const Request request = { .method = "Bake", .name = arguments->operands[0],
                .wait = "queued" };

        return start_and_show(&request, arguments, print_made);
}
