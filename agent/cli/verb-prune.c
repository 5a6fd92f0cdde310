/* SPDX-License-Identifier: Apache-2.0 */
/* prune: what a profile does not retain goes away, or would. */

#include "base/text.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/display.h"
#include "cli/job.h"
#include "cli/listing.h"
#include "cli/removal.h"
#include "cli/start.h"
#include "cli/verb.h"

static const Column plan_columns[] = {
        { "OBJECT", "id", listing_add_text },
        { "KIND", "kind", listing_add_text },
        { "NAME", "name", listing_add_text },
        { "AGE", "created-usec", listing_add_age, true },
        { "CUT", "cut-usec", listing_add_age, true },
        { "SIZE", "size-gib", listing_add_gib, true },
        { "DECISION", "decision", listing_add_text },
        { "REASON", "reason", listing_add_text },
};

static const Column removed_columns[] = {
        { "DELETED", "id", listing_add_text },
        { "NAME", "name", listing_add_text },
        { "SNAPSHOTS", "snapshots", listing_add_count, true },
};

static int print_plan(const json_t *plan)
{
        const char *zone = json_get_string(plan, "time-zone", "");
        int r;

        r = listing_print(plan_columns, ELEMENTSOF(plan_columns), json_object_get(plan, "objects"),
                "There is nothing of this profile.");
        if (r < 0)
                return r;
        putchar('\n');
        return display_print("%u would be deleted, %u kept%s%s.",
                (unsigned)json_get_u64(plan, "delete", 0), (unsigned)json_get_u64(plan, "keep", 0),
                *zone ? "; its days begin at midnight in " : "", zone);
}

static int dry_run(const Arguments *arguments)
{
        const Request request = { .method = "PlanPrune", .name = arguments->operands[0],
                .asks = true };
        _cleanup_(json_decrefp) json_t *plan = NULL;
        int r = request_ask(&request, arguments, &plan);

        if (r != 0)
                return r;
        if (arguments->json)
                return client_print_json(plan);
        r = arguments->quiet ? 0 : print_plan(plan);
        return r < 0 ? client_report_errno(r, "cannot print the plan") : 0;
}

static int print_pruned(const json_t *job)
{
        const json_t *details = json_object_get(job, "details");
        int r;

        if (!job_is_finished(job))
                return job_print(job);
        if (!details)
                return 0;
        r = listing_print(removed_columns, ELEMENTSOF(removed_columns),
                json_object_get(details, "removed"), "Nothing was deleted.");
        if (r >= 0)
                r = removal_print_left(details);
        if (r >= 0)
                r = removal_print_reasons("Kept after all", json_object_get(details, "stays"));
        if (r >= 0 && json_object_get(details, "kept"))
                printf("\n%u kept.\n", (unsigned)json_get_u64(details, "kept", 0));
        return r;
}

int verb_prune(const Arguments *arguments)
{
        const Request request = { .method = "Prune", .name = arguments->operands[0],
                .wait = "queued" };

        if (arguments->dry_run)
                return dry_run(arguments);
        return start_and_show(&request, arguments, print_pruned);
}
