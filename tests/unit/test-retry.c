/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/retry.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/unit/unit.h"

#define NOW (1000 * USEC_PER_SEC)

static void final_errors_are_never_tried_again(void **state)
{
        static const ApiErrorClass final[] = { API_ERROR_FINAL, API_ERROR_ALLOWED,
                API_ERROR_NOT_FOUND, API_ERROR_CLASS_INVALID, API_ERROR_CLASS_MAX };
        uint64_t wait;

        for (size_t i = 0; i < ELEMENTSOF(final); i++) {
                Retry retry;

                retry_init(&retry, NOW, /* retries_not_found= */ false);
                assert_int_equal(retry_next(&retry, final[i], NOW, 0, &wait), RETRY_E_GIVE_UP);
        }
}

static void the_bound_of_the_wait_doubles_up_to_its_most(void **state)
{
        static const uint64_t bounds_msec[] = { 500, 1000, 2000, 4000, 8000, 16000, 20000, 20000 };
        Retry retry;
        uint64_t wait;

        retry_init(&retry, NOW, false);
        for (size_t i = 0; i < ELEMENTSOF(bounds_msec); i++) {
                assert_int_equal(
                        retry_next(&retry, API_ERROR_THROTTLED, NOW, UINT32_MAX, &wait), 0);
                assert_in_range(wait, bounds_msec[i] * USEC_PER_MSEC - 10,
                        bounds_msec[i] * USEC_PER_MSEC);
        }
}

static void jitter_is_full_from_nothing_to_the_bound(void **state)
{
        Retry retry;
        uint64_t wait;

        retry_init(&retry, NOW, false);
        assert_int_equal(retry_next(&retry, API_ERROR_TRANSIENT, NOW, 0, &wait), 0);
        assert_int_equal(wait, 0);
        retry_init(&retry, NOW, false);
        assert_int_equal(retry_next(&retry, API_ERROR_TRANSIENT, NOW, 1u << 31, &wait), 0);
        assert_int_equal(wait, 50 * USEC_PER_MSEC);
}

static void attempts_come_to_an_end(void **state)
{
        Retry retry;
        uint64_t wait;
        unsigned n = 0;

        retry_init(&retry, NOW, false);
        while (retry_next(&retry, API_ERROR_TRANSIENT, NOW, 0, &wait) == 0)
                assert_in_range(++n, 1, 100);
        assert_int_equal(n, 7);
}

static void no_wait_ends_behind_the_deadline(void **state)
{
        Retry retry;
        uint64_t wait;

        retry_init(&retry, NOW, false);
        assert_int_equal(retry_next(&retry, API_ERROR_VOLUME_RATE, NOW, UINT32_MAX, &wait), 0);
        assert_int_equal(
                retry_next(&retry, API_ERROR_VOLUME_RATE, NOW + RETRY_SPAN_USEC, UINT32_MAX, &wait),
                RETRY_E_GIVE_UP);
}

static void the_patient_go_on_while_throttled_and_only_then(void **state)
{
        uint64_t now = NOW, wait;
        Retry retry;
        int r;

        retry_init(&retry, NOW, false);
        retry_be_patient(&retry, NOW + 4 * 3600 * USEC_PER_SEC);
        while ((r = retry_next(&retry, API_ERROR_THROTTLED, now, UINT32_MAX, &wait)) == 0) {
                assert_in_range(wait, 1, 3600 * USEC_PER_SEC);
                now += wait;
        }
        assert_int_equal(r, RETRY_E_GIVE_UP);
        assert_in_range(now - NOW, 180 * 60 * USEC_PER_SEC, 240 * 60 * USEC_PER_SEC);
        retry_init(&retry, NOW, false);
        retry_be_patient(&retry, NOW + 4 * 3600 * USEC_PER_SEC);
        assert_int_equal(
                retry_next(&retry, API_ERROR_TRANSIENT, NOW + RETRY_SPAN_USEC, UINT32_MAX, &wait),
                RETRY_E_GIVE_UP);
}

static void snapshots_of_one_volume_wait_15_seconds_at_least(void **state)
{
        Retry retry;
        uint64_t wait;

        retry_init(&retry, NOW, false);
        assert_int_equal(retry_next(&retry, API_ERROR_VOLUME_RATE, NOW, 0, &wait), 0);
        assert_int_equal(wait, 15 * USEC_PER_SEC);
}

static void stale_keys_are_tried_once_more_and_at_once(void **state)
{
        Retry retry;
        uint64_t wait = 1;

        retry_init(&retry, NOW, false);
        assert_int_equal(retry_next(&retry, API_ERROR_TRANSIENT, NOW, 0, &wait), 0);
        assert_int_equal(retry_next(&retry, API_ERROR_STALE, NOW, UINT32_MAX, &wait), 0);
        assert_int_equal(wait, 0);
        assert_int_equal(retry_next(&retry, API_ERROR_STALE, NOW, 0, &wait), RETRY_E_GIVE_UP);
}

static void what_was_just_created_may_be_missing_for_two_and_a_half_minutes(void **state)
{
        uint64_t now = NOW, wait;
        Retry retry;
        int r;

        retry_init(&retry, NOW, /* retries_not_found= */ true);
        while ((r = retry_next(&retry, API_ERROR_NOT_FOUND, now, UINT32_MAX, &wait)) == 0)
                now += wait;
        assert_int_equal(r, RETRY_E_GIVE_UP);
        assert_in_range(now - NOW, 140 * USEC_PER_SEC, 150 * USEC_PER_SEC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(final_errors_are_never_tried_again),
                cmocka_unit_test(the_bound_of_the_wait_doubles_up_to_its_most),
                cmocka_unit_test(jitter_is_full_from_nothing_to_the_bound),
                cmocka_unit_test(attempts_come_to_an_end),
                cmocka_unit_test(no_wait_ends_behind_the_deadline),
                cmocka_unit_test(the_patient_go_on_while_throttled_and_only_then),
                cmocka_unit_test(snapshots_of_one_volume_wait_15_seconds_at_least),
                cmocka_unit_test(stale_keys_are_tried_once_more_and_at_once),
                cmocka_unit_test(what_was_just_created_may_be_missing_for_two_and_a_half_minutes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
