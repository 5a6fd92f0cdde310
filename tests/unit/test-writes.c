/* SPDX-License-Identifier: Apache-2.0 */
#include "host/writes.h"

#include <sys/utsname.h>

#include "tests/unit/fake-host.h"

/* As Linux 6.1 prints them, of a device that was probed and then written to ten times. */
#define STAT "    156    23   15200   12   10    0   80   5   0   11   17   3  0  8  0  2  1\n"
#define QUIET "       0        0\n"

static WriteCount parsed(const char *stat, const char *inflight)
{
        WriteCount count = { 0 };

        assert_return_code(write_count_parse(stat, inflight, &count), 0);
        return count;
}

static void the_numbers_stand_where_the_kernel_puts_them(void **state)
{
        WriteCount count = parsed(STAT, "  7  2\n");

        assert_int_equal(count.reads, 156);
        assert_int_equal(count.writes, 10);
        assert_int_equal(count.sectors, 80);
        assert_int_equal(count.discards, 3);
        assert_int_equal(count.under_way, 2);
        /* Before Linux 4.18. */
        count = parsed("1 2 3 4 5 6 7 8 9 10 11\n", QUIET);
        assert_int_equal(count.writes, 5);
        assert_int_equal(count.discards, 0);
}

static void what_is_no_count_is_refused(void **state)
{
        WriteCount count;

        assert_int_equal(write_count_parse("", QUIET, &count), -EBADMSG);
        assert_int_equal(write_count_parse("1 2 3 4 5 6", QUIET, &count), -EBADMSG);
        assert_int_equal(write_count_parse("a b c", QUIET, &count), -EBADMSG);
        assert_int_equal(write_count_parse(STAT, "0", &count), -EBADMSG);
}

static void each_kind_of_write_is_a_change_and_a_read_is_none(void **state)
{
        const WriteCount before = parsed(STAT, QUIET);
        WriteCount after = before;

        after.reads++;
        assert_true(write_count_is_unchanged(&before, &after));
        for (int i = 0; i < 4; i++) {
                uint64_t *changes[] = { &after.writes, &after.sectors, &after.discards,
                        &after.under_way };

                after = before;
                (*changes[i])++;
                assert_false(write_count_is_unchanged(&before, &after));
                assert_false(write_count_is_unchanged(&after, &before));
        }
        /* One that was under way all the time may have been carried out in between. */
        after = before;
        after.under_way = 1;
        assert_false(write_count_is_unchanged(&after, &after));
}

static void add_device(FakeHost *host, const char *iostats, const char *stat)
{
        fake_file(host, iostats, "sys/devices/nvme0n1/queue/iostats");
        fake_file(host, stat, "sys/devices/nvme0n1/stat");
        fake_file(host, QUIET, "sys/devices/nvme0n1/inflight");
        fake_file(host, stat, "sys/devices/nvme0n1/nvme0n1p15/stat");
        fake_file(host, QUIET, "sys/devices/nvme0n1/nvme0n1p15/inflight");
        fake_link(host, "../../devices/nvme0n1", "sys/dev/block/259:0");
        fake_link(host, "../../devices/nvme0n1/nvme0n1p15", "sys/dev/block/259:15");
}

static void a_disk_and_a_partition_are_counted_anew_at_each_look(void **state)
{
        FakeHost *host = *state;
        const unsigned minors[] = { 0, 15 };

        add_device(host, "1\n", STAT);
        for (size_t i = 0; i < ELEMENTSOF(minors); i++) {
                _cleanup_(write_counter_done) WriteCounter counter = WRITE_COUNTER_INIT;
                WriteCount count;

                assert_return_code(write_counter_open(host->sysfs, 259, minors[i], &counter), 0);
                assert_return_code(write_counter_read(&counter, &count), 0);
                assert_int_equal(count.writes, 10);
                assert_return_code(write_counter_read(&counter, &count), 0);
                assert_int_equal(count.writes, 10);
        }
}

static void what_the_kernel_does_not_count_proves_nothing(void **state)
{
        FakeHost *host = *state;
        WriteCounter counter = WRITE_COUNTER_INIT;

        add_device(host, "0\n", STAT);
        assert_int_equal(write_counter_open(host->sysfs, 259, 0, &counter), -ENODATA);
        assert_int_equal(write_counter_open(host->sysfs, 259, 15, &counter), -ENODATA);
        assert_int_equal(write_counter_open(host->sysfs, 259, 99, &counter), -ENOENT);
}

static void older_kernels_count_device_mapper_whatever_its_switch_shows(void **state)
{
        assert_true(write_counts_of_dm_are_always_on("4.14.355-276.639.amzn2.x86_64"));
        assert_true(write_counts_of_dm_are_always_on("5.15.0-1051-aws"));
        assert_true(write_counts_of_dm_are_always_on("6.1.0-28-cloud-amd64"));
        assert_false(write_counts_of_dm_are_always_on("6.5.0-1014-aws"));
        assert_false(write_counts_of_dm_are_always_on("6.12.6"));
        assert_false(write_counts_of_dm_are_always_on("10.0.1"));
        assert_false(write_counts_of_dm_are_always_on("5.14.0-427.13.1.el9_4.x86_64"));
        assert_false(write_counts_of_dm_are_always_on("next"));
}

static void a_switch_that_does_nothing_is_not_asked(void **state)
{
        FakeHost *host = *state;
        struct utsname machine;
        WriteCounter counter = WRITE_COUNTER_INIT;
        int expected;

        assert_return_code(uname(&machine), errno);
        expected = write_counts_of_dm_are_always_on(machine.release) ? 0 : -ENODATA;
        add_device(host, "0\n", STAT);
        fake_file(host, "vg-raw\n", "sys/dev/block/259:0/dm/name");
        assert_int_equal(write_counter_open(host->sysfs, 259, 0, &counter), expected);
        write_counter_done(&counter);
        fake_file(host, "", "sys/dev/block/259:0/mq/0/cpu_list");
        assert_int_equal(write_counter_open(host->sysfs, 259, 0, &counter), -ENODATA);
}

static void what_was_never_read_nor_written_is_not_counted(void **state)
{
        FakeHost *host = *state;
        WriteCounter counter = WRITE_COUNTER_INIT;

        add_device(host, "1\n", "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
        assert_int_equal(write_counter_open(host->sysfs, 259, 0, &counter), -ENODATA);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_numbers_stand_where_the_kernel_puts_them),
                cmocka_unit_test(what_is_no_count_is_refused),
                cmocka_unit_test(each_kind_of_write_is_a_change_and_a_read_is_none),
                FAKE_HOST_TEST(a_disk_and_a_partition_are_counted_anew_at_each_look),
                FAKE_HOST_TEST(what_the_kernel_does_not_count_proves_nothing),
                cmocka_unit_test(older_kernels_count_device_mapper_whatever_its_switch_shows),
                FAKE_HOST_TEST(a_switch_that_does_nothing_is_not_asked),
                FAKE_HOST_TEST(what_was_never_read_nor_written_is_not_counted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
