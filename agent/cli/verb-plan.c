/* SPDX-License-Identifier: Apache-2.0 */
/* plan: what a bake would do, told step by step. */

#include "base/text.h"
#include "cli/client.h"
#include "cli/display.h"
#include "cli/reasons.h"
#include "cli/request.h"
#include "cli/verb.h"

static int print_escaped(const char *before, const char *text, const char *after)
{
        _cleanup_(freep) char *escaped = NULL;
        int r;

        r = display_escape(text ? text : "", &escaped);
        if (r < 0)
                return r;
        printf("%s%s%s", before, escaped, after);
        return 0;
}

/* A line "LABEL  value", or none at all when there is no value. */
static int print_value(const char *label, const char *value)
{
        _cleanup_(freep) char *padded = NULL;

        if (!value || !*value)
                return 0;
        if (string_printf(&padded, "%-13s", label) < 0)
                return -ENOMEM;
        return print_escaped(padded, value, "\n");
}

static int print_method(const json_t *plan)
{
        const char *reason = json_get_string(plan, "method-reason", "");
        _cleanup_(freep) char *line = NULL;

        if (string_printf(&line, "%s%s%s%s", json_get_string(plan, "method", ""),
                    *reason ? " (" : "", reason, *reason ? ")" : "") < 0)
                return -ENOMEM;
        return print_value("Method", line);
}

static int print_budget(const json_t *plan)
{
        uint64_t usec = json_get_u64(plan, "budget-usec", 0);
        _cleanup_(freep) char *span = NULL;

        if (usec == 0)
                return 0;
        return format_usec(usec, &span) < 0 ? -ENOMEM : print_value("Budget", span);
}

static int print_tags(const json_t *tags)
{
        const json_t *tag;
        size_t i;

        json_array_foreach(tags, i, tag)
                if (print_value("Tag", json_string_value(tag)) < 0)
                        return -ENOMEM;
        return 0;
}

static int print_header(const json_t *plan)
{
        int r;

        r = print_value("Image", json_get_string(plan, "image-name", ""));
        if (r >= 0)
                r = print_method(plan);
        if (r >= 0)
                r = print_value("Consistency", json_get_string(plan, "consistency", ""));
        if (r >= 0)
                r = print_value("If degraded", json_get_string(plan, "on-degrade", ""));
        if (r >= 0)
                r = print_budget(plan);
        return r < 0 ? r : print_tags(json_object_get(plan, "tags"));
}

/* "freeze /data (ext4 on vol-1 vol-2)" */
static int print_filesystem(unsigned number, const json_t *filesystem)
{
        _cleanup_(freep) char *volumes = NULL, *line = NULL;

        if (display_strings(json_object_get(filesystem, "volumes"), &volumes) < 0 ||
                string_printf(&line, "freeze %s (%s%s%s)",
                        json_get_string(filesystem, "mount-point", ""),
                        json_get_string(filesystem, "type", "unknown type"), *volumes ? " on " : "",
                        volumes) < 0)
                return -ENOMEM;
        printf("%3u. ", number);
        return print_escaped("", line, "\n");
}

/* File systems of one group are frozen side by side, so they share the number of the step. */
static int print_groups(const json_t *groups, unsigned *number)
{
        const json_t *group, *filesystem;
        size_t i, j;

        json_array_foreach(groups, i, group) {
                (*number)++;
                json_array_foreach(group, j, filesystem)
                        if (print_filesystem(*number, filesystem) < 0)
                                return -ENOMEM;
        }
        return 0;
}

static int print_steps(const json_t *plan)
{
        const json_t *call;
        unsigned number = 0;
        size_t i;

        printf("\nSteps:\n");
        if (print_groups(json_object_get(plan, "groups"), &number) < 0)
                return -ENOMEM;
        json_array_foreach(json_object_get(plan, "calls"), i, call) {
                printf("%3u. ", ++number);
                if (print_escaped("", json_string_value(call), "\n") < 0)
                        return -ENOMEM;
        }
        if (number == 0)
                printf("  none\n");
        return 0;
}

/* "vfat on /dev/nvme0n1p15, vol-1", or of a device that nothing is mounted from, "vol-1" */
static int watched_place(const json_t *watched, char **ret)
{
        const char *type = json_get_string(watched, "type", NULL);
        _cleanup_(freep) char *volumes = NULL;
        int r;

        r = display_strings(json_object_get(watched, "volumes"), &volumes);
        if (r < 0)
                return r;
        if (!type) {
                *ret = TAKE_PTR(volumes);
                return 0;
        }
        return string_printf(ret, "%s on %s%s%s", type, json_get_string(watched, "device", "?"),
                *volumes ? ", " : "", volumes);
}

/* "/boot/efi (vfat on /dev/nvme0n1p15, vol-1): why it is not frozen" */
static int print_watched_one(const json_t *watched)
{
        _cleanup_(freep) char *place = NULL, *line = NULL;

        if (watched_place(watched, &place) < 0 ||
                string_printf(&line, "%s%s%s%s: %s", json_get_string(watched, "what", "?"),
                        *place ? " (" : "", place, *place ? ")" : "",
                        json_get_string(watched, "reason", "no reason given")) < 0)
                return -ENOMEM;
        return print_escaped("  ", line, "\n");
}

static int print_watched(const json_t *entries)
{
        const json_t *entry;
        size_t i;

        if (json_array_size(entries) > 0)
                printf("\nNot frozen; what is written to it meanwhile makes the class crash:\n");
        json_array_foreach(entries, i, entry)
                if (print_watched_one(entry) < 0)
                        return -ENOMEM;
        return 0;
}

static int print_not_covered(const json_t *entries)
{
        if (json_array_size(entries) > 0)
                printf("\nNot covered:\n");
        return reasons_print(entries, "what");
}

static int print_texts(const char *heading, const json_t *texts)
{
        const json_t *text;
        size_t i;

        if (json_array_size(texts) > 0)
                printf("\n%s:\n", heading);
        json_array_foreach(texts, i, text)
                if (print_escaped("  ", json_string_value(text), "\n") < 0)
                        return -ENOMEM;
        return 0;
}

static int print_plan(const json_t *plan)
{
        int r;

        r = print_header(plan);
        if (r >= 0)
                r = print_steps(plan);
        if (r >= 0)
                r = print_watched(json_object_get(plan, "watched"));
        if (r >= 0)
                r = print_not_covered(json_object_get(plan, "not-covered"));
        if (r >= 0)
                r = print_texts("Warnings", json_object_get(plan, "warnings"));
        return r < 0 ? r : print_texts("Refused", json_object_get(plan, "refusals"));
}

static int show_plan(const json_t *plan, const Arguments *arguments)
{
        int r = 0;

        if (arguments->json)
                r = client_print_json(plan);
        else if (print_plan(plan) < 0)
                r = client_report_errno(-ENOMEM, "cannot print the plan");
        if (r == 0 && json_array_size(json_object_get(plan, "refusals")) > 0) {
                client_say("this plan would be refused, for the reasons that it gives");
                return EXIT_FAILURE;
        }
        return r;
}

int verb_plan(const Arguments *arguments)
{
        const Request request = { .method = "Plan",
                .name = arguments->n_operands > 0 ? arguments->operands[0] : "" };
        _cleanup_(json_decrefp) json_t *plan = NULL;
        int r = request_ask(&request, arguments, &plan);

        return r != 0 ? r : show_plan(plan, arguments);
}
