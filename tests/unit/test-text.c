/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include "base/clock.h"
#include "tests/unit/unit.h"

static void a_text_grows_and_is_taken(void **state)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        _cleanup_(freep) char *taken = NULL;

        for (int i = 0; i < 1000; i++)
                assert_return_code(text_addf(&text, "%d,", i % 10), 0);
        assert_int_equal(text.length, 2000);
        assert_return_code(text_take(&text, &taken), 0);
        assert_int_equal(strlen(taken), 2000);
        assert_null(text.data);
}

static void an_empty_text_is_taken_as_an_empty_string(void **state)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        _cleanup_(freep) char *taken = NULL;

        assert_return_code(text_take(&text, &taken), 0);
        assert_string_equal(taken, "");
}

static void spans_read_as_systemd_writes_them(void **state)
{
        static const struct {
                const char *text;
                uint64_t usec;
        } cases[] = {
                { "10", 10 * USEC_PER_SEC },
                { "0", 0 },
                { "500ms", 500 * USEC_PER_MSEC },
                { "250us", 250 },
                { "1min 30s", 90 * USEC_PER_SEC },
                { "1min30s", 90 * USEC_PER_SEC },
                { " 2 h ", 7200 * USEC_PER_SEC },
                { "3d", 3 * 86400 * USEC_PER_SEC },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t usec = 1;

                assert_return_code(parse_usec(cases[i].text, &usec), 0);
                assert_int_equal(usec, cases[i].usec);
        }
}

static void bad_spans_are_refused(void **state)
{
        static const char *const cases[] = { "", " ", "ten", "10x", "-1s", "5ss", "1.5s", "s",
                "10 s y" };
        uint64_t usec;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(parse_usec(cases[i], &usec), -EINVAL);
        assert_int_equal(parse_usec("99999999999999999999", &usec), -ERANGE);
        assert_int_equal(parse_usec("99999999999999w", &usec), -ERANGE);
}

static void numbers_are_whole_and_bounded(void **state)
{
        uint64_t value;

        assert_return_code(parse_u64("18446744073709551615", &value), 0);
        assert_true(value == UINT64_MAX);
        assert_int_equal(parse_u64("18446744073709551616", &value), -ERANGE);
        assert_int_equal(parse_u64("", &value), -EINVAL);
        assert_int_equal(parse_u64("+1", &value), -EINVAL);
        assert_int_equal(parse_u64("1 ", &value), -EINVAL);
}

static void decimals_are_read_without_binary_fractions(void **state)
{
        uint64_t value;

        assert_return_code(parse_micro("0.05", &value), 0);
        assert_int_equal(value, 50000);
        assert_return_code(parse_micro("12", &value), 0);
        assert_int_equal(value, 12000000);
        assert_return_code(parse_micro("1.000001", &value), 0);
        assert_int_equal(value, 1000001);
        assert_int_equal(parse_micro("0.0000001", &value), -EINVAL);
        assert_int_equal(parse_micro(".5", &value), -EINVAL);
        assert_int_equal(parse_micro("1.", &value), -EINVAL);
        assert_int_equal(parse_micro("1.2.3", &value), -EINVAL);
        assert_int_equal(parse_micro("1e3", &value), -EINVAL);
        assert_int_equal(parse_micro("-1", &value), -EINVAL);
        assert_int_equal(parse_micro("", &value), -EINVAL);
        assert_int_equal(parse_micro("123456789012345", &value), -ERANGE);
}

static void booleans_read_as_systemds(void **state)
{
        bool value = false;

        assert_return_code(parse_boolean("Yes", &value), 0);
        assert_true(value);
        assert_return_code(parse_boolean("off", &value), 0);
        assert_false(value);
        assert_int_equal(parse_boolean("maybe", &value), -EINVAL);
}

static void prefixes_and_suffixes_are_found(void **state)
{
        assert_string_equal(startswith("vol-1", "vol-"), "1");
        assert_null(startswith("vo", "vol-"));
        assert_string_equal(endswith("a.conf", ".conf"), ".conf");
        assert_null(endswith("conf", ".conf"));
        assert_true(streq_ptr(NULL, NULL));
        assert_false(streq_ptr(NULL, "a"));
}

static void bytes_print_as_lower_case_hex(void **state)
{
        char text[7];

        hex_encode("\x00\xaf\xff", 3, text);
        assert_string_equal(text, "00afff");
}

static void spans_print_for_people(void **state)
{
        static const struct {
                uint64_t usec;
                const char *text;
        } cases[] = {
                { 12, "12us" },
                { 4200, "4.2ms" },
                { 1350000, "1.35s" },
                { 182 * USEC_PER_SEC, "3min 2s" },
                { 7260 * USEC_PER_SEC, "2h 1min" },
                { 90000 * USEC_PER_SEC, "1d 1h" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *text = NULL;

                assert_return_code(format_usec(cases[i].usec, &text), 0);
                assert_string_equal(text, cases[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_text_grows_and_is_taken),
                cmocka_unit_test(an_empty_text_is_taken_as_an_empty_string),
                cmocka_unit_test(spans_read_as_systemd_writes_them),
                cmocka_unit_test(bad_spans_are_refused),
                cmocka_unit_test(numbers_are_whole_and_bounded),
                cmocka_unit_test(decimals_are_read_without_binary_fractions),
                cmocka_unit_test(booleans_read_as_systemds),
                cmocka_unit_test(prefixes_and_suffixes_are_found),
                cmocka_unit_test(bytes_print_as_lower_case_hex),
                cmocka_unit_test(spans_print_for_people),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
