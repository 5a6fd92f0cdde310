/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/spec.h"

#include "base/text.h"
#include "tests/unit/unit.h"

#define TEXT(string) ((char *)(uintptr_t)(string))

static Ec2Attachment attachments[] = {
        { .device_name = TEXT("/dev/xvda"), .volume_id = TEXT("vol-1"), .delete_on_termination = true },
        { .device_name = TEXT("/dev/sdf"), .volume_id = TEXT("vol-2") },
        { .device_name = TEXT("/dev/sdg"), .volume_id = TEXT("vol-left-out") },
};

static const Ec2Instance instance = {
        .architecture = TEXT("arm64"),
        .root_device_name = TEXT("/dev/xvda"),
        .virtualization_type = TEXT("hvm"),
        .current_boot_mode = TEXT("uefi"),
        .http_tokens = TEXT("required"),
        .sriov_net_support = TEXT("simple"),
        .ena_support = true,
        .attachments = attachments,
        .n_attachments = 3,
};

static Ec2Volume volume_items[] = {
        { .id = TEXT("vol-1"), .type = TEXT("gp3"), .size_gib = 8, .iops = 3000, .throughput = 125 },
        { .id = TEXT("vol-2"), .type = TEXT("st1"), .size_gib = 500 },
};
static const Ec2VolumeList volumes = { volume_items, 2 };

static Ec2BlockDevice source_devices[] = {
        { .device_name = TEXT("/dev/xvda"), .is_ebs = true },
        { .device_name = TEXT("/dev/sdb"), .virtual_name = TEXT("ephemeral0") },
        { .device_name = TEXT("/dev/sdc"), .no_device = true },
        { .device_name = TEXT("/dev/sdf"), .virtual_name = TEXT("ephemeral1") },
        { .device_name = TEXT("/dev/sdz"), .is_ebs = true },
};
static const Ec2Image source = {
        .boot_mode = TEXT("uefi-preferred"),
        .tpm_support = TEXT("v2.0"),
        .imds_support = TEXT("v2.0"),
        .devices = source_devices,
        .n_devices = 5,
};

static char *planned[] = { TEXT("vol-1"), TEXT("vol-2"), NULL };
static const Plan plan = { .volumes = { planned, 2 } };

static Ec2Snapshot snapshot_items[] = {
        { .id = TEXT("snap-2"), .volume_id = TEXT("vol-2") },
        { .id = TEXT("snap-1"), .volume_id = TEXT("vol-1") },
};

static const Ec2SnapshotList snapshots = { snapshot_items, 2 };

static SpecInput input(void)
{
        return (SpecInput){ .instance = &instance, .volumes = &volumes, .source = &source, .plan = &plan };
}

static void make_image(const SpecInput *input, Ec2Image *ret)
{
        _cleanup_(json_decrefp) json_t *spec = NULL;

        assert_return_code(spec_make(input, &spec), 0);
        assert_return_code(spec_to_image(spec, "golden", "text", &snapshots, ret), 0);
}

static void an_image_carries_over_what_its_instance_has(void **state)
{
        _cleanup_(ec2_image_done) Ec2Image image = { 0 };
        SpecInput with_data = input();

        with_data.uefi_data = "QU1a";
        make_image(&with_data, &image);
        assert_string_equal(image.name, "golden");
        assert_string_equal(image.description, "text");
        assert_string_equal(image.architecture, "arm64");
        assert_string_equal(image.virtualization_type, "hvm");
        assert_string_equal(image.boot_mode, "uefi-preferred");
        assert_string_equal(image.uefi_data, "QU1a");
        assert_string_equal(image.tpm_support, "v2.0");
        assert_string_equal(image.imds_support, "v2.0");
        assert_string_equal(image.sriov_net_support, "simple");
        assert_true(image.ena_support);
}

static void each_mapping_has_what_its_volume_has(void **state)
{
        _cleanup_(ec2_image_done) Ec2Image image = { 0 };
        SpecInput usual = input();

        make_image(&usual, &image);
        assert_string_equal(image.devices[0].snapshot_id, "snap-1");
        assert_true(image.devices[0].delete_on_termination);
        assert_string_equal(image.devices[0].volume_type, "gp3");
        assert_int_equal(image.devices[0].iops, 3000);
        assert_int_equal(image.devices[0].throughput, 125);
        assert_string_equal(image.devices[1].snapshot_id, "snap-2");
        assert_false(image.devices[1].delete_on_termination);
}

static void what_is_no_volume_comes_from_the_source_image_unless_its_place_is_taken(void **state)
{
        _cleanup_(ec2_image_done) Ec2Image image = { 0 };
        SpecInput usual = input();

        make_image(&usual, &image);
        assert_int_equal(image.n_devices, 4);
        assert_string_equal(image.devices[2].device_name, "/dev/sdb");
        assert_string_equal(image.devices[2].virtual_name, "ephemeral0");
        assert_null(image.devices[2].snapshot_id);
        assert_string_equal(image.devices[3].device_name, "/dev/sdc");
        assert_true(image.devices[3].no_device);
        assert_false(image.devices[3].is_ebs);
}

static void a_source_without_a_boot_mode_leaves_it_open(void **state)
{
        const Ec2Image plain = { 0 };
        _cleanup_(ec2_image_done) Ec2Image image = { 0 };
        SpecInput from_plain = input();

        from_plain.source = &plain;
        make_image(&from_plain, &image);
        assert_null(image.boot_mode);
        assert_null(image.imds_support);
}

static void without_its_source_the_instance_speaks_for_itself(void **state)
{
        _cleanup_(ec2_image_done) Ec2Image image = { 0 };
        SpecInput orphan = input();

        orphan.source = NULL;
        make_image(&orphan, &image);
        assert_string_equal(image.boot_mode, "uefi");
        assert_string_equal(image.imds_support, "v2.0");
        assert_int_equal(image.n_devices, 2);
}

static void a_volume_without_its_snapshot_is_no_image(void **state)
{
        const Ec2SnapshotList one = { snapshot_items, 1 };
        _cleanup_(json_decrefp) json_t *spec = NULL;
        _cleanup_(ec2_image_done) Ec2Image image = { 0 };
        SpecInput usual = input();

        assert_return_code(spec_make(&usual, &spec), 0);
        assert_int_equal(spec_to_image(spec, "golden", NULL, &one, &image), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_image_carries_over_what_its_instance_has),
                cmocka_unit_test(each_mapping_has_what_its_volume_has),
                cmocka_unit_test(
                        what_is_no_volume_comes_from_the_source_image_unless_its_place_is_taken),
                cmocka_unit_test(a_source_without_a_boot_mode_leaves_it_open),
                cmocka_unit_test(without_its_source_the_instance_speaks_for_itself),
                cmocka_unit_test(a_volume_without_its_snapshot_is_no_image),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
