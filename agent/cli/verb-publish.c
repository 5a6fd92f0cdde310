/* SPDX-License-Identifier: Apache-2.0 */
/* publish: what a profile wants of an image that was made earlier. */

#include "cli/arguments.h"
#include "cli/display.h"
#include "cli/job.h"
#include "cli/listing.h"
#include "cli/start.h"
#include "cli/verb.h"

/* "ami-1 in us-east-1": those that came to be. */
static int print_copies(const json_t *copies)
{
        const char *region;
        json_t *copy;
        int r = 0;

        /* Discards const only for jansson's iterator, which does not write. */
        json_object_foreach((json_t *)(uintptr_t)copies, region, copy) {
                const char *id = json_get_string(copy, "image", NULL);

                if (r >= 0 && id)
                        r = display_print("Copied to %s as %s.", region, id);
        }
        return r;
}

/* A parameter: "parameter" in the region of the image, "parameter us-east-1" in another. */
static int print_left(const json_t *steps)
{
        const char *step;
        json_t *state;
        int r = 0;

        /* Discards const only for jansson's iterator, which does not write. */
        json_object_foreach((json_t *)(uintptr_t)steps, step, state) {
                const char *job = json_get_string(state, "later", NULL);

                if (r >= 0 && job)
                        r = display_print(
                                "Left as it is: %s, which has the image of job %s by now.", step, job);
        }
        return r;
}

static int print_published(const json_t *job)
{
        const json_t *publication =
                json_object_get(json_object_get(job, "details"), "publication");
        int r;

        if (!job_is_finished(job))
                return job_print(job);
        if (!job_succeeded(job))
                return 0;
        r = display_print("Image %s is published.", json_get_string(job, "name", ""));
        if (r >= 0)
                r = print_copies(json_object_get(publication, "copies"));
        return r < 0 ? r : print_left(json_object_get(publication, "steps"));
}

int verb_publish(const Arguments *arguments)
{
        const Request request = { .method = "Publish", .name = arguments->operands[0],
                .wait = "queued" };

        return start_and_show(&request, arguments, print_published);
}
