/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/follow.h"

#include "base/clock.h"
#include "tests/unit/unit.h"

#define LATE UINT32_C(0)
#define EARLY UINT32_MAX

/* A day of looks at a snapshot that takes long, and at one that is done in seconds. */
static void looks_come_quickly_at_first_and_slow_down(void **state)
{
        uint64_t passed_usec = 0, before_usec = 0;
        unsigned n_looks = 0, n_in_two_seconds = 0;

        for (; passed_usec < 24 * 3600 * USEC_PER_SEC; n_looks++) {
                uint64_t pause_usec = follow_pause(n_looks, 0, LATE);

                assert_true(pause_usec >= before_usec);
                assert_true(pause_usec <= 15 * USEC_PER_SEC);
                before_usec = pause_usec;
                passed_usec += pause_usec;
                n_in_two_seconds += passed_usec <= 2 * USEC_PER_SEC;
        }
        assert_int_equal(follow_pause(0, 0, LATE), 250 * USEC_PER_MSEC);
        assert_in_range(n_in_two_seconds, 3, 6);
        assert_in_range(n_looks, 24 * 3600 / 15, 24 * 3600 / 15 + 12);
}

static void an_account_with_too_many_calls_gets_rest(void **state)
{
        static const unsigned seconds[] = { 15, 30, 60, 120, 240, 240, 240 };

        for (unsigned i = 0; i < ELEMENTSOF(seconds); i++)
                assert_int_equal(follow_pause(/* n_looks= */ 0, i + 1, LATE),
                        seconds[i] * USEC_PER_SEC);
        assert_int_equal(follow_pause(UINT32_MAX, UINT32_MAX, LATE), 240 * USEC_PER_SEC);
}

static void chance_takes_off_a_quarter_at_most(void **state)
{
        for (unsigned n_looks = 0; n_looks < 20; n_looks++) {
                uint64_t whole_usec = follow_pause(n_looks, 0, LATE);
                uint64_t least_usec = follow_pause(n_looks, 0, EARLY);
                uint64_t middle_usec = follow_pause(n_looks, 0, EARLY / 2);

                assert_in_range(least_usec, whole_usec * 3 / 4, whole_usec * 3 / 4 + 2);
                assert_true(least_usec < middle_usec && middle_usec < whole_usec);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(looks_come_quickly_at_first_and_slow_down),
                cmocka_unit_test(an_account_with_too_many_calls_gets_rest),
                cmocka_unit_test(chance_takes_off_a_quarter_at_most),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
