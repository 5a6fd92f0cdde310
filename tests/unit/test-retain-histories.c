/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds for every history and every policy: ten thousand of each, made up from a seed that a
 * failure prints. The choice is held against another one that is written as the man page reads,
 * with the calendar's names for days and weeks and without any order.
 */
#include "flow/retain.h"

#include "base/clock.h"
#include "base/text.h"
#include "tests/unit/unit.h"

#define HISTORIES 10000
#define OBJECTS_MAX 48
#define SPAN_NAME_MAX 64
#define HOUR (3600 * USEC_PER_SEC)
#define DAY (24 * HOUR)

/* Where a calendar is not what it is all year; and ordinary days. */
static const struct {
        const char *zone, *moment;
} places[] = {
        { "UTC", "2024-02-29T12:00:00Z" },
        { "UTC", "2027-01-03T23:00:00Z" },            /* a year's last week ends in the next year */
        { "Asia/Kathmandu", "2026-06-17T12:00:00Z" }, /* a quarter of an hour beside the others */
        { "Europe/Berlin", "2026-03-29T01:00:00Z" },
        { "Europe/Berlin", "2026-10-25T01:00:00Z" },
        { "America/New_York", "2026-11-01T06:00:00Z" },
        { "America/Havana", "2026-11-01T05:00:00Z" },    /* from 1 o'clock back to midnight */
        { "America/Sao_Paulo", "2018-02-18T02:00:00Z" }, /* from midnight back to the day before */
        { "Australia/Lord_Howe", "2026-04-04T15:00:00Z" }, /* by half an hour */
        { "Antarctica/Troll", "2026-10-25T01:00:00Z" },    /* by two */
        { "Pacific/Apia", "2011-12-30T10:00:00Z" },        /* a day that never was */
        { "America/New_York", "2100-02-28T23:00:00Z" },
};

typedef struct History {
        uint64_t seed;
        const char *zone;
        RetainPolicy policy;
        RetainTime time;
        bool has_cuts;
        RetainObject objects[OBJECTS_MAX];
        char ids[OBJECTS_MAX][16];
        size_t count;
} History;

/* splitmix64 */
static uint64_t draw(History *history, uint64_t below)
{
        uint64_t z = history->seed += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return (z ^ (z >> 31)) % below;
}

static void draw_policy(History *history)
{
        RetainPolicy *policy = &history->policy;

        for (size_t rule = 0; rule < RETAIN_RULE_MAX; rule++)
                policy->keep[rule] = draw(history, 3) == 0 ? draw(history, 9) : 0;
        if (draw(history, 3) == 0)
                policy->max_age_usec = draw(history, 90) * DAY + draw(history, DAY);
        if (draw(history, 3) == 0)
                policy->min_age_usec = draw(history, 4) * DAY + draw(history, DAY);
        policy->keep_at_least = draw(history, 4);
}

static uint64_t draw_age(History *history)
{
        static const uint64_t scales[] = { 60 * USEC_PER_SEC, HOUR, DAY, 30 * DAY, 700 * DAY };
        uint64_t scale = scales[draw(history, ELEMENTSOF(scales))];

        return draw(history, 8) == 0 ? 0 : draw(history, 8 * scale);
}

/* Mostly such that it was made soon after; else as wrong or as forged as can be. */
static uint64_t draw_cut(History *history, uint64_t created_usec)
{
        uint64_t took_usec = draw(history, draw(history, 2) == 0 ? 4 * HOUR : 3 * DAY);

        switch (draw(history, 12)) {
        case 0:
                return 0;
        case 1:
                return draw(history, 2 * created_usec);
        default:
                return took_usec < created_usec ? created_usec - took_usec : 1;
        }
}

/* Of any age: what comes later may also have been made earlier, as a copy that took its time. */
static void draw_object(History *history, uint64_t newest_usec)
{
        static const RetainState states[] = { RETAIN_USABLE, RETAIN_USABLE, RETAIN_USABLE,
                RETAIN_USABLE, RETAIN_USABLE, RETAIN_DOUBTFUL, RETAIN_PENDING, RETAIN_FAILED };
        RetainObject *object = &history->objects[history->count];
        char *id = history->ids[history->count++];
        uint64_t age_usec = draw_age(history);

        (void)snprintf(id, sizeof(history->ids[0]), "%08x", (unsigned)draw(history, 1U << 31));
        *object = (RetainObject){ .id = id,
                .created_usec = age_usec < newest_usec ? newest_usec - age_usec : 1,
                .state = states[draw(history, ELEMENTSOF(states))],
                .is_verified = draw(history, 3) == 0,
                .guard = draw(history, 8) == 0 ? "someone uses it" : NULL };
        if (history->count > 1 && draw(history, 6) == 0)
                object->created_usec = object[-1].created_usec;
        if (history->has_cuts)
                object->cut_usec = draw_cut(history, object->created_usec);
}

static void draw_history(uint64_t seed, History *history)
{
        uint64_t around;
        size_t count, place;

        *history = (History){ .seed = seed, .time.to_local = localtime_r };
        place = draw(history, ELEMENTSOF(places));
        history->zone = places[place].zone;
        assert_int_equal(setenv("TZ", history->zone, 1), 0);
        tzset();
        assert_return_code(timestamp_parse(places[place].moment, &around), 0);
        history->time.now_usec = around + draw(history, draw(history, 2) == 0 ? 4 * HOUR : 3 * DAY);
        draw_policy(history);
        history->has_cuts = draw(history, 4) > 0;
        count = draw(history, OBJECTS_MAX - 8);
        while (history->count < count)
                draw_object(history, history->time.now_usec + 2 * HOUR);
}

static void choose(History *history)
{
        RetainObject *sorted[OBJECTS_MAX];

        for (size_t i = 0; i < history->count; i++)
                sorted[i] = &history->objects[i];
        for (size_t i = history->count; i > 1; i--) {
                size_t j = draw(history, i);
                RetainObject *swapped = sorted[i - 1];

                sorted[i - 1] = sorted[j];
                sorted[j] = swapped;
        }
        retain_choose(sorted, history->count, &history->policy, &history->time);
}

/* --- The same once more, slowly --------------------------------------------------------------- */

static uint64_t cut_of(const RetainObject *object)
{
        bool is_known = object->cut_usec > 0 && object->cut_usec < object->created_usec;

        return is_known ? object->cut_usec : object->created_usec;
}

static bool is_newer(const RetainObject *a, const RetainObject *b, bool by_cut)
{
        if (by_cut && cut_of(a) != cut_of(b))
                return cut_of(a) > cut_of(b);
        return a->created_usec > b->created_usec ||
                (a->created_usec == b->created_usec && strcmp(a->id, b->id) > 0);
}

/* What people call the hour, day, ... that it was made in; the hour with its offset from UTC. */
static void name_span(RetainRule rule, const RetainObject *object, char *ret)
{
        time_t seconds = (time_t)(object->created_usec / USEC_PER_SEC);
        struct tm local;

        assert_non_null(localtime_r(&seconds, &local));
        switch (rule) {
        case RETAIN_KEEP_HOURLY:
                assert_true(strftime(ret, SPAN_NAME_MAX, "%Y-%m-%d %H %z", &local) > 0);
                return;
        case RETAIN_KEEP_DAILY:
                assert_true(strftime(ret, SPAN_NAME_MAX, "%Y-%m-%d", &local) > 0);
                return;
        case RETAIN_KEEP_WEEKLY:
                assert_true(strftime(ret, SPAN_NAME_MAX, "%G-W%V", &local) > 0);
                return;
        case RETAIN_KEEP_MONTHLY:
                assert_true(strftime(ret, SPAN_NAME_MAX, "%Y-%m", &local) > 0);
                return;
        case RETAIN_KEEP_YEARLY:
                assert_true(strftime(ret, SPAN_NAME_MAX, "%Y", &local) > 0);
                return;
        default:
                (void)snprintf(ret, SPAN_NAME_MAX, "%s", object->id); /* a span of its own */
        }
}

static bool rule_counts(RetainRule rule, const RetainObject *object)
{
        return object->state <= RETAIN_DOUBTFUL &&
                (rule != RETAIN_KEEP_VERIFIED || object->is_verified);
}

static bool has_spans(RetainRule rule)
{
        return rule != RETAIN_KEEP_LAST && rule != RETAIN_KEEP_VERIFIED;
}

/*
 * How many spans are newer than the one that this object was made in, or SIZE_MAX if that has a
 * newer object.
 */
static size_t count_newer_spans(
        const History *history, RetainRule rule, const RetainObject *object, bool by_cut)
{
        char names[OBJECTS_MAX][SPAN_NAME_MAX], own[SPAN_NAME_MAX];
        size_t n_names = 0;

        name_span(rule, object, own);
        for (size_t i = 0; i < history->count; i++) {
                const RetainObject *other = &history->objects[i];
                bool is_own;
                size_t j;

                if (!rule_counts(rule, other) || other == object)
                        continue;
                name_span(rule, other, names[n_names]);
                is_own = streq(names[n_names], own);
                if (!is_newer(other, object, by_cut && (is_own || !has_spans(rule))))
                        continue;
                if (is_own)
                        return SIZE_MAX;
                for (j = 0; j < n_names && !streq(names[j], names[n_names]); j++)
                        ;
                n_names += j == n_names;
        }
        return n_names;
}

static bool a_rule_keeps(
        const History *history, const RetainObject *object, bool by_cut, bool *ret_any_rule)
{
        bool kept = false;

        *ret_any_rule = false;
        for (RetainRule rule = 0; rule < RETAIN_RULE_MAX; rule++) {
                uint64_t most = history->policy.keep[rule];

                if (most == 0)
                        continue;
                *ret_any_rule = true;
                if (rule_counts(rule, object) &&
                        count_newer_spans(history, rule, object, by_cut) < most)
                        kept = true;
        }
        return kept;
}

static bool is_among_the_last(const History *history, const RetainObject *object, bool by_cut)
{
        uint64_t n_newer = 0;

        for (size_t i = 0; i < history->count; i++)
                n_newer += history->objects[i].state == RETAIN_USABLE &&
                        is_newer(&history->objects[i], object, by_cut);
        return object->state == RETAIN_USABLE && n_newer < history->policy.keep_at_least;
}

static bool shall_be_kept_in_order(const History *history, const RetainObject *object, bool by_cut)
{
        const RetainPolicy *policy = &history->policy;
        int64_t age_usec = (int64_t)(history->time.now_usec - object->created_usec);
        bool any_rule, kept = a_rule_keeps(history, object, by_cut, &any_rule);

        if (age_usec < 0)
                age_usec = 0;
        if (object->state == RETAIN_PENDING || object->guard ||
                is_among_the_last(history, object, by_cut))
                return true;
        if (age_usec < (int64_t)policy->min_age_usec)
                return true;
        if (policy->max_age_usec > 0 && age_usec > (int64_t)policy->max_age_usec)
                return false;
        return kept || !any_rule;
}

static bool shall_be_kept(const History *history, const RetainObject *object)
{
        return shall_be_kept_in_order(history, object, false) ||
                shall_be_kept_in_order(history, object, true);
}

/* --- Properties ------------------------------------------------------------------------------- */

static const RetainObject *find(const History *history, const char *id)
{
        for (size_t i = 0; i < history->count; i++)
                if (streq(history->objects[i].id, id))
                        return &history->objects[i];
        fail_msg("seed lost %s", id);
        return NULL;
}

#define assert_for(history, number, condition)                                                     \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        fail_msg("seed %zu, %s: %s", (number), (history)->zone, #condition);       \
        } while (0)

static void it_is_what_the_man_page_says(void **state)
{
        for (size_t seed = 0; seed < HISTORIES; seed++) {
                History history;

                draw_history(seed, &history);
                choose(&history);
                for (size_t i = 0; i < history.count; i++)
                        assert_for(&history, seed,
                                retain_is_kept(&history.objects[i]) ==
                                        shall_be_kept(&history, &history.objects[i]));
        }
}

/* However wrong or forged. */
static void no_tag_ever_makes_more_go(void **state)
{
        size_t n_saved = 0;

        for (size_t seed = 0; seed < HISTORIES; seed++) {
                History with, without;

                draw_history(seed, &with);
                without = with;
                for (size_t i = 0; i < without.count; i++)
                        without.objects[i].cut_usec = 0;
                choose(&with);
                choose(&without);
                for (size_t i = 0; i < with.count; i++) {
                        bool is_kept = retain_is_kept(&with.objects[i]);

                        assert_for(&with, seed,
                                is_kept || !retain_is_kept(&without.objects[i]));
                        n_saved += is_kept && !retain_is_kept(&without.objects[i]);
                }
        }
        assert_true(n_saved > HISTORIES / 10); /* the histories have such that it matters for */
}

static void it_never_falls_below_the_minimum(void **state)
{
        for (size_t seed = 0; seed < HISTORIES; seed++) {
                uint64_t n_usable = 0, n_kept = 0;
                History history;

                draw_history(seed, &history);
                choose(&history);
                for (size_t i = 0; i < history.count; i++) {
                        const RetainObject *object = &history.objects[i];

                        n_usable += object->state == RETAIN_USABLE;
                        n_kept += object->state == RETAIN_USABLE && retain_is_kept(object);
                }
                assert_for(&history, seed,
                        n_kept >= history.policy.keep_at_least || n_kept == n_usable);
        }
}

static void the_order_of_the_input_does_not_matter(void **state)
{
        for (size_t seed = 0; seed < HISTORIES; seed++) {
                History history, again;

                draw_history(seed, &history);
                choose(&history);
                again = history;
                choose(&again);
                for (size_t i = 0; i < history.count; i++)
                        assert_for(&history, seed,
                                history.objects[i].reason == again.objects[i].reason);
        }
}

/* Days pass, with and without new objects, and with and without what was given up deleted. */
static void live_on(History *history, uint64_t usec, bool makes_more)
{
        history->time.now_usec += usec;
        for (size_t n = makes_more ? draw(history, 8) : 0; n > 0; n--)
                draw_object(history, history->time.now_usec + 2 * HOUR);
}

static void drop_deleted(History *history)
{
        size_t kept = 0;

        for (size_t i = 0; i < history->count; i++)
                if (retain_is_kept(&history->objects[i]))
                        history->objects[kept++] = history->objects[i];
        history->count = kept;
}

static void time_never_gives_back_what_was_given_up(void **state)
{
        for (size_t seed = 0; seed < HISTORIES; seed++) {
                History before, after;

                draw_history(seed, &before);
                choose(&before);
                after = before;
                live_on(&after, seed % 5 == 0 ? 30 * DAY : DAY, seed % 2 == 0);
                choose(&after);
                for (size_t i = 0; i < before.count; i++)
                        assert_for(&before, seed,
                                retain_is_kept(&before.objects[i]) ||
                                        !retain_is_kept(&after.objects[i]));
        }
}

/* What is deleted at once, and what is only deleted later, comes to the same. */
static void deleting_changes_nothing_for_what_is_left(void **state)
{
        for (size_t seed = 0; seed < HISTORIES; seed++) {
                History all, left;

                draw_history(seed, &all);
                choose(&all);
                left = all;
                drop_deleted(&left);
                choose(&left);
                for (size_t i = 0; i < left.count; i++)
                        assert_for(&left, seed,
                                retain_is_kept(find(&all, left.objects[i].id)) &&
                                        retain_is_kept(&left.objects[i]));
        }
}

static void a_guard_keeps_its_own_object_and_changes_no_other(void **state)
{
        for (size_t seed = 0; seed < HISTORIES; seed++) {
                History free_one, guarded;
                size_t n;

                draw_history(seed, &free_one);
                if (free_one.count == 0)
                        continue;
                n = draw(&free_one, free_one.count);
                free_one.objects[n].guard = NULL;
                choose(&free_one);
                guarded = free_one;
                guarded.objects[n].guard = "a launch template uses it";
                choose(&guarded);
                assert_for(&guarded, seed, retain_is_kept(&guarded.objects[n]));
                for (size_t i = 0; i < guarded.count; i++)
                        assert_for(&guarded, seed,
                                i == n || guarded.objects[i].reason == free_one.objects[i].reason);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_is_what_the_man_page_says),
                cmocka_unit_test(no_tag_ever_makes_more_go),
                cmocka_unit_test(it_never_falls_below_the_minimum),
                cmocka_unit_test(the_order_of_the_input_does_not_matter),
                cmocka_unit_test(time_never_gives_back_what_was_given_up),
                cmocka_unit_test(deleting_changes_nothing_for_what_is_left),
                cmocka_unit_test(a_guard_keeps_its_own_object_and_changes_no_other),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
