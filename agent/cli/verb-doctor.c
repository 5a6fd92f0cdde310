/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: what this instance may do, before a night comes in which it has to. */

#include "base/text.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/listing.h"
#include "cli/request.h"
#include "cli/verb.h"

/* A host that only creates needs no permission to delete: a check may say that it is not needed. */
static bool is_needed(const json_t *check)
{
        return json_get_bool(check, "needed", true);
}

static int add_needed(Table *table, const json_t *check, const char *key)
{
        return table_add(table, is_needed(check) ? "yes" : "no");
}

static const Column check_columns[] = {
        { "FOR", "for", listing_add_text },
        { "CHECK", "what", listing_add_text },
        { "NEEDED", NULL, add_needed },
        { "RESULT", "result", listing_add_text },
        { "REMARK", "message", listing_add_text },
};

static size_t count_bad(const json_t *checks)
{
        const json_t *check;
        size_t i, n = 0;

        json_array_foreach(checks, i, check) {
                const char *result = json_get_string(check, "result", "");

                n += is_needed(check) && (streq(result, "denied") || streq(result, "failed"));
        }
        return n;
}

int verb_doctor(const Arguments *arguments)
{
        const Request request = { .method = "Doctor", .asks = true,
                .profile = arguments->n_operands > 0 ? arguments->operands[0] : NULL };
        _cleanup_(json_decrefp) json_t *answer = NULL;
        const json_t *checks;
        size_t n_bad;
        int r;

        r = request_ask(&request, arguments, &answer);
        if (r != 0)
                return r;
        checks = json_object_get(answer, "checks");
        if (arguments->json)
                r = client_print_json(answer);
        else if (listing_print(check_columns, ELEMENTSOF(check_columns), checks,
                         "Nothing was checked.") < 0)
                r = client_report_errno(-ENOMEM, "cannot print the checks");
        n_bad = count_bad(checks);
        if (n_bad == 0)
                return r;
        client_say("%zu needed check%s went wrong; the README has the policies of IAM", n_bad,
                n_bad > 1 ? "s" : "");
        return EXIT_FAILURE;
}
