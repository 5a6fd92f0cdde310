/* SPDX-License-Identifier: Apache-2.0 */
#include "host/topology-report.h"

#include "base/json.h"
#include "tests/unit/fake-host.h"

#define VOL_A "vol-0aaaaaaaaaaaaaaa0"
#define VOL_B "vol-0bbbbbbbbbbbbbbb0"
#define VOL_C "vol-0ccccccccccccccc0"
#define VOL_X "vol-0eeeeeeeeeeeeeee0"

static void add_machine(FakeHost *host)
{
        fake_nvme(host, "nvme0n1", "259:0", "vol0aaaaaaaaaaaaaaa0", EBS);
        fake_nvme(host, "nvme1n1", "259:1", "vol0bbbbbbbbbbbbbbb0", EBS);
        fake_nvme(host, "nvme2n1", "259:2", "AWS1", INSTANCE_STORE);
        fake_mount(host, "259:0", "/", "ext4", "/dev/nvme0n1");
        fake_mount(host, "0:40", "/tmp\\040caf\xe9", "tmpfs", "tmpfs");
        fake_attached(host, VOL_A, "/dev/sda1");
        fake_attached(host, VOL_B, "/dev/sdf");
        assert_int_equal(fake_host_build(host), 0);
}

static const json_t *find(const json_t *array, const char *key, const char *value)
{
        for (size_t i = 0; i < json_array_size(array); i++)
                if (streq(json_get_string(json_array_get(array, i), key, ""), value))
                        return json_array_get(array, i);
        fail_msg("nothing has %s %s", key, value);
        return NULL;
}

static void the_json_has_volumes_other_disks_and_file_systems(void **state)
{
        FakeHost *host = *state;
        _cleanup_(json_decrefp) json_t *json = NULL;
        const json_t *volumes, *file_systems, *item;

        add_machine(host);
        assert_return_code(topology_to_json(&host->topology, &json), 0);
        volumes = json_object_get(json, "volumes");
        assert_int_equal(json_array_size(volumes), 3);
        item = find(volumes, "id", VOL_B);
        assert_string_equal(json_get_string(item, "device", ""), "/dev/nvme1n1");
        assert_string_equal(json_get_string(item, "attached-as", ""), "/dev/sdf");
        assert_true(json_get_u64(item, "size-bytes", 0) == UINT64_C(1) << 30);
        assert_true(json_get_bool(item, "covered", false));
        assert_contains(json_get_string(item, "reason", NULL), "no mounted file system");
        assert_null(json_object_get(item, "claimed-id"));
        item = find(volumes, "device", "/dev/nvme2n1");
        assert_null(json_object_get(item, "id"));
        assert_false(json_get_bool(item, "covered", true));
        assert_contains(json_get_string(item, "reason", NULL), "instance store");

        file_systems = json_object_get(json, "filesystems");
        item = find(file_systems, "mount-point", "/");
        assert_string_equal(json_get_string(item, "type", ""), "ext4");
        assert_true(json_get_bool(item, "freeze", false));
        assert_true(json_get_bool(item, "covered", false));
        assert_false(json_get_bool(item, "read-only", true));
        assert_null(json_object_get(item, "reason"));
        assert_string_equal(json_string_value(json_array_get(json_object_get(item, "volumes"), 0)),
                VOL_A);
}

static void each_difference_with_the_api_has_a_row_with_its_remedy(void **state)
{
        FakeHost *host = *state;
        _cleanup_(json_decrefp) json_t *json = NULL;
        const json_t *volumes, *item;

        fake_nvme(host, "nvme3n1", "259:3", "vol0eeeeeeeeeeeeeee0", EBS);
        fake_attached(host, VOL_C, "/dev/sdx");
        add_machine(host);
        assert_return_code(topology_to_json(&host->topology, &json), 0);
        volumes = json_object_get(json, "volumes");
        item = find(volumes, "id", VOL_X);
        assert_string_equal(json_get_string(item, "device", ""), "/dev/nvme3n1");
        assert_false(json_get_bool(item, "covered", true));
        assert_contains(json_get_string(item, "reason", NULL), "EC2 does not list it");
        item = find(volumes, "id", VOL_C);
        assert_null(json_object_get(item, "device"));
        assert_null(json_object_get(item, "size-bytes"));
        assert_string_equal(json_get_string(item, "attached-as", ""), "/dev/sdx");
        assert_false(json_get_bool(item, "covered", true));
        assert_contains(json_get_string(item, "reason", NULL), "VolumeMap=DEVICE:" VOL_C);
}

static void an_entry_of_the_map_that_names_no_device_is_told(void **state)
{
        FakeHost *host = *state;
        _cleanup_(freep) char *text = NULL;

        fake_attached(host, VOL_X, "/dev/sdx");
        assert_return_code(string_list_add(&host->map, "/dev/vdz:" VOL_X), 0);
        add_machine(host);
        assert_int_equal(host->topology.n_absent, 1);
        assert_return_code(
                topology_explain_absent(&host->topology, host->topology.absent, &text), 0);
        assert_contains(text, VOL_X " is attached as /dev/sdx, and /dev/vdz by VolumeMap=");
}

static void an_id_that_two_claim_is_told_once_for_each_and_for_itself(void **state)
{
        FakeHost *host = *state;
        _cleanup_(json_decrefp) json_t *json = NULL;
        const json_t *volumes;

        fake_nvme(host, "nvme3n1", "259:3", "vol0eeeeeeeeeeeeeee0", EBS);
        fake_nvme(host, "nvme4n1", "259:4", "vol0eeeeeeeeeeeeeee0", EBS);
        fake_attached(host, VOL_X, "/dev/sdx");
        add_machine(host);
        assert_return_code(topology_to_json(&host->topology, &json), 0);
        volumes = json_object_get(json, "volumes");
        assert_contains(json_get_string(find(volumes, "id", VOL_X), "reason", NULL),
                "/dev/nvme3n1 and /dev/nvme4n1 both claim to be " VOL_X);
        assert_contains(json_get_string(find(volumes, "device", "/dev/nvme4n1"), "reason", NULL),
                "/dev/nvme4n1 and /dev/nvme3n1 both claim to be " VOL_X);
        assert_string_equal(json_get_string(find(volumes, "device", "/dev/nvme4n1"), "claimed-id",
                                    ""),
                VOL_X);
}

static void a_path_that_is_no_utf8_is_escaped(void **state)
{
        FakeHost *host = *state;
        _cleanup_(json_decrefp) json_t *json = NULL;

        add_machine(host);
        assert_string_equal(host->topology.file_systems[1].mount_point, "/tmp caf\xe9");
        assert_return_code(topology_to_json(&host->topology, &json), 0);
        (void)find(json_object_get(json, "filesystems"), "mount-point", "/tmp caf\\351");
}

static void udev_and_the_links_tell_uuid_and_label(void **state)
{
        FakeHost *host = *state;

        fake_file(host,
                "S:disk/by-uuid/x\nE:ID_FS_UUID=no\nE:ID_FS_UUID_ENC=6b7a-11\n"
                "E:ID_FS_LABEL=data_1\nE:ID_FS_LABEL_ENC=data\\x201\nE:ID_FS_TYPE=ext4\n",
                "run/udev/data/b259:0");
        fake_link(host, "../../nvme1n1", "dev/disk/by-uuid/cafe-01");
        fake_link(host, "../../nvme10n1", "dev/disk/by-uuid/wrong");
        fake_link(host, "../../nvme1n1", "dev/disk/by-label/my\\x2fdisk");
        fake_mount(host, "259:1", "/data", "ext4", "/dev/nvme1n1");
        add_machine(host);
        assert_string_equal(fake_file_system(host, "/")->uuid, "6b7a-11");
        assert_string_equal(fake_file_system(host, "/")->label, "data 1");
        assert_string_equal(fake_file_system(host, "/data")->uuid, "cafe-01");
        assert_string_equal(fake_file_system(host, "/data")->label, "my/disk");
}

static void udev_tells_a_disks_partition_table(void **state)
{
        FakeHost *host = *state;
        _cleanup_(json_decrefp) json_t *json = NULL;
        const json_t *volumes;

        fake_file(host, "E:ID_PART_TABLE_TYPE=gpt\nE:ID_PART_TABLE_UUID=1-2\n",
                "run/udev/data/b259:0");
        fake_file(host, "E:ID_PART_TABLE_TYPE=\nE:ID_PART_TABLE_TYPES=dos\n",
                "run/udev/data/b259:1");
        add_machine(host);
        assert_string_equal(fake_volume(host, VOL_A)->partition_table, "gpt");
        assert_null(fake_volume(host, VOL_B)->partition_table);
        assert_return_code(topology_to_json(&host->topology, &json), 0);
        volumes = json_object_get(json, "volumes");
        assert_string_equal(
                json_get_string(find(volumes, "id", VOL_A), "partition-table", ""), "gpt");
        assert_null(json_object_get(find(volumes, "id", VOL_B), "partition-table"));
}

static void a_partition_that_is_a_volume_does_not_have_its_disks_table(void **state)
{
        FakeHost *host = *state;

        fake_disk(host, "sda", "8:0");
        fake_partition(host, "sda", "sda1", "8:1");
        fake_file(host, "E:ID_PART_TABLE_TYPE=dos\n", "run/udev/data/b8:0");
        fake_file(host, "E:ID_PART_TABLE_TYPE=dos\n", "run/udev/data/b8:1");
        assert_return_code(string_list_add(&host->map, "/dev/sda1:" VOL_X), 0);
        add_machine(host);
        assert_null(fake_volume(host, VOL_X)->partition_table);
}

static void broken_escapes_of_udev_stay_as_they_are(void **state)
{
        char text[] = "a\\x2fb\\x2\\xzz\\x00\\\\x";

        udev_unescape(text);
        assert_string_equal(text, "a/b\\x2\\xzz\\x00\\\\x");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                FAKE_HOST_TEST(the_json_has_volumes_other_disks_and_file_systems),
                FAKE_HOST_TEST(each_difference_with_the_api_has_a_row_with_its_remedy),
                FAKE_HOST_TEST(an_entry_of_the_map_that_names_no_device_is_told),
                FAKE_HOST_TEST(an_id_that_two_claim_is_told_once_for_each_and_for_itself),
                FAKE_HOST_TEST(a_path_that_is_no_utf8_is_escaped),
                FAKE_HOST_TEST(udev_and_the_links_tell_uuid_and_label),
                FAKE_HOST_TEST(udev_tells_a_disks_partition_table),
                FAKE_HOST_TEST(a_partition_that_is_a_volume_does_not_have_its_disks_table),
                cmocka_unit_test(broken_escapes_of_udev_stay_as_they_are),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
