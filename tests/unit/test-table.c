/* SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>

#include "cli/table.h"

#include "tests/unit/unit.h"

static const char *const headers[] = { "NAME", "SIZE", "NOTE" };

static void assert_printed(const Table *table, const char *expected)
{
        _cleanup_(freep) char *printed = NULL;
        size_t size;
        FILE *file = open_memstream(&printed, &size);

        assert_non_null(file);
        table_print(table, file);
        assert_int_equal(fclose(file), 0);
        assert_string_equal(printed, expected);
}

static void columns_line_up_by_display_width(void **state)
{
        _cleanup_(table_freep) Table *table = NULL;

        assert_int_equal(table_new(3, headers, &table), 0);
        table_align_right(table, 1);
        assert_int_equal(table_add(table, "/größe"), 0);
        assert_int_equal(table_addf(table, "%u GiB", 8U), 0);
        assert_int_equal(table_add(table, ""), 0);
        assert_int_equal(table_add(table, "/漢"), 0);
        assert_int_equal(table_add(table, NULL), 0);
        assert_int_equal(table_add(table, "x"), 0);
        assert_printed(table,
                "NAME     SIZE  NOTE\n"
                "/größe  8 GiB  -\n"
                "/漢         -  x\n");
}

static void a_newline_cannot_start_a_row(void **state)
{
        _cleanup_(table_freep) Table *table = NULL;

        assert_int_equal(table_new(1, NULL, &table), 0);
        assert_int_equal(table_add(table, "/mnt\n/fake"), 0);
        assert_printed(table, "/mnt\\n/fake\n");
}

static void a_table_without_rows_prints_nothing(void **state)
{
        _cleanup_(table_freep) Table *with = NULL, *without = NULL;

        assert_int_equal(table_new(3, headers, &with), 0);
        assert_printed(with, "");
        assert_int_equal(table_new(3, NULL, &without), 0);
        assert_printed(without, "");
}

static void the_number_of_columns_is_limited(void **state)
{
        Table *table = NULL;

        assert_int_equal(table_new(0, NULL, &table), -EINVAL);
        assert_int_equal(table_new(17, NULL, &table), -EINVAL);
        assert_null(table);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(columns_line_up_by_display_width),
                cmocka_unit_test(a_newline_cannot_start_a_row),
                cmocka_unit_test(a_table_without_rows_prints_nothing),
                cmocka_unit_test(the_number_of_columns_is_limited),
        };

        if (!setlocale(LC_CTYPE, "C.UTF-8"))
                return 77;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
