/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept and what goes: a pure choice, from objects, a policy and a moment. */

#include "flow/retain.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/text.h"

#define SECONDS_PER_HOUR 3600

/* As quiesced.profile(5) spells them. */
static const char *const rule_names[RETAIN_RULE_MAX] = {
        [RETAIN_KEEP_LAST] = "KeepLast",
        [RETAIN_KEEP_HOURLY] = "KeepHourly",
        [RETAIN_KEEP_DAILY] = "KeepDaily",
        [RETAIN_KEEP_WEEKLY] = "KeepWeekly",
        [RETAIN_KEEP_MONTHLY] = "KeepMonthly",
        [RETAIN_KEEP_YEARLY] = "KeepYearly",
        [RETAIN_KEEP_VERIFIED] = "KeepVerified",
};

/* Of those that have spans of time: the number of the span that a moment lies in. */
static int64_t day_of(const struct tm *local)
{
        struct tm midnight = {
                .tm_year = local->tm_year, .tm_mon = local->tm_mon, .tm_mday = local->tm_mday
        };

        return timegm(&midnight) / (24 * SECONDS_PER_HOUR);
}

/* By where the hour began in UTC: the hour that a clock repeats when it is put back is two. */
static int64_t hour_of(const struct tm *local, int64_t seconds)
{
        return seconds - local->tm_min * 60 - local->tm_sec;
}

static int64_t span_of(RetainRule rule, const struct tm *local, int64_t seconds)
{
        switch (rule) {
        case RETAIN_KEEP_HOURLY:
                return hour_of(local, seconds);
        case RETAIN_KEEP_DAILY:
                return day_of(local);
        case RETAIN_KEEP_WEEKLY:
                return day_of(local) - (local->tm_wday + 6) % 7;
        case RETAIN_KEEP_MONTHLY:
                return local->tm_year * 12 + local->tm_mon;
        default:
                return local->tm_year;
        }
}

/* One pass from the newest to the oldest, and what it has come to. */
typedef struct Pass {
        const RetainPolicy *policy;
        const RetainTime *time;
        bool has_rules;
        bool by_cut; /* the second one: the first has found out what each span holds */
        uint64_t taken[RETAIN_RULE_MAX];
        int64_t span[RETAIN_RULE_MAX]; /* the last one that was begun */
        RetainObject *newest_cut[RETAIN_RULE_MAX]; /* of that; NULL if it was not taken */
        uint64_t n_usable;
} Pass;

static bool has_rules(const RetainPolicy *policy)
{
        for (size_t rule = 0; rule < RETAIN_RULE_MAX; rule++)
                if (policy->keep[rule] > 0)
                        return true;
        return false;
}

bool retain_policy_is_set(const RetainPolicy *policy)
{
        return policy->max_age_usec > 0 || has_rules(policy);
}

static int compare_times(uint64_t a_usec, uint64_t b_usec)
{
        return (a_usec < b_usec) - (a_usec > b_usec);
}

static int compare_made(const RetainObject *x, const RetainObject *y)
{
        int r = compare_times(x->created_usec, y->created_usec);

        return r != 0 ? r : strcmp(y->id, x->id);
}

static int compare_cut(const RetainObject *x, const RetainObject *y)
{
        int r = compare_times(retain_cut_usec(x), retain_cut_usec(y));

        return r != 0 ? r : compare_made(x, y);
}

static void note_newest_cut(Pass *pass, RetainRule rule, RetainObject *object)
{
        RetainObject *newest = pass->newest_cut[rule];

        if (newest)
                newest->newest_cut_of &= ~(1U << rule);
        pass->newest_cut[rule] = object;
        object->newest_cut_of |= 1U << rule;
}

/* A clock put back across midnight shows a day again that has ended: spans only ever get earlier.
 */
static bool begins_span(Pass *pass, RetainRule rule, RetainObject *object, int64_t span)
{
        RetainObject *newest = pass->newest_cut[rule];

        if (pass->taken[rule] > 0 && span >= pass->span[rule]) {
                if (newest && span == pass->span[rule] && compare_cut(object, newest) < 0)
                        note_newest_cut(pass, rule, object);
                return false;
        }
        pass->span[rule] = span;
        pass->newest_cut[rule] = NULL;
        if (pass->taken[rule] >= pass->policy->keep[rule])
                return false;
        note_newest_cut(pass, rule, object);
        return true;
}

static bool is_next_of_rule(
        Pass *pass, RetainRule rule, RetainObject *object, const struct tm *local)
{
        bool is_full = pass->taken[rule] >= pass->policy->keep[rule];
        int64_t seconds = (int64_t)(object->created_usec / USEC_PER_SEC);

        switch (rule) {
        case RETAIN_KEEP_LAST:
                return !is_full;
        case RETAIN_KEEP_VERIFIED:
                return !is_full && object->is_verified;
        default:
                if (pass->by_cut)
                        return object->newest_cut_of & (1U << rule);
                if (is_full && !pass->newest_cut[rule]) /* nothing older takes part any more */
                        return false;
                return begins_span(pass, rule, object, span_of(rule, local, seconds));
        }
}

/* The first rule that keeps it, or RETAIN_RULE_MAX; it takes a place in every rule that does. */
static RetainRule take_places(Pass *pass, RetainObject *object)
{
        time_t seconds = (time_t)(object->created_usec / USEC_PER_SEC);
        RetainRule first = RETAIN_RULE_MAX;
        struct tm local = { 0 };

        if (!pass->by_cut)
                (void)pass->time->to_local(&seconds, &local);
        for (RetainRule rule = 0; rule < RETAIN_RULE_MAX; rule++) {
                if (pass->policy->keep[rule] == 0 || !is_next_of_rule(pass, rule, object, &local))
                        continue;
                pass->taken[rule]++;
                if (first == RETAIN_RULE_MAX)
                        first = rule;
        }
        return first;
}

/* What the policy says of it, as long as nothing stands before that. */
static RetainReason judge(
        const Pass *pass, const RetainObject *object, RetainRule kept_by, uint64_t age_usec)
{
        const RetainPolicy *policy = pass->policy;

        if (policy->max_age_usec > 0 && age_usec > policy->max_age_usec)
                return RETAIN_BECAUSE_OLD;
        if (!pass->has_rules)
                return RETAIN_BECAUSE_NO_RULE;
        if (object->state == RETAIN_FAILED)
                return RETAIN_BECAUSE_FAILED;
        return kept_by == RETAIN_RULE_MAX ? RETAIN_BECAUSE_UNWANTED : RETAIN_BECAUSE_RULE + kept_by;
}

static RetainReason choose(Pass *pass, RetainObject *object)
{
        uint64_t now_usec = pass->time->now_usec;
        uint64_t age_usec = object->created_usec < now_usec ? now_usec - object->created_usec : 0;
        RetainRule kept_by = RETAIN_RULE_MAX;
        RetainReason reason;

        if (object->state == RETAIN_PENDING)
                return RETAIN_BECAUSE_PENDING;
        if (object->state != RETAIN_FAILED)
                kept_by = take_places(pass, object);
        if (object->state == RETAIN_USABLE)
                pass->n_usable++;
        reason = judge(pass, object, kept_by, age_usec);
        if (reason < RETAIN_BECAUSE_KEPT_MAX)
                return reason;
        if (age_usec < pass->policy->min_age_usec)
                return RETAIN_BECAUSE_YOUNG;
        if (object->state == RETAIN_USABLE && pass->n_usable <= pass->policy->keep_at_least)
                return RETAIN_BECAUSE_AT_LEAST;
        return object->guard ? RETAIN_BECAUSE_GUARD : reason;
}

static int compare_newest_made(const void *a, const void *b)
{
        return compare_made(*(RetainObject *const *)a, *(RetainObject *const *)b);
}

static int compare_newest_cut(const void *a, const void *b)
{
        return compare_cut(*(RetainObject *const *)a, *(RetainObject *const *)b);
}

static void choose_by_creation(RetainObject **objects, size_t n_objects, Pass *pass)
{
        qsort(objects, n_objects, sizeof(objects[0]), compare_newest_made);
        for (size_t i = 0; i < n_objects; i++) {
                objects[i]->is_by_creation = false;
                objects[i]->newest_cut_of = 0;
                objects[i]->reason = choose(pass, objects[i]);
        }
}

/* As a rule they were made in the order in which they were cut, and all of it stands already. */
static bool is_in_order(RetainObject **objects, size_t n_objects)
{
        for (size_t i = 1; i < n_objects; i++)
                if (compare_cut(objects[i - 1], objects[i]) > 0)
                        return false;
        return true;
}

static void choose_by_cut(RetainObject **objects, size_t n_objects, Pass *pass)
{
        qsort(objects, n_objects, sizeof(objects[0]), compare_newest_cut);
        for (size_t i = 0; i < n_objects; i++) {
                RetainObject *object = objects[i];
                RetainReason reason = choose(pass, object);

                object->is_by_creation =
                        retain_is_kept(object) && reason >= RETAIN_BECAUSE_KEPT_MAX;
                if (!object->is_by_creation)
                        object->reason = reason;
        }
}

void retain_choose(RetainObject **objects, size_t n_objects, const RetainPolicy *policy,
        const RetainTime *time)
{
        Pass made = { .policy = policy, .time = time, .has_rules = has_rules(policy) };
        Pass cut = made;

        cut.by_cut = true;
        if (n_objects == 0)
                return;
        choose_by_creation(objects, n_objects, &made);
        if (!is_in_order(objects, n_objects))
                choose_by_cut(objects, n_objects, &cut);
}

/* --- For people ------------------------------------------------------------------------------- */

/* Of two that are kept as the newest one it is not the one that was cut last. */
static const char *tell_order(const RetainObject *object)
{
        return object->is_by_creation ? ", by when it was made" : "";
}

static int format_rule(const RetainObject *object, const RetainPolicy *policy, char **ret)
{
        RetainRule rule = (RetainRule)(object->reason - RETAIN_BECAUSE_RULE);
        static const char *const why[RETAIN_RULE_MAX] = {
                [RETAIN_KEEP_LAST] = "one of the newest",
                [RETAIN_KEEP_HOURLY] = "the newest of its hour",
                [RETAIN_KEEP_DAILY] = "the newest of its day",
                [RETAIN_KEEP_WEEKLY] = "the newest of its week",
                [RETAIN_KEEP_MONTHLY] = "the newest of its month",
                [RETAIN_KEEP_YEARLY] = "the newest of its year",
                [RETAIN_KEEP_VERIFIED] = "one of the newest verified",
        };

        return string_printf(ret, "%s%s (%s=%" PRIu64 ")", why[rule], tell_order(object),
                rule_names[rule], policy->keep[rule]);
}

static int format_age(const char *before, uint64_t usec, char **ret)
{
        _cleanup_(freep) char *span = NULL;
        int r = format_usec(usec, &span);

        return r < 0 ? r : string_printf(ret, "%s=%s", before, span);
}

int retain_format_reason(const RetainObject *object, const RetainPolicy *policy, char **ret)
{
        switch (object->reason) {
        case RETAIN_BECAUSE_PENDING:
                return string_printf(ret, "not finished");
        case RETAIN_BECAUSE_YOUNG:
                return format_age("younger than MinAge", policy->min_age_usec, ret);
        case RETAIN_BECAUSE_NO_RULE:
                return string_printf(ret, "there is no Keep rule");
        case RETAIN_BECAUSE_AT_LEAST:
                return string_printf(ret, "the last that are left%s (KeepAtLeast=%" PRIu64 ")",
                        tell_order(object), policy->keep_at_least);
        case RETAIN_BECAUSE_GUARD:
                return string_printf(ret, "%s", object->guard);
        case RETAIN_BECAUSE_OLD:
                return format_age("older than MaxAge", policy->max_age_usec, ret);
        case RETAIN_BECAUSE_UNWANTED:
                return string_printf(ret, "no Keep rule keeps it");
        case RETAIN_BECAUSE_FAILED:
                return string_printf(ret, "it failed");
        default:
                return format_rule(object, policy, ret);
        }
}
