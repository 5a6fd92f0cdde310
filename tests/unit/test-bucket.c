/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/bucket.h"

#include "base/clock.h"
#include "tests/unit/unit.h"

#define NOW (1000 * USEC_PER_SEC)

static void what_a_full_bucket_holds_is_taken_at_once(void **state)
{
        Bucket bucket;

        bucket_init(&bucket, 3, 5000, NOW);
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(bucket_take(&bucket, NOW), 0);
        assert_int_equal(bucket_take(&bucket, NOW), USEC_PER_SEC / 5);
        assert_int_equal(bucket_take(&bucket, NOW), 2 * USEC_PER_SEC / 5);
}

static void an_empty_bucket_gives_its_rate_and_no_more(void **state)
{
        uint64_t now = NOW;
        Bucket bucket;

        bucket_init(&bucket, 50, 5000, NOW);
        for (unsigned i = 0; i < 1050; i++)
                now += bucket_take(&bucket, now);
        assert_in_range(now - NOW, 199 * USEC_PER_SEC, 201 * USEC_PER_SEC);
}

static void it_fills_up_to_its_capacity_however_long_it_rests(void **state)
{
        uint64_t later = NOW + 1000000 * USEC_PER_SEC;
        Bucket bucket;

        bucket_init(&bucket, 2, 5000, NOW);
        for (unsigned i = 0; i < 3; i++)
                (void)bucket_take(&bucket, NOW);
        for (unsigned i = 0; i < 2; i++)
                assert_int_equal(bucket_take(&bucket, later), 0);
        assert_int_equal(bucket_take(&bucket, later), USEC_PER_SEC / 5);
}

static void a_clock_that_stands_still_or_turns_back_gives_nothing(void **state)
{
        Bucket bucket;

        bucket_init(&bucket, 1, 1000, NOW);
        assert_int_equal(bucket_take(&bucket, NOW - USEC_PER_SEC), 0);
        assert_int_equal(bucket_take(&bucket, NOW - 2 * USEC_PER_SEC), USEC_PER_SEC);
}

static void being_throttled_halves_the_rate_down_to_a_twentieth(void **state)
{
        static const uint64_t waits_msec[] = { 400, 800, 1600, 3200, 4000, 4000 };

        for (size_t i = 0; i < sizeof(waits_msec) / sizeof(*waits_msec); i++) {
                Bucket bucket;

                bucket_init(&bucket, 50, 5000, NOW);
                for (size_t n = 0; n <= i; n++)
                        bucket_slow_down(&bucket, NOW);
                assert_in_range(bucket_take(&bucket, NOW), waits_msec[i] * USEC_PER_MSEC,
                        waits_msec[i] * USEC_PER_MSEC + 10 * USEC_PER_MSEC);
        }
}

static void twenty_answers_bring_the_full_rate_back(void **state)
{
        Bucket bucket;

        bucket_init(&bucket, 50, 5000, NOW);
        for (unsigned i = 0; i < 10; i++)
                bucket_slow_down(&bucket, NOW);
        for (unsigned i = 0; i < 18; i++)
                bucket_speed_up(&bucket, NOW);
        assert_true(bucket.rate < 5000);
        for (unsigned i = 0; i < 5; i++)
                bucket_speed_up(&bucket, NOW);
        assert_int_equal(bucket.rate, 5000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_a_full_bucket_holds_is_taken_at_once),
                cmocka_unit_test(an_empty_bucket_gives_its_rate_and_no_more),
                cmocka_unit_test(it_fills_up_to_its_capacity_however_long_it_rests),
                cmocka_unit_test(a_clock_that_stands_still_or_turns_back_gives_nothing),
                cmocka_unit_test(being_throttled_halves_the_rate_down_to_a_twentieth),
                cmocka_unit_test(twenty_answers_bring_the_full_rate_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
