/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/uri.h"

#include "tests/unit/unit.h"

static void only_the_unreserved_characters_stay(void **state)
{
        _cleanup_(text_done) Text text = TEXT_INIT;

        assert_return_code(uri_encode(&text, "aZ09-._~ +/%\xe1\x88\xb4\x7f", URI_COMPONENT), 0);
        assert_string_equal(text.data, "aZ09-._~%20%2B%2F%25%E1%88%B4%7F");
        text.length = 0;
        assert_return_code(uri_encode(&text, "/a b//c", URI_PATH), 0);
        assert_string_equal(text.data, "/a%20b//c");
}

static void an_empty_string_encodes_to_an_empty_string(void **state)
{
        _cleanup_(text_done) Text text = TEXT_INIT;

        assert_return_code(uri_encode(&text, "", URI_PATH), 0);
        assert_string_equal(text.data, "");
}

static void what_is_no_escape_stays_when_decoding(void **state)
{
        static const char *const cases[][2] = {
                { "a%20b", "a b" },
                { "%e1%88%B4", "\xe1\x88\xb4" },
                { "100%", "100%" },
                { "%4", "%4" },
                { "%zz%41", "%zzA" },
                { "a+b", "a+b" },
                { "", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *decoded = NULL;

                assert_return_code(uri_decode(cases[i][0], strlen(cases[i][0]), &decoded), 0);
                assert_string_equal(decoded, cases[i][1]);
        }
}

static void an_escaped_nul_byte_is_refused(void **state)
{
        char *decoded;

        assert_int_equal(uri_decode("a%00b", 5, &decoded), -EINVAL);
}

static void dot_segments_and_doubled_slashes_go(void **state)
{
        static const char *const cases[][2] = {
                { "/", "/" },
                { "//", "/" },
                { "/example/..", "/" },
                { "/example1/example2/../..", "/" },
                { "/../..", "/" },
                { "/./", "/" },
                { "/./example", "/example" },
                { "//example//", "/example/" },
                { "/a/./b//c/../d/", "/a/b/d/" },
                { "/a/...", "/a/..." },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *path = NULL;

                assert_return_code(uri_normalize_path(cases[i][0], &path), 0);
                assert_string_equal(path, cases[i][1]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_the_unreserved_characters_stay),
                cmocka_unit_test(an_empty_string_encodes_to_an_empty_string),
                cmocka_unit_test(what_is_no_escape_stays_when_decoding),
                cmocka_unit_test(an_escaped_nul_byte_is_refused),
                cmocka_unit_test(dot_segments_and_doubled_slashes_go),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
