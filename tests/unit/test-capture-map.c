/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/map.h"

#include "freeze/mount-line.h"
#include "tests/unit/unit.h"

static void map_fill(Map *map, const Range *ranges, size_t count)
{
        for (size_t i = 0; i < count; i++)
                assert_int_equal(map_add(map, ranges[i].start, ranges[i].end), 0);
        map_sort(map);
}

static void ranges_that_touch_or_overlap_become_one(void **state)
{
        static const Range given[] = { { 40, 50 }, { 10, 20 }, { 20, 25 }, { 12, 14 }, { 45, 60 },
                { 70, 70 } };
        Map map = { 0 };

        map_fill(&map, given, 6);
        assert_int_equal(map.count, 2);
        assert_int_equal(map.ranges[0].start, 10);
        assert_int_equal(map.ranges[0].end, 25);
        assert_int_equal(map.ranges[1].start, 40);
        assert_int_equal(map.ranges[1].end, 60);
        map_done(&map);
}

static void an_empty_map_covers_nothing(void **state)
{
        Map map = { 0 };

        map_sort(&map);
        assert_false(map_covers(&map, 0, 1));
        assert_int_equal(map_find(&map, 0), 0);
        assert_int_equal(map_count_rest(&map, 3, 10), 7);
}

static void a_range_is_covered_by_one_that_has_all_of_it(void **state)
{
        static const Range given[] = { { 10, 20 }, { 30, 40 } };
        Map map = { 0 };

        map_fill(&map, given, 2);
        assert_true(map_covers(&map, 10, 20));
        assert_true(map_covers(&map, 35, 36));
        assert_false(map_covers(&map, 9, 20));
        assert_false(map_covers(&map, 10, 21));
        assert_false(map_covers(&map, 15, 35));
        assert_false(map_covers(&map, 40, 41));
        map_done(&map);
}

static void the_rest_is_what_is_outside(void **state)
{
        static const Range given[] = { { 10, 20 }, { 30, 40 } };
        Map map = { 0 };

        map_fill(&map, given, 2);
        assert_int_equal(map_count_rest(&map, 0, 100), 80);
        assert_int_equal(map_count_rest(&map, 15, 35), 10);
        assert_int_equal(map_count_rest(&map, 10, 20), 0);
        map_done(&map);
}

static void many_ranges_are_found(void **state)
{
        Map map = { 0 };

        for (uint64_t i = 5000; i > 0; i--)
                assert_int_equal(map_add(&map, i * 10, i * 10 + 5), 0);
        map_sort(&map);
        assert_int_equal(map.count, 5000);
        assert_int_equal(map_find(&map, 0), 0);
        assert_int_equal(map_find(&map, 14), 0);
        assert_int_equal(map_find(&map, 15), 1);
        assert_int_equal(map_find(&map, 50004), 4999);
        assert_int_equal(map_find(&map, 50005), 5000);
        map_done(&map);
}

static void a_mount_point_is_unescaped(void **state)
{
        static const char *const cases[][2] = {
                { "/plain", "/plain" },
                { "/a\\040b\\134c", "/a b\\c" },
                { "/cut\\04", "/cut\\04" },
                { "/no\\899", "/no\\899" },
                { "\\", "\\" },
        };

        for (size_t i = 0; i < 5; i++) {
                char field[32];

                strcpy(field, cases[i][0]);
                mount_line_unescape(field);
                assert_string_equal(field, cases[i][1]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ranges_that_touch_or_overlap_become_one),
                cmocka_unit_test(an_empty_map_covers_nothing),
                cmocka_unit_test(a_range_is_covered_by_one_that_has_all_of_it),
                cmocka_unit_test(the_rest_is_what_is_outside),
                cmocka_unit_test(many_ranges_are_found),
                cmocka_unit_test(a_mount_point_is_unescaped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
