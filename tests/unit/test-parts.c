/* SPDX-License-Identifier: Apache-2.0 */
#include "host/topology.h"

#include "tests/unit/fake-host.h"

#define VOL_A "vol-0aaaaaaaaaaaaaaa0"
#define VOL_B "vol-0bbbbbbbbbbbbbbb0"
#define VOL_C "vol-0ccccccccccccccc0"

/* The root on A, whose journal is a file; B and C are there for the data. */
static void add_machine(FakeHost *host)
{
        fake_nvme(host, "nvme0n1", "259:0", "vol0aaaaaaaaaaaaaaa0", EBS);
        fake_partition(host, "nvme0n1", "nvme0n1p1", "259:1");
        fake_nvme(host, "nvme1n1", "259:2", "vol0bbbbbbbbbbbbbbb0", EBS);
        fake_nvme(host, "nvme2n1", "259:3", "vol0ccccccccccccccc0", EBS);
        fake_mount(host, "259:1", "/", "ext4", "/dev/nvme0n1p1");
        fake_file(host, "", "jbd2/nvme0n1p1-8/info");
        fake_file(host, "123\n", "sys/fs/ext4/nvme0n1p1/journal_task");
}

static void assert_covered(FakeHost *host, const char *mount_point, const char *ids,
        const char *layers)
{
        const FileSystem *fs = fake_file_system(host, mount_point);
        _cleanup_(freep) char *joined = NULL;

        if (!fs->covered)
                fail_msg("%s is not covered: %s", mount_point, fs->reason);
        assert_true(fs->freezable);
        assert_volumes(host, fs, ids);
        assert_return_code(string_list_join(&fs->layers, " ", &joined), 0);
        assert_string_equal(joined, layers);
}

static void assert_not_covered(FakeHost *host, const char *mount_point, const char *reason)
{
        const FileSystem *fs = fake_file_system(host, mount_point);

        assert_false(fs->covered);
        assert_contains(fs->reason, reason);
}

static void an_xfs_needs_its_log_and_its_realtime_device(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        fake_partition(host, "nvme0n1", "nvme0n1p2", "259:9");
        fake_mount_with(host, "259:2", "/data", "xfs", "/dev/nvme1n1",
                "rw,attr2,logdev=/dev/nvme2n1,rtdev=/dev/nvme0n1p2,noquota");
        assert_return_code(fake_host_build(host), 0);
        assert_covered(host, "/data", VOL_A " " VOL_B " " VOL_C,
                "logdev:/dev/nvme2n1 rtdev:/dev/nvme0n1p2");
        assert_covered(host, "/", VOL_A, "");
        assert_int_equal(host->topology.n_unused, 0);
        assert_null(fake_volume(host, VOL_C)->reason);
}

static void the_volume_of_the_mounted_device_comes_first(void **state)
{
        FakeHost *host = *state;
        const FileSystem *fs;

        add_machine(host);
        fake_mount_with(host, "259:3", "/data", "xfs", "/dev/nvme2n1", "rw,logdev=/dev/nvme1n1");
        assert_return_code(fake_host_build(host), 0);
        fs = fake_file_system(host, "/data");
        assert_int_equal(fs->n_volumes, 2);
        assert_string_equal(host->topology.volumes[fs->volumes[0]].id, VOL_C);
}

static void a_log_in_a_file_is_frozen_before_what_it_lies_in(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        fake_loop(host, "loop0", "7:0", "/srv/log.img");
        fake_mount(host, "259:3", "/srv", "ext4", "/dev/nvme2n1");
        fake_mount_with(host, "259:2", "/data", "xfs", "/dev/nvme1n1", "rw,logdev=/dev/loop0");
        assert_return_code(fake_host_build(host), 0);
        assert_covered(host, "/data", VOL_B " " VOL_C, "logdev:/dev/loop0 loop:/srv/log.img");
        assert_int_equal(fake_file_system(host, "/data")->depth, 1);
}

static void a_log_that_is_not_found_or_on_no_volume_leaves_it_uncovered(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        fake_nvme(host, "nvme3n1", "259:4", "AWS1", INSTANCE_STORE);
        fake_mount_with(host, "259:2", "/data", "xfs", "/dev/nvme1n1",
                "rw,logdev=/dev/disk/by-id/no-such");
        fake_mount_with(host, "259:3", "/fast", "xfs", "/dev/nvme2n1", "rw,logdev=/dev/nvme3n1");
        assert_return_code(fake_host_build(host), 0);
        assert_not_covered(host, "/data", "/dev/disk/by-id/no-such, a part of it");
        assert_volumes(host, fake_file_system(host, "/data"), VOL_B);
        assert_not_covered(host, "/fast", "/dev/nvme3n1 is an instance store");
}

/* What a network file system calls its options is its own affair. */
static void only_those_who_have_parts_are_asked_for_them(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        fake_mount_with(host, "259:2", "/data", "ext4", "/dev/nvme1n1", "rw,logdev=/dev/nvme2n1");
        assert_return_code(fake_host_build(host), 0);
        assert_covered(host, "/data", VOL_B, "");
}

static void add_ext4(FakeHost *host, const char *name, const char *number, const char *task)
{
        _cleanup_(freep) char *target = NULL, *source = NULL;

        assert_return_code(string_printf(&target, "/mnt/%s", name), 0);
        assert_return_code(string_printf(&source, "/dev/%s", name), 0);
        fake_mount(host, number, target, "ext4", source);
        if (task)
                fake_file(host, task, "sys/fs/ext4/%s/journal_task", name);
}

static void an_ext4_needs_the_journal_on_another_device(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        add_ext4(host, "nvme1n1", "259:2", "456\n");
        fake_file(host, "", "jbd2/nvme2n1/info");
        assert_return_code(fake_host_build(host), 0);
        assert_covered(host, "/mnt/nvme1n1", VOL_B " " VOL_C, "journal:/dev/nvme2n1");
        assert_covered(host, "/", VOL_A, "");
        assert_int_equal(host->topology.n_unused, 0);
}

/* Older kernels have no journal_task. */
static void so_it_does_where_the_kernel_says_less(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        add_ext4(host, "nvme1n1", "259:2", NULL);
        fake_file(host, "", "jbd2/nvme2n1/info");
        assert_return_code(fake_host_build(host), 0);
        assert_covered(host, "/mnt/nvme1n1", VOL_B " " VOL_C, "journal:/dev/nvme2n1");
}

/* "dm-0" has the form of an inode on a device. */
static void a_journal_on_a_mapping_is_told_from_one_in_a_file(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        fake_stacked(host, "dm-0", "253:0", "nvme2n1");
        fake_stacked(host, "dm-1", "253:1", "nvme0n1");
        add_ext4(host, "nvme1n1", "259:2", "456\n");
        add_ext4(host, "dm-1", "253:1", "789\n");
        fake_file(host, "", "jbd2/dm-0/info");
        fake_file(host, "", "jbd2/dm-1-8/info");
        assert_return_code(fake_host_build(host), 0);
        assert_covered(host, "/mnt/nvme1n1", VOL_B " " VOL_C, "journal:/dev/dm-0");
        assert_covered(host, "/mnt/dm-1", VOL_A, "");
}

static void an_ext4_without_a_journal_has_no_part_in_others(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        fake_partition(host, "nvme0n1", "nvme0n1p2", "259:9");
        add_ext4(host, "nvme0n1p2", "259:9", "<none>\n");
        add_ext4(host, "nvme1n1", "259:2", "456\n");
        fake_file(host, "", "jbd2/nvme2n1/info");
        assert_return_code(fake_host_build(host), 0);
        assert_covered(host, "/mnt/nvme0n1p2", VOL_A, "");
        assert_covered(host, "/mnt/nvme1n1", VOL_B " " VOL_C, "journal:/dev/nvme2n1");
}

static void of_two_journals_each_may_be_anyones(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        fake_partition(host, "nvme2n1", "nvme2n1p1", "259:10");
        fake_partition(host, "nvme2n1", "nvme2n1p2", "259:11");
        fake_partition(host, "nvme0n1", "nvme0n1p2", "259:9");
        add_ext4(host, "nvme0n1p2", "259:9", "456\n");
        add_ext4(host, "nvme1n1", "259:2", "789\n");
        fake_file(host, "", "jbd2/nvme2n1p1/info");
        fake_file(host, "", "jbd2/nvme2n1p2/info");
        assert_return_code(fake_host_build(host), 0);
        assert_covered(host, "/mnt/nvme0n1p2", VOL_A " " VOL_C,
                "journal:/dev/nvme2n1p1 journal:/dev/nvme2n1p2");
        assert_covered(host, "/mnt/nvme1n1", VOL_B " " VOL_C,
                "journal:/dev/nvme2n1p1 journal:/dev/nvme2n1p2");
        assert_int_equal(host->topology.n_unused, 0);
}

/* One is of another mount namespace's file system, and so is its journal. */
static void more_journals_than_owners_belong_to_nobody_for_sure(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        fake_nvme(host, "nvme3n1", "259:4", "vol0ddddddddddddddd0", EBS);
        add_ext4(host, "nvme1n1", "259:2", "456\n");
        fake_file(host, "", "jbd2/nvme2n1/info");
        fake_file(host, "", "jbd2/nvme3n1/info");
        assert_return_code(fake_host_build(host), 0);
        assert_not_covered(host, "/mnt/nvme1n1", "its journal is on another device");
        assert_volumes(host, fake_file_system(host, "/mnt/nvme1n1"), VOL_B);
        assert_int_equal(host->topology.n_unused, 2);
        assert_true(host->topology.unused[0].mounted_elsewhere);
        assert_true(host->topology.unused[1].mounted_elsewhere);
}

static void a_journal_that_is_not_to_be_seen_leaves_it_uncovered(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        add_ext4(host, "nvme1n1", "259:2", "456\n");
        assert_return_code(fake_host_build(host), 0);
        assert_not_covered(host, "/mnt/nvme1n1", "its journal is on another device");
        assert_covered(host, "/", VOL_A, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                FAKE_HOST_TEST(an_xfs_needs_its_log_and_its_realtime_device),
                FAKE_HOST_TEST(the_volume_of_the_mounted_device_comes_first),
                FAKE_HOST_TEST(a_log_in_a_file_is_frozen_before_what_it_lies_in),
                FAKE_HOST_TEST(a_log_that_is_not_found_or_on_no_volume_leaves_it_uncovered),
                FAKE_HOST_TEST(only_those_who_have_parts_are_asked_for_them),
                FAKE_HOST_TEST(an_ext4_needs_the_journal_on_another_device),
                FAKE_HOST_TEST(so_it_does_where_the_kernel_says_less),
                FAKE_HOST_TEST(a_journal_on_a_mapping_is_told_from_one_in_a_file),
                FAKE_HOST_TEST(an_ext4_without_a_journal_has_no_part_in_others),
                FAKE_HOST_TEST(of_two_journals_each_may_be_anyones),
                FAKE_HOST_TEST(more_journals_than_owners_belong_to_nobody_for_sure),
                FAKE_HOST_TEST(a_journal_that_is_not_to_be_seen_leaves_it_uncovered),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
