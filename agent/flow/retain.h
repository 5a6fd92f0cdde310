/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is kept and what goes: a pure choice, from objects, a policy and a moment. It has no past,
 * and is such that time alone, and what is made later, never gives back what it once has given up.
 *
 * Which of two is the newer one goes by the points in time that they hold: a bake that took long has
 * an older one than another that has ended before it. That stands on the object itself, where it may
 * be wrong or forged: what the rules keep by when EC2 says that it was made stays as well, and ages
 * and spans of time go by that alone. No cut_usec ever makes go what would stay without it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

typedef enum RetainRule {
        RETAIN_KEEP_LAST,
        RETAIN_KEEP_HOURLY,
        RETAIN_KEEP_DAILY,
        RETAIN_KEEP_WEEKLY, /* ISO 8601: from Monday on */
        RETAIN_KEEP_MONTHLY,
        RETAIN_KEEP_YEARLY,
        RETAIN_KEEP_VERIFIED,
        RETAIN_RULE_MAX,
} RetainRule;

typedef struct RetainPolicy {
        uint64_t keep[RETAIN_RULE_MAX]; /* so many; 0: no such rule */
        uint64_t max_age_usec;          /* 0: none */
        uint64_t min_age_usec;
        uint64_t keep_at_least; /* of what is usable */
} RetainPolicy;

typedef enum RetainState {
        RETAIN_USABLE,
        RETAIN_DOUBTFUL, /* whole, but not proved good: counts for all but KeepAtLeast */
        RETAIN_PENDING,  /* not finished: stays, and counts for nothing */
        RETAIN_FAILED,   /* no rule keeps it */
} RetainState;

typedef enum RetainReason {
        RETAIN_BECAUSE_PENDING,
        RETAIN_BECAUSE_YOUNG,
        RETAIN_BECAUSE_RULE, /* + RetainRule */
        RETAIN_BECAUSE_NO_RULE = RETAIN_BECAUSE_RULE + RETAIN_RULE_MAX,
        RETAIN_BECAUSE_AT_LEAST,
        RETAIN_BECAUSE_GUARD,
        RETAIN_BECAUSE_KEPT_MAX, /* why it goes comes behind this */
        RETAIN_BECAUSE_OLD,
        RETAIN_BECAUSE_UNWANTED,
        RETAIN_BECAUSE_FAILED,
} RetainReason;

typedef struct RetainObject {
        const char *id;        /* tells two of the same moment apart */
        uint64_t created_usec; /* realtime; in the future its age is 0 */
        uint64_t cut_usec; /* realtime, of its point in time; 0 or later than that: not known */
        RetainState state;
        bool is_verified;
        const char *guard;   /* why it stays whatever the policy says; or NULL */
        RetainReason reason; /* the choice */
        bool is_by_creation; /* it is kept, and would not be by its cut */
        unsigned newest_cut_of; /* a bit for each RetainRule of whose span it holds the newest */
} RetainObject;

typedef struct RetainTime {
        uint64_t now_usec;
        struct tm *(*to_local)(
                const time_t *seconds, struct tm *ret); /* localtime_r(), or another */
} RetainTime;

/* When the point in time was that it holds, as far as that can be believed. */
static inline uint64_t retain_cut_usec(const RetainObject *object)
{
        return object->cut_usec > 0 && object->cut_usec < object->created_usec
                ? object->cut_usec
                : object->created_usec;
}

bool retain_policy_is_set(const RetainPolicy *policy); /* whether anything can ever go */

/* Sorts `objects`, the newest cut first, and gives each its reason. n log n, without memory of its own.
 */
void retain_choose(RetainObject **objects, size_t n_objects, const RetainPolicy *policy,
        const RetainTime *time);

static inline bool retain_is_kept(const RetainObject *object)
{
        return object->reason < RETAIN_BECAUSE_KEPT_MAX;
}

/* "the newest of its day (KeepDaily=7)": for people. 0 or -ENOMEM. */
int retain_format_reason(const RetainObject *object, const RetainPolicy *policy, char **ret);
