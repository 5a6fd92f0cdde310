/* SPDX-License-Identifier: Apache-2.0 */
/* What speaks against a plan: lines for people, and whether they end it. */

#include "flow/plan-verdict.h"

#include <stdarg.h>

static int add_line(StringList *list, const char *format, va_list arguments) _printf_(2, 0);

static int add_line(StringList *list, const char *format, va_list arguments)
{
        _cleanup_(freep) char *line = NULL;

        if (vasprintf(&line, format, arguments) < 0) {
                line = NULL;
                return -ENOMEM;
        }
        return string_list_add(list, line);
}

static int add_refusal(Plan *plan, FailureKind kind, const char *format, va_list arguments)
        _printf_(3, 0);

static int add_refusal(Plan *plan, FailureKind kind, const char *format, va_list arguments)
{
        if (plan->refusals.count == 0)
                plan->refusal_kind = kind;
        return add_line(&plan->refusals, format, arguments);
}

int plan_refuse(Plan *plan, FailureKind kind, const char *format, ...)
{
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = add_refusal(plan, kind, format, arguments);
        va_end(arguments);
        return r;
}

int plan_warn(Plan *plan, const char *format, ...)
{
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = add_line(&plan->warnings, format, arguments);
        va_end(arguments);
        return r;
}

bool plan_degrading_is_refused(const Profile *profile)
{
        return profile->consistency != CONSISTENCY_CRASH && profile->on_degrade == ON_DEGRADE_FAIL;
}

int plan_degrade(Plan *plan, const Profile *profile, FailureKind kind, const char *format, ...)
{
        va_list arguments;
        int r;

        plan->complete_coverage = false;
        va_start(arguments, format);
        if (plan_degrading_is_refused(profile))
                r = add_refusal(plan, kind, format, arguments);
        else
                r = add_line(&plan->warnings, format, arguments);
        va_end(arguments);
        return r;
}
