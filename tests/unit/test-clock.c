/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include "base/cleanup.h"
#include "tests/unit/unit.h"

/* 2026-11-23T10:44:00Z */
#define MOMENT (UINT64_C(1795430640) * USEC_PER_SEC)

static void timestamps_go_out_and_come_back(void **state)
{
        char text[TIMESTAMP_MAX];
        uint64_t usec = 0;

        timestamp_format(MOMENT, text);
        assert_string_equal(text, "2026-11-23T10:44:00Z");
        assert_return_code(timestamp_parse(text, &usec), 0);
        assert_int_equal(usec, MOMENT);
        assert_return_code(timestamp_parse("2026-11-23T10:44:00.125Z", &usec), 0);
        assert_int_equal(usec, MOMENT + 125000);
}

static void http_dates_are_read_in_any_locale(void **state)
{
        uint64_t usec = 0;

        assert_return_code(timestamp_parse_http("Mon, 23 Nov 2026 10:44:00 GMT", &usec), 0);
        assert_int_equal(usec, MOMENT);
}

static void bad_timestamps_are_refused(void **state)
{
        static const char *const cases[] = { "", "yesterday", "2026-11-23", "2026-11-23T10:44:00",
                "2026-11-23T10:44:00+02:00", "2026-11-23T10:44:00Zx" };
        uint64_t usec;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(timestamp_parse(cases[i], &usec), -EINVAL);
        assert_int_equal(timestamp_parse_http("Mon, 23 Now 2026 10:44:00 GMT", &usec), -EINVAL);
        assert_int_equal(timestamp_parse_http("soon", &usec), -EINVAL);
}

static void sleep_takes_its_time(void **state)
{
        uint64_t start = clock_usec();

        clock_sleep_usec(2000);
        assert_true(clock_usec() - start >= 2000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(timestamps_go_out_and_come_back),
                cmocka_unit_test(http_dates_are_read_in_any_locale),
                cmocka_unit_test(bad_timestamps_are_refused),
                cmocka_unit_test(sleep_takes_its_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
