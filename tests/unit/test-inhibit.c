/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/inhibit.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "tests/unit/unit.h"

#define LONG_USEC (60 * USEC_PER_SEC)
#define SHORT_USEC (50 * USEC_PER_MSEC)
/* Time enough to see that one has let go, on a machine that is busy with other things. */
#define LIMIT_USEC (500 * USEC_PER_MSEC)

typedef struct Round {
        sd_event *event;
        Inhibitors inhibitors;
        unsigned n_calls;
        json_t *participants;
} Round;

static void round_ready(void *userdata, const json_t *participants)
{
        Round *round = userdata;

        round->n_calls++;
        json_decref(round->participants);
        round->participants = json_deep_copy(participants);
}

static void round_begin(Round *round)
{
        *round = (Round){ 0 };
        assert_return_code(sd_event_new(&round->event), 0);
        inhibitors_init(&round->inhibitors, round->event);
}

static void round_end(Round *round)
{
        inhibitors_done(&round->inhibitors);
        json_decref(round->participants);
        (void)sd_event_unref(round->event);
}

/* Lets everything happen that has already come, and what comes within the time. */
static void run_for(Round *round, uint64_t usec)
{
        uint64_t end = clock_usec() + usec;

        while (sd_event_run(round->event, usec) > 0 && clock_usec() < end)
                ;
}

static bool agreed(const Round *round, size_t index)
{
        return json_get_bool(json_array_get(round->participants, index), "agreed", false);
}

static void nobody_is_not_waited_for(void **state)
{
        Round round;

        round_begin(&round);
        assert_return_code(inhibitors_gather(&round.inhibitors, LONG_USEC, round_ready, &round), 0);
        assert_int_equal(round.n_calls, 1);
        assert_int_equal(json_array_size(round.participants), 0);
        round_end(&round);
}

static void all_are_waited_for_and_told_once(void **state)
{
        Round round;
        int one, two;

        round_begin(&round);
        assert_return_code(inhibitors_add(&round.inhibitors, "one", "", &one), 0);
        assert_return_code(inhibitors_add(&round.inhibitors, "two", "", &two), 0);
        assert_return_code(inhibitors_gather(&round.inhibitors, LONG_USEC, round_ready, &round), 0);
        (void)close(one);
        run_for(&round, SHORT_USEC);
        assert_int_equal(round.n_calls, 0);
        (void)close(two);
        run_for(&round, SHORT_USEC);
        assert_int_equal(round.n_calls, 1);
        assert_true(agreed(&round, 0));
        assert_true(agreed(&round, 1));
        assert_int_equal(round.inhibitors.n_held, 0);
        round_end(&round);
}

static void one_that_keeps_its_lock_is_named_at_the_limit(void **state)
{
        Round round;
        int kept, let_go;

        round_begin(&round);
        assert_return_code(inhibitors_add(&round.inhibitors, "kept", "", &kept), 0);
        assert_return_code(inhibitors_add(&round.inhibitors, "let go", "", &let_go), 0);
        assert_return_code(
                inhibitors_gather(&round.inhibitors, LIMIT_USEC, round_ready, &round), 0);
        (void)close(let_go);
        while (round.n_calls == 0)
                assert_true(sd_event_run(round.event, LONG_USEC) > 0);
        assert_int_equal(round.n_calls, 1);
        assert_false(agreed(&round, 0));
        assert_string_equal(
                json_get_string(json_array_get(round.participants, 0), "who", ""), "kept");
        assert_true(agreed(&round, 1));
        /* Too late to count, and no second answer. */
        (void)close(kept);
        run_for(&round, SHORT_USEC);
        assert_int_equal(round.n_calls, 1);
        round_end(&round);
}

static void a_round_that_is_forgotten_calls_nobody(void **state)
{
        Round round;
        int fd;

        round_begin(&round);
        assert_return_code(inhibitors_add(&round.inhibitors, "one", "", &fd), 0);
        assert_return_code(
                inhibitors_gather(&round.inhibitors, SHORT_USEC, round_ready, &round), 0);
        inhibitors_forget(&round.inhibitors);
        (void)close(fd);
        run_for(&round, 2 * SHORT_USEC);
        assert_int_equal(round.n_calls, 0);
        assert_int_equal(round.inhibitors.n_held, 0);
        round_end(&round);
}

static void there_is_room_for_so_many(void **state)
{
        int fds[INHIBITORS_MAX], fd;
        Round round;

        round_begin(&round);
        for (size_t i = 0; i < INHIBITORS_MAX; i++)
                assert_return_code(inhibitors_add(&round.inhibitors, "one", "", &fds[i]), 0);
        assert_int_equal(inhibitors_add(&round.inhibitors, "more", "", &fd), -EBUSY);
        for (size_t i = 0; i < INHIBITORS_MAX; i++)
                (void)close(fds[i]);
        run_for(&round, SHORT_USEC);
        assert_return_code(inhibitors_add(&round.inhibitors, "again", "", &fd), 0);
        (void)close(fd);
        round_end(&round);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nobody_is_not_waited_for),
                cmocka_unit_test(all_are_waited_for_and_told_once),
                cmocka_unit_test(one_that_keeps_its_lock_is_named_at_the_limit),
                cmocka_unit_test(a_round_that_is_forgotten_calls_nobody),
                cmocka_unit_test(there_is_room_for_so_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
