/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: what this instance may do, before a night comes in which it has to. */

#include "base/text.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/listing.h"
#include "cli/request.h"
#include "cli/verb.h"

static const Column check_columns[] = {
        { "FOR", "for", listing_add_text },
        { "CHECK", "what", listing_add_text },
        { "RESULT", "result", listing_add_text },
        { "REMARK", "message", listing_add_text },
};

/* A host that only creates needs no permission to delete: a check may say that it is not needed. */
static size_t count_bad(const json_t *checks)
{
        const json_t *check;
        size_t i, n = 0;

        json_array_foreach(checks, i, check) {
                const char *result = json_get_string(check, "result", "");

                n += json_get_bool(check, "needed", true) &&
                        (streq(result, "denied") || streq(result, "failed"));
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
        client_say("%zu of these checks went wrong; the README has the policies of IAM", n_bad);
        return EXIT_FAILURE;
}
