/* SPDX-License-Identifier: Apache-2.0 */
/* verify: whether what is launched from an image works. */

#include "base/text.h"
#include "cli/arguments.h"
#include "cli/display.h"
#include "cli/job.h"
#include "cli/start.h"
#include "cli/verb.h"

static const char *witness(const json_t *details)
{
        return streq(json_get_string(details, "by", ""), "marker") ?
                "it said so on its console" :
                "its status checks passed";
}

static int print_verified(const json_t *job)
{
        const json_t *details = json_object_get(job, "details");

        if (!job_is_finished(job))
                return job_print(job);
        if (!job_succeeded(job))
                return 0;
        return display_print("Image %s works: %s (%s, which is terminated again).",
                json_get_string(details, "image", json_get_string(job, "name", "")),
                witness(details), json_get_string(details, "instance", "an instance"));
}

int verb_verify(const Arguments *arguments)
{
        const Request request = { .method = "Verify", .name = arguments->operands[0],
                .wait = "queued" };

        return start_and_show(&request, arguments, print_verified);
}
