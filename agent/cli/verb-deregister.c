/* SPDX-License-Identifier: Apache-2.0 */
/* deregister: images go away, with all that belongs to them and to nothing else. */

#include "base/text.h"
#include "cli/arguments.h"
#include "cli/display.h"
#include "cli/job.h"
#include "cli/listing.h"
#include "cli/removal.h"
#include "cli/start.h"
#include "cli/verb.h"

static const Column removed_columns[] = {
        { "DELETED", "id", listing_add_text },
        { "NAME", "name", listing_add_text },
        { "SNAPSHOTS", "snapshots", listing_add_texts },
};

/* Of all images together: a snapshot that two of them share is skipped once for each. */
static json_t *collect_skipped(const json_t *removed)
{
        _cleanup_(json_decrefp) json_t *skipped = json_array();
        const json_t *image;
        size_t i;

        json_array_foreach(removed, i, image) {
                json_t *of_image = json_object_get(image, "skipped");

                if (json_is_array(of_image) && json_array_extend(skipped, of_image) < 0)
                        return NULL;
        }
        return TAKE_PTR(skipped);
}

static int print_instances(const json_t *instances)
{
        const json_t *instance;
        size_t i;
        int r = 0;

        if (json_array_size(instances) > 0)
                printf("\nLaunched from them, and not touched:\n");
        json_array_foreach(instances, i, instance)
                if (r >= 0)
                        r = display_print("  %s, from %s", json_get_string(instance, "id", "?"),
                                json_get_string(instance, "image", "?"));
        return r;
}

static int print_removed(const json_t *details)
{
        const json_t *removed = json_object_get(details, "removed");
        _cleanup_(json_decrefp) json_t *skipped = collect_skipped(removed);
        int r;

        if (!skipped)
                return -ENOMEM;
        r = listing_print(removed_columns, ELEMENTSOF(removed_columns), removed,
                "Nothing was deleted.");
        if (r >= 0)
                r = removal_print_reasons("Snapshots that stay", skipped);
        if (r >= 0)
                r = removal_print_left(details);
        return r < 0 ? r : print_instances(json_object_get(details, "instances"));
}

static int print_deregistered(const json_t *job)
{
        const json_t *details = json_object_get(job, "details");

        if (!job_is_finished(job))
                return job_print(job);
        return details ? print_removed(details) : 0;
}

int verb_deregister(const Arguments *arguments)
{
        const Request request = { .method = "Deregister", .ids = arguments->operands,
                .wait = "queued" };

        return start_and_show(&request, arguments, print_deregistered);
}
