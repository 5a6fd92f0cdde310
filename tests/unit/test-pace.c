/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/pace.h"

#include "base/clock.h"
#include "base/text.h"
#include "tests/unit/unit.h"

#define NOW (1000000 * USEC_PER_SEC)
#define SEC USEC_PER_SEC

static void fifteen_seconds_lie_between_two_snapshots_of_a_volume(void **state)
{
        static const struct {
                uint64_t last, spacing, left;
        } cases[] = {
                { NOW - 4 * SEC, 15 * SEC, 11 * SEC },
                { NOW, 15 * SEC, 15 * SEC },
                { NOW - 15 * SEC, 15 * SEC, 0 },
                { NOW - 4000 * SEC, 15 * SEC, 0 },
                { NOW - SEC, 0, 0 },
                { 0, 15 * SEC, 0 }, /* there is none */
                { NOW + SEC, 15 * SEC, 0 }, /* the clock was wrong */
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(
                        pace_spacing_left(cases[i].last, NOW, cases[i].spacing), cases[i].left);
}

static void hard_disks_take_one_snapshot_at_a_time(void **state)
{
        assert_int_equal(pace_pending_max("gp3"), 5);
        assert_int_equal(pace_pending_max("io2"), 5);
        assert_int_equal(pace_pending_max("st1"), 1);
        assert_int_equal(pace_pending_max("sc1"), 1);
        assert_int_equal(pace_pending_max("of tomorrow"), 5);
        assert_int_equal(pace_pending_max(NULL), 5);
}

static const char *find_crowded(size_t n_of_first, size_t n_of_second)
{
        Ec2Snapshot snapshots[16] = { 0 };
        Ec2Volume known[] = { { .id = (char *)"vol-2", .type = (char *)"st1" } };
        const Ec2VolumeList types = { known, 1 };
        Ec2SnapshotList pending = { snapshots, n_of_first + n_of_second };
        char *ids[] = { (char *)"vol-1", (char *)"vol-2", NULL };
        const StringList volumes = { ids, 2 };
        const char *found;

        for (size_t i = 0; i < pending.count; i++)
                snapshots[i].volume_id = i < n_of_first ? ids[0] : ids[1];
        found = pace_find_crowded(&volumes, &types, &pending);
        return found && streq(found, ids[0]) ? "first" : found ? "second" : "none";
}

static void the_volume_that_takes_no_more_is_found(void **state)
{
        assert_string_equal(find_crowded(0, 0), "none");
        assert_string_equal(find_crowded(4, 0), "none");
        assert_string_equal(find_crowded(5, 0), "first");
        assert_string_equal(find_crowded(6, 0), "first");
        assert_string_equal(find_crowded(4, 1), "second");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fifteen_seconds_lie_between_two_snapshots_of_a_volume),
                cmocka_unit_test(hard_disks_take_one_snapshot_at_a_time),
                cmocka_unit_test(the_volume_that_takes_no_more_is_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
