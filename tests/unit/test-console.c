/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/console.h"

#include "base/text.h"
#include "tests/unit/unit.h"

#define MARKER "quiesced: i-1 runs ami-1 "

static void the_last_marker_of_this_instance_and_image_counts(void **state)
{
        static const struct {
                const char *console, *found;
        } cases[] = {
                { "", NULL },
                { "[  OK  ] Reached target Multi-User System.\r\nweb login: ", NULL },
                { MARKER "(running)\r\n", "running" },
                { "web login: [    9.1] quiesced[612]: " MARKER "(degraded)\r\n", "degraded" },
                { MARKER "(degraded)\n" MARKER "(running)\nweb login: ", "running" },
                { "quiesced: i-11 runs ami-1 (running)\n", NULL },
                { "quiesced: i-1 runs ami-11 (running)\n", NULL },
                { "quiesced: i-2 runs ami-1 (running)\n" MARKER "(degraded)\n", "degraded" },
                { MARKER "(runn", NULL },
                { MARKER "(running", NULL },
                { MARKER "()\n", NULL },
                { MARKER "(RUNNING)\n", NULL },
                { MARKER "(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)\n", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *found = NULL;

                assert_return_code(
                        console_find_marker(cases[i].console, "i-1", "ami-1", &found), 0);
                if (!streq_ptr(found, cases[i].found))
                        fail_msg("case %zu: '%s'", i, found ? found : "(none)");
        }
}

static void check_tail(const char *console, size_t most, const char *expected)
{
        _cleanup_(string_list_done) StringList lines = STRING_LIST_INIT;
        _cleanup_(freep) char *joined = NULL;

        assert_return_code(console_tail(console, most, &lines), 0);
        assert_return_code(string_list_join(&lines, "|", &joined), 0);
        assert_string_equal(joined, expected);
}

static void the_tail_is_for_people(void **state)
{
        check_tail("", 3, "");
        check_tail("\n\n", 3, "");
        check_tail("one", 3, "one");
        check_tail("one\ntwo\nthree\nfour\n", 3, "two|three|four");
        check_tail("one\r\n\r\n   \r\ntwo\r\n", 3, "one|two");
        check_tail("[\x1b[0;32m  OK  \x1b[0m] Started\tit\r\n", 3, "[  OK  ] Started it");
        check_tail("a\x01z\xff\n", 1, "a?z?");
        check_tail("end \x1b[", 1, "end");
        check_tail("end \x1b", 1, "end ?");
        check_tail("one\ntwo", 0, "");
}

static void a_line_without_end_is_cut(void **state)
{
        _cleanup_(string_list_done) StringList lines = STRING_LIST_INIT;
        char endless[4 * CONSOLE_LINE_MAX + 1];

        memset(endless, 'x', sizeof(endless) - 1);
        endless[sizeof(endless) - 1] = '\0';
        assert_return_code(console_tail(endless, 2, &lines), 0);
        assert_int_equal(lines.count, 1);
        assert_int_equal(strlen(lines.items[0]), CONSOLE_LINE_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_last_marker_of_this_instance_and_image_counts),
                cmocka_unit_test(the_tail_is_for_people),
                cmocka_unit_test(a_line_without_end_is_cut),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
