/* SPDX-License-Identifier: Apache-2.0 */
#include "host/topology.h"

#include "tests/unit/fake-host.h"

#define VOL_A "vol-0aaaaaaaaaaaaaaa0"
#define VOL_B "vol-0bbbbbbbbbbbbbbb0"

/* A partitioned root disk, a data disk, and an instance store. */
static void add_machine(FakeHost *host)
{
        fake_nvme(host, "nvme0n1", "259:0", "vol0aaaaaaaaaaaaaaa0", EBS);
        fake_partition(host, "nvme0n1", "nvme0n1p1", "259:1");
        fake_partition(host, "nvme0n1", "nvme0n1p14", "259:2");
        fake_nvme(host, "nvme1n1", "259:3", "vol0bbbbbbbbbbbbbbb0", EBS);
        fake_nvme(host, "nvme2n1", "259:4", "AWS1", INSTANCE_STORE);
        fake_mount(host, "259:1", "/", "ext4", "/dev/nvme0n1p1");
}

static void assert_unused(FakeHost *host, const char *devices)
{
        _cleanup_(string_list_done) StringList found = STRING_LIST_INIT;
        _cleanup_(freep) char *joined = NULL;

        assert_return_code(fake_host_build(host), 0);
        for (size_t i = 0; i < host->topology.n_unused; i++)
                assert_return_code(
                        string_list_add(&found, host->topology.unused[i].device), 0);
        assert_return_code(string_list_join(&found, " ", &joined), 0);
        assert_string_equal(joined, devices);
}

static void a_raw_disk_and_a_partition_that_nothing_is_mounted_from(void **state)
{
        FakeHost *host = *state;
        const UnusedDevice *raw;

        add_machine(host);
        fake_partition(host, "nvme2n1", "nvme2n1p1", "259:5");
        assert_unused(host, "/dev/nvme0n1p14 /dev/nvme1n1 /dev/nvme2n1p1");
        raw = host->topology.unused + 2;
        assert_int_equal(raw->n_volumes, 0);
        assert_int_equal(raw->disk_minor, 4);
        raw = host->topology.unused + 1;
        assert_int_equal(raw->disk_minor, 3);
        assert_int_equal(raw->major, 259);
        assert_int_equal(raw->minor, 3);
        assert_int_equal(raw->n_volumes, 1);
        assert_string_equal(host->topology.volumes[raw->volumes[0]].id, VOL_B);
}

static void what_is_mounted_or_swap_is_used(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        fake_file(host, "Filename Type Size\n/dev/nvme0n1p14 partition 9 0 -2\n", "swaps");
        fake_mount(host, "259:3", "/data", "xfs", "/dev/nvme1n1");
        assert_unused(host, "");
}

static void of_a_stack_only_the_top_is_unused(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        fake_stacked(host, "dm-0", "253:0", "nvme1n1 nvme0n1p14");
        fake_stacked(host, "dm-1", "253:1", "nvme1n1");
        fake_mount(host, "253:1", "/data", "xfs", "/dev/mapper/data");
        assert_unused(host, "/dev/dm-0");
        assert_int_equal(host->topology.unused[0].n_volumes, 2);
}

static void a_loop_over_a_file_is_a_matter_of_its_file_system(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        fake_mount(host, "259:3", "/data", "xfs", "/dev/nvme1n1");
        fake_loop(host, "loop0", "7:0", "/data/image");
        fake_loop(host, "loop1", "7:1", "/dev/nvme0n1p14");
        assert_unused(host, "/dev/loop1");
}

/* RootImage= and systemd-nspawn --image mount it where mountinfo does not show it. */
static void an_image_that_is_mounted_out_of_sight_is_on_the_volumes_below_it(void **state)
{
        FakeHost *host = *state;
        const UnusedDevice *image;

        add_machine(host);
        fake_mount(host, "259:3", "/data", "xfs", "/dev/nvme1n1");
        fake_mount(host, "0:40", "/run", "tmpfs", "tmpfs");
        fake_loop(host, "loop0", "7:0", "/data/image");
        fake_partition(host, "loop0", "loop0p1", "259:9");
        fake_loop(host, "loop1", "7:1", "/run/image");
        fake_file(host, "0\n", "sys/fs/ext4/loop0p1/errors_count");
        fake_file(host, "0\n", "sys/fs/ext4/loop1/errors_count");
        assert_unused(host, "/dev/loop0p1 /dev/nvme0n1p14");
        image = host->topology.unused;
        assert_true(image->mounted_elsewhere);
        assert_int_equal(image->n_volumes, 1);
        assert_string_equal(host->topology.volumes[image->volumes[0]].id, VOL_B);
}

static void what_lies_on_a_volume_and_on_a_file_is_watched_for_the_volumes_sake(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        fake_mount(host, "259:3", "/data", "xfs", "/dev/nvme1n1");
        fake_loop(host, "loop0", "7:0", "/data/image");
        fake_stacked(host, "dm-0", "253:0", "loop0 nvme0n1p14");
        assert_unused(host, "/dev/dm-0");
        assert_false(host->topology.unused[0].mounted_elsewhere);
        assert_int_equal(host->topology.unused[0].n_volumes, 1);
        assert_string_equal(host->topology.volumes[host->topology.unused[0].volumes[0]].id, VOL_A);
}

static void the_devices_of_a_mounted_btrfs_are_used(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        fake_file(host, "", "sys/fs/btrfs/0f0f/devices/nvme1n1");
        fake_file(host, "", "sys/fs/btrfs/0f0f/devices/nvme0n1p14");
        fake_mount(host, "0:40", "/pool", "btrfs", "/dev/nvme1n1");
        assert_unused(host, "");
}

static void the_devices_of_a_btrfs_of_another_mount_namespace_are_not(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        fake_file(host, "", "sys/fs/btrfs/0f0f/devices/nvme1n1");
        assert_unused(host, "/dev/nvme0n1p14 /dev/nvme1n1");
        assert_false(host->topology.unused[0].mounted_elsewhere);
        assert_true(host->topology.unused[1].mounted_elsewhere);
}

static void a_file_system_of_another_mount_namespace_is_known_by_sysfs(void **state)
{
        static const char *const types[] = { "ext4", "f2fs", "xfs" };
        FakeHost *host = *state;

        add_machine(host);
        fake_file(host, "", "sys/fs/ext4/features/lazy_itable_init");
        fake_file(host, "", "sys/fs/ext4/nvme0n1p1/errors_count");
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                _cleanup_(freep) char *name = NULL, *number = NULL, *entry = NULL;

                assert_return_code(string_printf(&name, "nvme%zun1", i + 3), 0);
                assert_return_code(string_printf(&number, "259:%zu", i + 10), 0);
                fake_nvme(host, name, number, name, EBS);
                fake_file(host, "1", "sys/fs/%s/%s/x", types[i], name);
                assert_return_code(string_printf(&entry, "/dev/%s:vol-%zu", name, i), 0);
                assert_return_code(string_list_add(&host->map, entry), 0);
        }
        assert_unused(host,
                "/dev/nvme0n1p14 /dev/nvme1n1 /dev/nvme3n1 /dev/nvme4n1 /dev/nvme5n1");
        for (size_t i = 0; i < 5; i++)
                assert_int_equal(host->topology.unused[i].mounted_elsewhere, i >= 2);
}

static void what_is_mounted_out_of_sight_from_a_device_that_hides_its_own_may_be_anywhere(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        fake_virtual(host, "drbd0", "147:0");
        fake_virtual(host, "drbd1", "147:1");
        fake_file(host, "0\n", "sys/fs/ext4/drbd0/errors_count");
        assert_unused(host, "/dev/drbd0 /dev/nvme0n1p14 /dev/nvme1n1");
        assert_true(host->topology.unused[0].mounted_elsewhere);
        assert_int_equal(host->topology.unused[0].n_volumes, 2);
}

static void what_nobody_can_write_is_at_rest_by_itself(void **state)
{
        FakeHost *host = *state;

        add_machine(host);
        fake_file(host, "1\n", "sys/block/nvme1n1/ro");
        fake_file(host, "2\n", "sys/block/nvme0n1/nvme0n1p14/size");
        assert_unused(host, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                FAKE_HOST_TEST(a_raw_disk_and_a_partition_that_nothing_is_mounted_from),
                FAKE_HOST_TEST(what_is_mounted_or_swap_is_used),
                FAKE_HOST_TEST(of_a_stack_only_the_top_is_unused),
                FAKE_HOST_TEST(a_loop_over_a_file_is_a_matter_of_its_file_system),
                FAKE_HOST_TEST(an_image_that_is_mounted_out_of_sight_is_on_the_volumes_below_it),
                FAKE_HOST_TEST(what_lies_on_a_volume_and_on_a_file_is_watched_for_the_volumes_sake),
                FAKE_HOST_TEST(the_devices_of_a_mounted_btrfs_are_used),
                FAKE_HOST_TEST(the_devices_of_a_btrfs_of_another_mount_namespace_are_not),
                FAKE_HOST_TEST(a_file_system_of_another_mount_namespace_is_known_by_sysfs),
                FAKE_HOST_TEST(
                        what_is_mounted_out_of_sight_from_a_device_that_hides_its_own_may_be_anywhere),
                FAKE_HOST_TEST(what_nobody_can_write_is_at_rest_by_itself),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
