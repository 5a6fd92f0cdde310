/* SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>

#include "base/cleanup.h"
#include "cli/display.h"

#include "tests/unit/unit.h"

static void assert_escaped(const char *string, const char *expected)
{
        _cleanup_(freep) char *escaped = NULL;

        assert_int_equal(display_escape(string, &escaped), 0);
        assert_string_equal(escaped, expected);
}

static void plain_text_and_utf8_stay_as_they_are(void **state)
{
        assert_escaped("", "");
        assert_escaped("/data/with blank", "/data/with blank");
        assert_escaped("/daten/größe/漢字", "/daten/größe/漢字");
}

static void controls_become_c_escapes(void **state)
{
        assert_escaped("/a\nb\tc", "/a\\nb\\tc");
        assert_escaped("\033[2J", "\\x1b[2J");
        assert_escaped("a\\nb", "a\\\\nb");
        assert_escaped("\x7f", "\\x7f");
        assert_escaped("\xc2\x9b", "\\xc2\\x9b"); /* C1: CSI in one character */
}

static void broken_utf8_becomes_c_escapes(void **state)
{
        assert_escaped("\xff/x", "\\xff/x");
        assert_escaped("/x\xe6\xbc", "/x\\xe6\\xbc");
        assert_escaped("\xc0\xaf", "\\xc0\\xaf");
        assert_escaped("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* a surrogate */
}

static void characters_that_reorder_a_line_are_escaped(void **state)
{
        assert_escaped("1\u202e-2", "1\\xe2\\x80\\xae-2");
        assert_escaped("1\u2067-2", "1\\xe2\\x81\\xa7-2");
}

static void width_counts_columns_not_bytes(void **state)
{
        assert_int_equal(display_width(""), 0);
        assert_int_equal(display_width("größe"), 5);
        assert_int_equal(display_width("漢字"), 4);
        assert_int_equal(display_width("e\u0301"), 1);
}

static void truncation_keeps_whole_characters(void **state)
{
        char wide[] = "a漢b", narrow[] = "abc";

        display_truncate(wide, 2);
        assert_string_equal(wide, "a");
        display_truncate(narrow, 3);
        assert_string_equal(narrow, "abc");
        display_truncate(narrow, 0);
        assert_string_equal(narrow, "");
}

static void sizes_use_binary_units(void **state)
{
        static const struct {
                uint64_t bytes;
                const char *text;
        } cases[] = {
                { 0, "0 B" },
                { 1023, "1023 B" },
                { 1024, "1.0 KiB" },
                { 1024 * 1024 - 1, "1.0 MiB" },
                { UINT64_C(8) << 30, "8.0 GiB" },
                { UINT64_C(16) << 40, "16.0 TiB" },
                { UINT64_MAX, "16.0 EiB" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *text = NULL;

                assert_int_equal(display_bytes(cases[i].bytes, &text), 0);
                assert_string_equal(text, cases[i].text);
        }
}

static void times_are_utc_and_zero_is_none(void **state)
{
        _cleanup_(freep) char *some = NULL, *none = NULL;

        assert_int_equal(display_time(UINT64_C(1795430640000000), &some), 0);
        assert_string_equal(some, "2026-11-23 10:44:00 UTC");
        assert_int_equal(display_time(0, &none), 0);
        assert_string_equal(none, "-");
}

static void an_age_is_told_in_its_largest_unit(void **state)
{
        static const struct {
                uint64_t seconds;
                const char *text;
        } cases[] = { { 0, "0 min" }, { 3599, "59 min" }, { 3600, "1 h" }, { 86399, "23 h" },
                { 86400, "1 d" }, { UINT64_C(86400) * 4000, "4000 d" } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *text = NULL;

                assert_int_equal(display_age(cases[i].seconds * 1000000, &text), 0);
                assert_string_equal(text, cases[i].text);
        }
}

static void strings_are_joined_and_others_left_out(void **state)
{
        json_t *array = json_pack("[s, i, s]", "vol-1", 7, "vol-2");
        _cleanup_(freep) char *some = NULL, *none = NULL;

        assert_int_equal(display_strings(array, &some), 0);
        assert_string_equal(some, "vol-1 vol-2");
        assert_int_equal(display_strings(NULL, &none), 0);
        assert_string_equal(none, "");
        json_decref(array);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(plain_text_and_utf8_stay_as_they_are),
                cmocka_unit_test(controls_become_c_escapes),
                cmocka_unit_test(broken_utf8_becomes_c_escapes),
                cmocka_unit_test(characters_that_reorder_a_line_are_escaped),
                cmocka_unit_test(width_counts_columns_not_bytes),
                cmocka_unit_test(truncation_keeps_whole_characters),
                cmocka_unit_test(sizes_use_binary_units),
                cmocka_unit_test(times_are_utc_and_zero_is_none),
                cmocka_unit_test(an_age_is_told_in_its_largest_unit),
                cmocka_unit_test(strings_are_joined_and_others_left_out),
        };

        if (!setlocale(LC_CTYPE, "C.UTF-8"))
                return 77;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
