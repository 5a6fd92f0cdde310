/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/witness.h"

#include "base/files.h"
#include "base/text.h"
#include "tests/unit/unit.h"

#define BEFORE "11111111-2222-3333-4444-555555555555"
#define AFTER "99999999-8888-7777-6666-555555555555"
#define BETWEEN "55555555-6666-7777-8888-999999999999"
#define SEC UINT64_C(1000000)
#define AT(seconds) ((UINT64_C(1000000) + (seconds)) * SEC)

static Ec2Snapshot items[] = { { .start_time_usec = AT(10) }, { .start_time_usec = AT(20) } };
static const Ec2SnapshotList cut = { items, 2 };

static ShutdownSight usual(void)
{
        return (ShutdownSight){ .boot_before = BEFORE, .boot_next = AFTER, .boot_now = AFTER,
                .rest_usec = AT(5), .boot_usec = AT(30), .clock_before.known = true,
                .clock_now.known = true, .snapshots = &cut };
}

static Consistency class_of(const ShutdownSight *sight)
{
        Evidence evidence = { .complete_coverage = true, .same_volumes = true };

        witness_judge(sight, &evidence);
        assert_true(evidence.by_reboot);
        return consistency_reached(&evidence);
}

static void snapshots_between_rest_and_boot_are_of_a_host_at_rest(void **state)
{
        ShutdownSight sight = usual();

        assert_int_equal(class_of(&sight), CONSISTENCY_FILESYSTEM);
}

static void each_thing_that_was_not_seen_is_crash(void **state)
{
        const Ec2SnapshotList none = { 0 };
        ShutdownSight sights[12];

        for (size_t i = 0; i < ELEMENTSOF(sights); i++)
                sights[i] = usual();
        sights[0].boot_before = NULL;
        sights[1].boot_now = BEFORE; /* it is still the same boot */
        sights[2].rest_usec = 0;
        sights[3].rest_usec = AT(11); /* the first was cut while it shut down */
        sights[4].boot_usec = AT(18); /* the second while it booted */
        sights[5].snapshots = &none;
        sights[6].boot_usec = 0;
        sights[7].boot_next = BETWEEN; /* cut when that one ended, perhaps, and how did it? */
        sights[8].boot_next = NULL;
        sights[9].clock_before.known = false;
        sights[10].clock_now.known = false;
        sights[11].rest_usec = UINT64_MAX;
        for (size_t i = 0; i < ELEMENTSOF(sights); i++)
                assert_int_equal(class_of(&sights[i]), CONSISTENCY_CRASH);
}

/* Half an hour fast until the host was rebooted, and some minutes slow since. */
static void each_boot_has_its_own_clock(void **state)
{
        ShutdownSight sight = usual();

        sight.rest_usec += 1800 * SEC;
        sight.boot_usec -= 300 * SEC;
        assert_int_equal(class_of(&sight), CONSISTENCY_CRASH);
        sight.clock_before.usec = -1800 * (int64_t)SEC;
        sight.clock_now.usec = 300 * (int64_t)SEC;
        assert_int_equal(class_of(&sight), CONSISTENCY_FILESYSTEM);
        sight.clock_now.usec = 288 * (int64_t)SEC;
        assert_int_equal(class_of(&sight), CONSISTENCY_CRASH);
}

static void a_clock_that_is_wrong_makes_no_torn_image_good(void **state)
{
        ShutdownSight shutting_down = usual(), booting = usual();

        shutting_down.rest_usec = AT(11) - 3600 * SEC; /* the first was cut before that */
        shutting_down.clock_before.usec = 3600 * (int64_t)SEC;
        assert_int_equal(class_of(&shutting_down), CONSISTENCY_CRASH);
        booting.boot_usec = AT(18) + 3600 * SEC; /* the second after that */
        booting.clock_now.usec = -3600 * (int64_t)SEC;
        assert_int_equal(class_of(&booting), CONSISTENCY_CRASH);
}

/* A Date has no fraction, and is as old as its reply. */
static void what_the_offset_may_be_wrong_by_is_on_the_safe_side(void **state)
{
        ShutdownSight sight = usual();

        sight.clock_before.usec = 60 * (int64_t)SEC;
        sight.rest_usec = AT(9) - 60 * SEC;
        assert_int_equal(class_of(&sight), CONSISTENCY_CRASH);
        sight.rest_usec = AT(8) - 60 * SEC;
        assert_int_equal(class_of(&sight), CONSISTENCY_FILESYSTEM);
        sight.clock_now.usec = 60 * (int64_t)SEC;
        sight.boot_usec = AT(20) - 60 * SEC - 1;
        assert_int_equal(class_of(&sight), CONSISTENCY_CRASH);
        sight.boot_usec++;
        assert_int_equal(class_of(&sight), CONSISTENCY_FILESYSTEM);
}

static void write_file(const char *path, const char *text)
{
        assert_return_code(file_replace(path, text, strlen(text), 0600), 0);
}

static void only_the_whole_line_of_that_boot_is_testimony(void **state)
{
        _cleanup_(freep) char *path = NULL;
        static const char *const nothing[] = { "", BEFORE, BEFORE "\n", BEFORE "\nat-rest 5",
                BEFORE "\nat-rest \n", BEFORE "\nat-rest 5x\n", AFTER "\nat-rest 5\n",
                BEFORE "\nat-rest 5\nat-rest 6\n" };

        assert_return_code(string_printf(&path, "%s/witness", (char *)*state), 0);
        assert_int_equal(witness_read(path, BEFORE), 0);
        for (size_t i = 0; i < ELEMENTSOF(nothing); i++) {
                write_file(path, nothing[i]);
                assert_int_equal(witness_read(path, BEFORE), 0);
        }
        assert_return_code(witness_ask(path, BEFORE), 0);
        assert_int_equal(witness_read(path, BEFORE), 0);
        write_file(path, BEFORE "\nat-rest 1700000000000001\n");
        assert_int_equal(witness_read(path, BEFORE), 1700000000000001);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(snapshots_between_rest_and_boot_are_of_a_host_at_rest),
                cmocka_unit_test(each_thing_that_was_not_seen_is_crash),
                cmocka_unit_test(each_boot_has_its_own_clock),
                cmocka_unit_test(a_clock_that_is_wrong_makes_no_torn_image_good),
                cmocka_unit_test(what_the_offset_may_be_wrong_by_is_on_the_safe_side),
                cmocka_unit_test_setup_teardown(only_the_whole_line_of_that_boot_is_testimony,
                        scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
