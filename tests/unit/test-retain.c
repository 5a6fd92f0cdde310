/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/retain.h"

#include "base/clock.h"
#include "base/text.h"
#include "tests/unit/unit.h"

#define HOUR (3600 * USEC_PER_SEC)
#define DAY (24 * HOUR)
#define OBJECTS_MAX 32

typedef struct History {
        RetainObject objects[OBJECTS_MAX];
        char ids[OBJECTS_MAX][8];
        size_t count;
} History;

static RetainObject *add(History *history, const char *when)
{
        RetainObject *object = &history->objects[history->count];

        assert_true(history->count < OBJECTS_MAX);
        (void)snprintf(
                history->ids[history->count], sizeof(history->ids[0]), "%zu", history->count);
        object->id = history->ids[history->count++];
        assert_return_code(timestamp_parse(when, &object->created_usec), 0);
        return object;
}

static void choose(History *history, const RetainPolicy *policy, const char *now, const char *zone)
{
        RetainObject *sorted[OBJECTS_MAX];
        RetainTime time = { .to_local = localtime_r };

        assert_int_equal(setenv("TZ", zone, 1), 0);
        tzset();
        assert_return_code(timestamp_parse(now, &time.now_usec), 0);
        for (size_t i = 0; i < history->count; i++)
                sorted[i] = &history->objects[i];
        retain_choose(sorted, history->count, policy, &time);
}

/* "k-k": kept, deleted, kept, in the order of add(). */
static void assert_kept(const History *history, const char *expected)
{
        char seen[OBJECTS_MAX + 1] = "";

        for (size_t i = 0; i < history->count; i++)
                seen[i] = retain_is_kept(&history->objects[i]) ? 'k' : '-';
        assert_string_equal(seen, expected);
}

static void without_a_rule_everything_stays(void **state)
{
        const RetainPolicy none = { .keep_at_least = 1, .min_age_usec = DAY };
        History history = { 0 };

        add(&history, "2001-01-01T00:00:00Z");
        add(&history, "2026-01-01T00:00:00Z")->state = RETAIN_FAILED;
        choose(&history, &none, "2026-11-23T00:00:00Z", "UTC");
        assert_kept(&history, "kk");
        assert_int_equal(history.objects[0].reason, RETAIN_BECAUSE_NO_RULE);
        assert_false(retain_policy_is_set(&none));
}

static void with_an_age_alone_only_what_is_older_goes(void **state)
{
        const RetainPolicy policy = { .max_age_usec = 30 * DAY };
        History history = { 0 };

        add(&history, "2026-10-23T23:59:59Z");
        add(&history, "2026-10-24T00:00:00Z");
        add(&history, "2026-11-22T00:00:00Z");
        choose(&history, &policy, "2026-11-23T00:00:00Z", "UTC");
        assert_kept(&history, "-kk");
        assert_true(retain_policy_is_set(&policy));
}

static void the_newest_of_each_span_that_has_one_stays(void **state)
{
        static const char *const times[] = { "2026-11-23T10:10:00Z", "2026-11-23T10:50:00Z",
                "2026-11-23T09:00:00Z", "2026-11-20T23:59:59Z", "2026-11-20T00:00:00Z",
                "2026-10-31T12:00:00Z", "2025-06-01T00:00:00Z", "2024-06-01T00:00:00Z" };
        static const struct {
                RetainRule rule;
                uint64_t count;
                const char *kept;
        } cases[] = {
                { RETAIN_KEEP_LAST, 3, "kkk-----" },
                { RETAIN_KEEP_HOURLY, 3, "-kkk----" },
                { RETAIN_KEEP_DAILY, 3, "-k-k-k--" },
                { RETAIN_KEEP_WEEKLY, 3, "-k-k-k--" },
                { RETAIN_KEEP_MONTHLY, 2, "-k---k--" },
                { RETAIN_KEEP_YEARLY, 2, "-k----k-" },
                { RETAIN_KEEP_YEARLY, 9, "-k----kk" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                RetainPolicy policy = { .keep_at_least = 1 };
                History history = { 0 };

                for (size_t j = 0; j < ELEMENTSOF(times); j++)
                        add(&history, times[j]);
                policy.keep[cases[i].rule] = cases[i].count;
                choose(&history, &policy, "2026-11-23T12:00:00Z", "UTC");
                assert_kept(&history, cases[i].kept);
        }
}

static void a_week_is_that_of_iso_8601(void **state)
{
        const RetainPolicy policy = { .keep[RETAIN_KEEP_WEEKLY] = 9 };
        History history = { 0 };

        add(&history, "2026-12-27T23:00:00Z"); /* Sunday of 2026-W52 */
        add(&history, "2026-12-28T00:00:00Z"); /* Monday of 2026-W53 */
        add(&history, "2027-01-03T23:59:00Z"); /* Sunday of the same week, in the next year */
        add(&history, "2027-01-04T00:00:00Z"); /* Monday of 2027-W01 */
        choose(&history, &policy, "2027-01-05T00:00:00Z", "UTC");
        assert_kept(&history, "k-kk");
}

static void a_day_is_that_of_the_time_zone(void **state)
{
        const RetainPolicy policy = { .keep[RETAIN_KEEP_DAILY] = 9 };
        History history = { 0 };

        add(&history, "2026-11-22T22:30:00Z"); /* 23:30 in Berlin */
        add(&history, "2026-11-22T23:30:00Z"); /* 00:30 */
        choose(&history, &policy, "2026-11-23T12:00:00Z", "UTC");
        assert_kept(&history, "-k");
        choose(&history, &policy, "2026-11-23T12:00:00Z", "Europe/Berlin");
        assert_kept(&history, "kk");
}

static void an_hour_that_comes_twice_is_two(void **state)
{
        const RetainPolicy policy = { .keep[RETAIN_KEEP_HOURLY] = 9 };
        History history = { 0 };

        add(&history, "2026-10-25T00:10:00Z"); /* 02:10 in Berlin, summer time */
        add(&history, "2026-10-25T00:50:00Z");
        add(&history, "2026-10-25T01:10:00Z"); /* 02:10 again */
        add(&history, "2026-10-25T01:50:00Z");
        choose(&history, &policy, "2026-10-26T00:00:00Z", "Europe/Berlin");
        assert_kept(&history, "-k-k");
}

static RetainObject *add_cut(History *history, const char *made, const char *cut)
{
        RetainObject *object = add(history, made);

        assert_return_code(timestamp_parse(cut, &object->cut_usec), 0);
        return object;
}

static void the_newest_is_the_one_that_was_cut_last(void **state)
{
        const RetainPolicy policy = { .keep[RETAIN_KEEP_LAST] = 1, .keep_at_least = 1 };
        _cleanup_(freep) char *late = NULL, *newest = NULL;
        History history = { 0 };

        add_cut(&history, "2026-11-23T09:00:00Z", "2026-11-23T01:00:00Z"); /* it took long */
        add_cut(&history, "2026-11-23T05:00:00Z", "2026-11-23T04:00:00Z");
        add_cut(&history, "2026-11-23T03:00:00Z", "2026-11-23T02:00:00Z");
        choose(&history, &policy, "2026-11-23T12:00:00Z", "UTC");
        assert_kept(&history, "kk-");
        assert_return_code(retain_format_reason(&history.objects[0], &policy, &late), 0);
        assert_return_code(retain_format_reason(&history.objects[1], &policy, &newest), 0);
        assert_string_equal(late, "one of the newest, by when it was made (KeepLast=1)");
        assert_string_equal(newest, "one of the newest (KeepLast=1)");

        /* The next one that is the newest both ways takes the place of both. */
        add_cut(&history, "2026-11-23T11:00:00Z", "2026-11-23T10:00:00Z");
        choose(&history, &policy, "2026-11-23T12:00:00Z", "UTC");
        assert_kept(&history, "---k");
}

static void of_a_day_the_newest_is_the_one_that_was_cut_last(void **state)
{
        const RetainPolicy policy = { .keep[RETAIN_KEEP_DAILY] = 2 };
        History history = { 0 };

        add_cut(&history, "2026-11-22T23:00:00Z", "2026-11-22T01:00:00Z");
        add_cut(&history, "2026-11-22T05:00:00Z", "2026-11-22T04:00:00Z");
        add_cut(&history, "2026-11-22T03:00:00Z", "2026-11-22T02:00:00Z");
        add_cut(&history, "2026-11-23T00:10:00Z", "2026-11-22T23:50:00Z"); /* the 23rd's still */
        add(&history, "2026-11-20T00:00:00Z");
        choose(&history, &policy, "2026-11-23T12:00:00Z", "UTC");
        assert_kept(&history, "kk-k-");
}

static void a_cut_that_cannot_be_is_none(void **state)
{
        const RetainPolicy policy = { .keep[RETAIN_KEEP_LAST] = 1 };
        History history = { 0 };

        add_cut(&history, "2026-11-21T00:00:00Z", "2036-01-01T00:00:00Z");
        add(&history, "2026-11-22T00:00:00Z")->cut_usec = UINT64_MAX;
        add(&history, "2026-11-23T00:00:00Z");
        choose(&history, &policy, "2026-11-23T12:00:00Z", "UTC");
        assert_kept(&history, "--k");
}

static void ages_are_those_that_ec2_tells(void **state)
{
        const RetainPolicy policy = { .max_age_usec = 10 * DAY,
                .keep[RETAIN_KEEP_LAST] = 1,
                .min_age_usec = DAY };
        History history = { 0 };

        add_cut(&history, "2026-11-23T11:00:00Z", "2001-01-01T00:00:00Z");
        add_cut(&history, "2026-11-14T00:00:00Z", "2001-01-01T00:00:00Z");
        add_cut(&history, "2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z");
        choose(&history, &policy, "2026-11-23T12:00:00Z", "UTC");
        assert_kept(&history, "k--");
        assert_int_equal(history.objects[0].reason, RETAIN_BECAUSE_YOUNG);
        assert_int_equal(history.objects[1].reason, RETAIN_BECAUSE_UNWANTED);
        assert_int_equal(history.objects[2].reason, RETAIN_BECAUSE_OLD);
}

static void leap_days_are_days(void **state)
{
        const RetainPolicy policy = { .keep[RETAIN_KEEP_DAILY] = 2,
                .keep[RETAIN_KEEP_MONTHLY] = 3 };
        History history = { 0 };

        add(&history, "2028-01-31T12:00:00Z");
        add(&history, "2028-02-28T12:00:00Z");
        add(&history, "2028-02-29T12:00:00Z");
        add(&history, "2028-03-01T12:00:00Z");
        choose(&history, &policy, "2028-03-01T13:00:00Z", "UTC");
        assert_kept(&history, "k-kk");
}

static void the_ages_come_before_the_rules(void **state)
{
        const RetainPolicy policy = { .keep[RETAIN_KEEP_LAST] = 1,
                .keep[RETAIN_KEEP_YEARLY] = 9,
                .max_age_usec = 400 * DAY,
                .min_age_usec = 2 * HOUR };
        History history = { 0 };

        add(&history, "2024-11-23T00:00:00Z"); /* the newest of its year, and too old */
        add(&history, "2026-11-23T09:00:00Z");
        add(&history, "2026-11-23T10:01:00Z"); /* kept by no rule, and too young */
        add(&history, "2026-11-23T10:00:00Z");
        add(&history, "2026-11-23T11:00:00Z");
        choose(&history, &policy, "2026-11-23T12:00:00Z", "UTC");
        assert_kept(&history, "--k-k");
        assert_int_equal(history.objects[0].reason, RETAIN_BECAUSE_OLD);
        assert_int_equal(history.objects[2].reason, RETAIN_BECAUSE_YOUNG);
}

static void the_newest_that_are_usable_stay_whatever_their_age(void **state)
{
        const RetainPolicy policy = {
                .max_age_usec = DAY, .keep_at_least = 2, .keep[RETAIN_KEEP_LAST] = 1
        };
        History history = { 0 };

        add(&history, "2026-01-01T00:00:00Z");
        add(&history, "2026-01-02T00:00:00Z");
        add(&history, "2026-01-03T00:00:00Z");
        add(&history, "2026-01-04T00:00:00Z")->state = RETAIN_FAILED;
        add(&history, "2026-01-05T00:00:00Z")->state = RETAIN_DOUBTFUL;
        choose(&history, &policy, "2026-11-23T00:00:00Z", "UTC");
        assert_kept(&history, "-kk--");
        assert_int_equal(history.objects[2].reason, RETAIN_BECAUSE_AT_LEAST);
}

static void what_failed_or_is_not_finished_takes_no_place(void **state)
{
        const RetainPolicy policy = { .keep[RETAIN_KEEP_LAST] = 2 };
        History history = { 0 };

        add(&history, "2026-01-01T00:00:00Z");
        add(&history, "2026-01-02T00:00:00Z");
        add(&history, "2026-01-03T00:00:00Z")->state = RETAIN_FAILED;
        add(&history, "2026-01-04T00:00:00Z")->state = RETAIN_PENDING;
        choose(&history, &policy, "2026-11-23T00:00:00Z", "UTC");
        assert_kept(&history, "kk-k");
        assert_int_equal(history.objects[2].reason, RETAIN_BECAUSE_FAILED);
        assert_int_equal(history.objects[3].reason, RETAIN_BECAUSE_PENDING);
}

static void the_newest_verified_stay(void **state)
{
        const RetainPolicy policy = { .keep[RETAIN_KEEP_VERIFIED] = 1, .keep_at_least = 1 };
        History history = { 0 };

        add(&history, "2026-01-01T00:00:00Z")->is_verified = true;
        add(&history, "2026-01-02T00:00:00Z")->is_verified = true;
        add(&history, "2026-01-03T00:00:00Z");
        add(&history, "2026-01-04T00:00:00Z");
        choose(&history, &policy, "2026-11-23T00:00:00Z", "UTC");
        assert_kept(&history, "-k-k");
}

static void what_has_a_guard_stays_and_says_why(void **state)
{
        const RetainPolicy policy = { .keep[RETAIN_KEEP_LAST] = 1 };
        _cleanup_(freep) char *reason = NULL;
        History history = { 0 };

        add(&history, "2026-01-01T00:00:00Z")->guard = "launch template lt-1 uses it";
        add(&history, "2026-01-02T00:00:00Z");
        choose(&history, &policy, "2026-11-23T00:00:00Z", "UTC");
        assert_kept(&history, "kk");
        assert_return_code(retain_format_reason(&history.objects[0], &policy, &reason), 0);
        assert_string_equal(reason, "launch template lt-1 uses it");
}

static void what_comes_from_the_future_is_of_no_age(void **state)
{
        const RetainPolicy policy = { .max_age_usec = DAY, .min_age_usec = 1 };
        History history = { 0 };

        add(&history, "2099-01-01T00:00:00Z");
        choose(&history, &policy, "2026-11-23T00:00:00Z", "UTC");
        assert_kept(&history, "k");
}

static void every_reason_can_be_said(void **state)
{
        const RetainPolicy policy = { .keep = { 1, 2, 3, 4, 5, 6, 7 },
                .max_age_usec = 30 * DAY,
                .min_age_usec = DAY,
                .keep_at_least = 3 };
        static const struct {
                int reason;
                const char *text;
        } cases[] = {
                { RETAIN_BECAUSE_RULE + RETAIN_KEEP_LAST, "one of the newest (KeepLast=1)" },
                { RETAIN_BECAUSE_RULE + RETAIN_KEEP_WEEKLY,
                        "the newest of its week (KeepWeekly=4)" },
                { RETAIN_BECAUSE_OLD, "older than MaxAge=30d 0h" },
                { RETAIN_BECAUSE_YOUNG, "younger than MinAge=1d 0h" },
                { RETAIN_BECAUSE_AT_LEAST, "the last that are left (KeepAtLeast=3)" },
                { RETAIN_BECAUSE_UNWANTED, "no Keep rule keeps it" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const RetainObject object = { .reason = (RetainReason)cases[i].reason };
                _cleanup_(freep) char *text = NULL;

                assert_return_code(retain_format_reason(&object, &policy, &text), 0);
                assert_string_equal(text, cases[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_a_rule_everything_stays),
                cmocka_unit_test(with_an_age_alone_only_what_is_older_goes),
                cmocka_unit_test(the_newest_of_each_span_that_has_one_stays),
                cmocka_unit_test(a_week_is_that_of_iso_8601),
                cmocka_unit_test(a_day_is_that_of_the_time_zone),
                cmocka_unit_test(an_hour_that_comes_twice_is_two),
                cmocka_unit_test(the_newest_is_the_one_that_was_cut_last),
                cmocka_unit_test(of_a_day_the_newest_is_the_one_that_was_cut_last),
                cmocka_unit_test(a_cut_that_cannot_be_is_none),
                cmocka_unit_test(ages_are_those_that_ec2_tells),
                cmocka_unit_test(leap_days_are_days),
                cmocka_unit_test(the_ages_come_before_the_rules),
                cmocka_unit_test(the_newest_that_are_usable_stay_whatever_their_age),
                cmocka_unit_test(what_failed_or_is_not_finished_takes_no_place),
                cmocka_unit_test(the_newest_verified_stay),
                cmocka_unit_test(what_has_a_guard_stays_and_says_why),
                cmocka_unit_test(what_comes_from_the_future_is_of_no_age),
                cmocka_unit_test(every_reason_can_be_said),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
