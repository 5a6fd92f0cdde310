/* SPDX-License-Identifier: Apache-2.0 */
#include "base/list.h"

#include "tests/unit/unit.h"

static void a_string_splits_sorts_and_joins(void **state)
{
        _cleanup_(string_list_done) StringList list = STRING_LIST_INIT, copy = STRING_LIST_INIT;
        _cleanup_(freep) char *joined = NULL;

        assert_return_code(string_list_split(&list, "  c a\tb ", " \t"), 0);
        assert_int_equal(list.count, 3);
        assert_null(list.items[3]);
        assert_return_code(string_list_copy(&list, &copy), 0);
        string_list_sort(&copy);
        assert_return_code(string_list_join(&copy, "+", &joined), 0);
        assert_string_equal(joined, "a+b+c");
        assert_true(string_list_has_sorted(&copy, "a") && string_list_has_sorted(&copy, "c"));
        assert_false(string_list_has_sorted(&copy, "aa"));
        assert_false(string_list_has_sorted(&STRING_LIST_INIT, "a"));
        assert_string_equal(list.items[0], "c");
        assert_true(string_list_contains(&list, "b"));
        assert_false(string_list_contains(&list, ""));
}

static void an_array_grows_with_its_elements_zeroed(void **state)
{
        _cleanup_(freep) uint64_t *array = NULL;
        size_t count = 0;

        for (uint64_t i = 0; i < 1000; i++) {
                uint64_t *element = ARRAY_ADD(array, count);

                assert_non_null(element);
                assert_int_equal(*element, 0);
                *element = i;
        }
        assert_int_equal(count, 1000);
        for (uint64_t i = 0; i < 1000; i++)
                assert_int_equal(array[i], i);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_string_splits_sorts_and_joins),
                cmocka_unit_test(an_array_grows_with_its_elements_zeroed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
