/* SPDX-License-Identifier: Apache-2.0 */
#include "base/files.h"

#include <sys/stat.h>

#include "base/text.h"
#include "tests/unit/unit.h"

static void a_file_is_replaced_and_read_back(void **state)
{
        _cleanup_(freep) char *path = NULL, *temporary = NULL, *data = NULL;
        struct stat st;

        assert_return_code(string_printf(&path, "%s/record", (char *)*state), 0);
        assert_return_code(string_printf(&temporary, "%s.new", path), 0);
        assert_return_code(file_replace(path, "one", 3, 0600), 0);
        assert_return_code(file_replace(path, "twice", 5, 0600), 0);
        assert_return_code(file_read(path, 5, &data, NULL), 0);
        assert_string_equal(data, "twice");
        assert_return_code(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(access(temporary, F_OK), -1);
}

static void a_file_over_its_limit_is_refused(void **state)
{
        _cleanup_(freep) char *path = NULL, *data = NULL;
        size_t size = 0;

        assert_return_code(string_printf(&path, "%s/big", (char *)*state), 0);
        assert_return_code(file_replace(path, "a\0b", 3, 0600), 0);
        assert_int_equal(file_read(path, 2, &data, NULL), -EFBIG);
        assert_int_equal(file_read(path, 3, &data, NULL), -EBADMSG);
        assert_return_code(file_read(path, 3, &data, &size), 0);
        assert_int_equal(size, 3);
}

static void a_failed_replace_leaves_the_old_file(void **state)
{
        assert_int_equal(file_replace("/nonexistent-folder/x", "a", 1, 0600), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        a_file_is_replaced_and_read_back, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        a_file_over_its_limit_is_refused, scratch_setup, scratch_teardown),
                cmocka_unit_test(a_failed_replace_leaves_the_old_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
