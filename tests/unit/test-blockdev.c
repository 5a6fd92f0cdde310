/* SPDX-License-Identifier: Apache-2.0 */
#include "host/blockdev.h"

#include "tests/unit/fake-host.h"

static const BlockDevice *read_one(FakeHost *host, const char *name)
{
        size_t index;

        block_devices_done(&host->facts.devices);
        assert_return_code(block_devices_read(host->sysfs, &host->facts.devices), 0);
        index = block_devices_find(&host->facts.devices, name);
        if (index == BLOCK_DEVICE_NONE)
                fail_msg("there is no device %s", name);
        return host->facts.devices.items + index;
}

static void an_nvme_disk_shows_serial_and_model_without_padding(void **state)
{
        const BlockDevice *device;

        fake_nvme(*state, "nvme0n1", "259:0\n", "vol0123456789abcdef0", EBS);
        fake_partition(*state, "nvme0n1", "nvme0n1p1", "259:1\n");
        device = read_one(*state, "nvme0n1");
        assert_string_equal(device->serial, "vol0123456789abcdef0");
        assert_string_equal(device->model, EBS);
        assert_int_equal(device->major, 259);
        assert_int_equal(device->minor, 0);
        assert_true(device->size_bytes == UINT64_C(1) << 30);
        assert_null(device->disk);
        assert_null(device->backing_file);
}

static void a_partition_knows_its_disk(void **state)
{
        FakeHost *host = *state;
        const BlockDevice *device;

        fake_nvme(host, "nvme0n1", "259:0\n", "vol0123456789abcdef0", EBS);
        fake_partition(host, "nvme0n1", "nvme0n1p1", "259:1\n");
        fake_file(host, "0\n", "sys/block/nvme0n1/nvme0n1stat/other");
        device = read_one(host, "nvme0n1p1");
        assert_string_equal(device->disk, "nvme0n1");
        assert_true(device->size_bytes == UINT64_C(1) << 29);
        assert_int_equal(host->facts.devices.count, 2);
        assert_ptr_equal(host->facts.devices.items
                        + block_devices_find_number(&host->facts.devices, 259, 1),
                device);
        assert_true(block_devices_find_number(&host->facts.devices, 259, 2) == BLOCK_DEVICE_NONE);
}

static void the_hidden_paths_of_a_multipath_disk_are_left_out(void **state)
{
        FakeHost *host = *state;

        /* The head's `device` is the subsystem; the path to it has no number of its own. */
        fake_file(host, "vol0123456789abcdef0\n", "sys/devices/nvme-subsys0/serial");
        fake_file(host, EBS "            \n", "sys/devices/nvme-subsys0/model");
        fake_disk(host, "nvme0n1", "259:1\n");
        fake_link(host, "../../devices/nvme-subsys0", "sys/block/nvme0n1/device");
        fake_file(host, "1\n", "sys/block/nvme0c0n1/hidden");
        fake_file(host, "2097152\n", "sys/block/nvme0c0n1/size");
        assert_string_equal(read_one(host, "nvme0n1")->serial, "vol0123456789abcdef0");
        assert_string_equal(read_one(host, "nvme0n1")->model, EBS);
        assert_int_equal(host->facts.devices.count, 1);
}

static void stacked_devices_show_what_they_lie_on(void **state)
{
        FakeHost *host = *state;

        fake_stacked(host, "dm-0", "253:0\n", "nvme1n1 nvme0n1");
        fake_file(host, "vg-data\n", "sys/block/dm-0/dm/name");
        fake_file(host, "LVM-abc\n", "sys/block/dm-0/dm/uuid");
        fake_stacked(host, "md0", "9:0\n", "vdb vdc");
        fake_file(host, "raid0\n", "sys/block/md0/md/level");
        fake_loop(host, "loop7", "7:7\n", "/images/a b\nc.img");
        assert_int_equal(read_one(host, "dm-0")->slaves.count, 2);
        assert_string_equal(read_one(host, "dm-0")->slaves.items[0], "nvme0n1");
        assert_string_equal(read_one(host, "dm-0")->dm_uuid, "LVM-abc");
        assert_string_equal(read_one(host, "md0")->md_level, "raid0");
        assert_string_equal(read_one(host, "loop7")->backing_file, "/images/a b\nc.img");
}

static void paths_in_dev_are_found_without_dev(void **state)
{
        FakeHost *host = *state;
        const BlockDevices *devices = &host->facts.devices;
        size_t index;

        fake_stacked(host, "dm-0", "253:0\n", "");
        fake_file(host, "vg-data\n", "sys/block/dm-0/dm/name");
        fake_disk(host, "cciss!c0d0", "104:0\n");
        fake_partition(host, "cciss!c0d0", "cciss!c0d0p1", "104:1\n");
        (void)read_one(host, "dm-0");
        index = block_devices_find_path(devices, "/dev/mapper/vg-data");
        assert_string_equal(devices->items[index].name, "dm-0");
        index = block_devices_find_path(devices, "/dev/cciss/c0d0p1");
        assert_string_equal(devices->items[index].disk, "cciss/c0d0");
        assert_true(block_devices_find_path(devices, "/dev/mapper/other") == BLOCK_DEVICE_NONE);
        assert_true(block_devices_find_path(devices, "/dev/") == BLOCK_DEVICE_NONE);
        assert_true(block_devices_find_path(devices, "tmpfs") == BLOCK_DEVICE_NONE);
}

static void rubbish_in_sysfs_is_no_device(void **state)
{
        FakeHost *host = *state;

        fake_file(host, "rubbish\n", "sys/block/sda/dev");
        fake_file(host, "", "sys/block/sdb/dev");
        fake_file(host, "8:32\n", "sys/block/sdc/dev");
        fake_file(host, "many\n", "sys/block/sdc/size");
        fake_link(host, "nowhere", "sys/block/sdd");
        assert_true(read_one(host, "sdc")->size_bytes == 0);
        assert_int_equal(host->facts.devices.count, 1);
}

static void no_sysfs_is_an_error(void **state)
{
        FakeHost *host = *state;

        assert_int_equal(block_devices_read(host->run, &host->facts.devices), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                FAKE_HOST_TEST(an_nvme_disk_shows_serial_and_model_without_padding),
                FAKE_HOST_TEST(a_partition_knows_its_disk),
                FAKE_HOST_TEST(the_hidden_paths_of_a_multipath_disk_are_left_out),
                FAKE_HOST_TEST(stacked_devices_show_what_they_lie_on),
                FAKE_HOST_TEST(paths_in_dev_are_found_without_dev),
                FAKE_HOST_TEST(rubbish_in_sysfs_is_no_device),
                FAKE_HOST_TEST(no_sysfs_is_an_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
