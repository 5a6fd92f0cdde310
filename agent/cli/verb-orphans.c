/* SPDX-License-Identifier: Apache-2.0 */
/* orphans: what belongs to nothing any more, what it costs, and its end. */

#include "base/list.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/ask.h"
#include "cli/client.h"
#include "cli/display.h"
#include "cli/job.h"
#include "cli/listing.h"
#include "cli/removal.h"
#include "cli/start.h"
#include "cli/verb.h"

/* Whose it is comes last, and is of interest only beside those of others. */
static const Column orphan_columns[] = {
        { "ORPHAN", "id", listing_add_text },
        { "KIND", "kind", listing_add_text },
        { "OF", "of", listing_add_text },
        { "SIZE", "size-bytes", listing_add_bytes, true },
        { "AGE", "created-usec", listing_add_age, true },
        { "MONTHLY", "monthly-cost", listing_add_cost, true },
        { "REASON", "reason", listing_add_text },
        { "OWN", "own", listing_add_flag },
};

static bool has_bundle(const json_t *answer)
{
        const json_t *orphan;
        size_t i;

        json_array_foreach(json_object_get(answer, "orphans"), i, orphan)
                if (streq(json_get_string(orphan, "kind", ""), "bundle"))
                        return true;
        return false;
}

static int print_totals(const json_t *answer)
{
        size_t n = json_array_size(json_object_get(answer, "orphans"));
        _cleanup_(freep) char *size = NULL;

        if (n == 0)
                return 0;
        if (display_bytes(json_get_u64(answer, "total-bytes", 0), &size) < 0)
                return -ENOMEM;
        printf("\n%zu orphan%s, %s, %.2f a month at %g per GiB", n, n > 1 ? "s" : "", size,
                json_number_value(json_object_get(answer, "total-monthly-cost")),
                json_number_value(json_object_get(answer, "price-per-gib-month")));
        if (has_bundle(answer))
                printf(", and %g in S3", json_number_value(json_object_get(
                                                 answer, "bundle-price-per-gib-month")));
        printf(".\n");
        return 0;
}

static int print_orphans(const json_t *answer, const Arguments *arguments)
{
        int r;

        r = listing_print(orphan_columns, ELEMENTSOF(orphan_columns) - (arguments->all ? 0 : 1),
                json_object_get(answer, "orphans"), "No orphans.");
        return r < 0 ? r : print_totals(answer);
}

static int collect_ids(const json_t *orphans, StringList *ret)
{
        const json_t *orphan;
        size_t i;

        json_array_foreach(orphans, i, orphan)
                if (string_list_add(ret, json_get_string(orphan, "id", "")) < 0)
                        return -ENOMEM;
        return 0;
}

static int print_deleted(const json_t *job)
{
        const json_t *details = json_object_get(job, "details");

        if (!details)
                return 0;
        printf("\n%zu deleted.\n", json_array_size(json_object_get(details, "removed")));
        return removal_print_left(details);
}

/* What one job deletes; its outcome is added to `jobs` for --json. */
static int delete_batch(char *const *ids, const Arguments *arguments, json_t *jobs)
{
        const Request request = { .method = "DeleteOrphans", .ids = ids, .wait = "queued" };
        _cleanup_(json_decrefp) json_t *job = NULL;
        int r = start_and_follow(&request, arguments, &job);

        if (r != 0)
                return r;
        if (json_array_append(jobs, job) < 0)
                return client_report_errno(-ENOMEM, "cannot keep the result");
        if (!arguments->json && !arguments->quiet && print_deleted(job) < 0)
                return client_report_errno(-ENOMEM, "cannot print the result");
        if (job_succeeded(job))
                return 0;
        job_report_failure(job);
        return EXIT_FAILURE;
}

/* As many as one job takes; how many that are. */
static size_t fill_batch(const StringList *ids, size_t start, char **batch)
{
        size_t n_bytes = 0, k;

        for (k = 0; k < IDS_MAX && start + k < ids->count; k++) {
                n_bytes += strlen(ids->items[start + k]);
                if (k > 0 && n_bytes > IDS_BYTES_MAX)
                        break;
                batch[k] = ids->items[start + k];
        }
        return k;
}

/* As many jobs as it takes, one after another; one that fails does not keep the next from its own. */
static int delete_all(const StringList *ids, const Arguments *arguments, json_t *jobs)
{
        int status = 0;

        for (size_t i = 0; i < ids->count;) {
                char *batch[IDS_MAX + 1] = { NULL };
                int r;

                i += fill_batch(ids, i, batch);
                r = delete_batch(batch, arguments, jobs);
                if (r > EXIT_FAILURE)
                        return r;
                status = r != 0 ? r : status;
        }
        return status;
}

static int delete_orphans(const json_t *orphans, const Arguments *arguments)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(json_decrefp) json_t *document = json_pack("{s:[]}", "jobs");
        int r, printed = 0;

        if (!document || collect_ids(orphans, &ids) < 0)
                return client_report_errno(-ENOMEM, "cannot list what is to be deleted");
        r = delete_all(&ids, arguments, json_object_get(document, "jobs"));
        if (arguments->json)
                printed = client_print_json(document);
        return r != 0 ? r : printed;
}

static bool is_wanted(size_t n, const Arguments *arguments)
{
        char question[64];

        if (arguments->yes)
                return true;
        (void)snprintf(question, sizeof(question), "Delete %s%zu orphan%s?",
                n > 1 ? "these " : "this ", n, n > 1 ? "s" : "");
        return ask_yes(question);
}

static int find_and_delete(const json_t *answer, const Arguments *arguments)
{
        const json_t *orphans = json_object_get(answer, "orphans");

        if (json_array_size(orphans) > 0 && !is_wanted(json_array_size(orphans), arguments)) {
                client_say("nothing was deleted");
                return EXIT_FAILURE;
        }
        return delete_orphans(orphans, arguments);
}

int verb_orphans(const Arguments *arguments)
{
        const Request request = { .method = "FindOrphans", .asks = true };
        _cleanup_(json_decrefp) json_t *answer = NULL;
        int r;

        if (arguments->delete && !arguments->yes && !ask_is_possible())
                return usage_error(arguments->verb,
                        "--delete has no terminal to ask at; give --yes to delete without asking");
        r = request_ask(&request, arguments, &answer);
        if (r != 0)
                return r;
        if (arguments->json && !arguments->delete)
                return client_print_json(answer);
        if (!arguments->json && !arguments->quiet && print_orphans(answer, arguments) < 0)
                return client_report_errno(-ENOMEM, "cannot print the orphans");
        return arguments->delete ? find_and_delete(answer, arguments) : 0;
}
