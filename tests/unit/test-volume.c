/* SPDX-License-Identifier: Apache-2.0 */
#include "host/volume.h"

#include "base/text.h"
#include "tests/unit/unit.h"

#define EBS "Amazon Elastic Block Store"

static void a_serial_becomes_an_id_only_if_it_is_one(void **state)
{
        static const struct {
                const char *serial, *id;
        } cases[] = {
                { "vol0123456789abcdef0", "vol-0123456789abcdef0" },
                { "vol-0123456789abcdef0", "vol-0123456789abcdef0" },
                { "vol12345678", "vol-12345678" },
                { "vol-0123456789abcdef", NULL }, /* cut by virtio after 20 bytes */
                { "vol0123456789ABCDEF0", NULL },
                { "vol", NULL },
                { "vol-", NULL },
                { "vol--12345678", NULL },
                { "vol12345678 ", NULL },
                { "AWS1234567890ABCDEF0", NULL },
                { "", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *id = NULL;

                assert_int_equal(volume_id_from_serial(cases[i].serial, &id),
                        cases[i].id ? 0 : -EINVAL);
                if (cases[i].id)
                        assert_string_equal(id, cases[i].id);
                else
                        assert_null(id);
        }
}

static int identify(BlockDevice device, const VolumeRules *rules, char **ret_id, char **ret_reason)
{
        return volume_identify(&device, rules, ret_id, ret_reason);
}

static void a_device_is_told_by_what_it_shows(void **state)
{
        static const VolumeRules no_rules = { 0 };
        static const struct {
                const char *name, *serial, *model;
                int outcome;
                const char *says; /* the id, or a part of the reason */
        } cases[] = {
                { "nvme0n1", "vol0123456789abcdef0", EBS, VOLUME_KNOWN, "vol-0123456789abcdef0" },
                { "nvme1n1", "AWS6AAFF5AD5DD2A0321", "Amazon EC2 NVMe Instance Storage",
                        VOLUME_INSTANCE_STORE, "/dev/nvme1n1 is an instance store" },
                { "nvme2n1", "vol0123456789abcdef0", "QEMU NVMe Ctrl", VOLUME_NONE,
                        "model QEMU NVMe Ctrl, serial vol0123456789abcdef0" },
                { "nvme3n1", NULL, EBS, VOLUME_NONE, "VolumeMap=/dev/nvme3n1:VOLUME-ID" },
                { "vdb", "vol-12345678", NULL, VOLUME_KNOWN, "vol-12345678" },
                { "vdc", NULL, NULL, VOLUME_NONE, "(no model, no serial)" },
                { "zram0", NULL, NULL, VOLUME_NONE, "lives in memory" },
                { "xvdf", NULL, NULL, VOLUME_NONE, "VolumeMap=/dev/xvdf:VOLUME-ID" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                BlockDevice device = { .name = (char *)cases[i].name,
                        .serial = (char *)cases[i].serial,
                        .model = (char *)cases[i].model };
                _cleanup_(freep) char *id = NULL, *reason = NULL;

                assert_int_equal(identify(device, &no_rules, &id, &reason), cases[i].outcome);
                if (cases[i].outcome == VOLUME_KNOWN)
                        assert_string_equal(id, cases[i].says);
                else if (!strstr(reason, cases[i].says))
                        fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].name, reason, cases[i].says);
        }
}

static void a_configured_model_is_accepted(void **state)
{
        _cleanup_(string_list_done) StringList models = STRING_LIST_INIT;
        VolumeRules rules = { .nvme_models = &models };
        BlockDevice device = { .name = (char *)"nvme0n1",
                .serial = (char *)"vol12345678",
                .model = (char *)"QEMU NVMe Ctrl" };
        _cleanup_(freep) char *id = NULL, *reason = NULL;

        assert_return_code(string_list_add(&models, "QEMU NVMe Ctrl"), 0);
        assert_int_equal(identify(device, &rules, &id, &reason), VOLUME_KNOWN);
        assert_string_equal(id, "vol-12345678");
}

static void xen_names_fit_both_ways(void **state)
{
        static const AttachedVolume attached[] = {
                { "vol-a", "/dev/sda1" },
                { "vol-f", "/dev/sdf" },
                { "vol-g", "xvdg" },
                { "vol-ba", "/dev/xvdba" },
                { "vol-h2", "/dev/sdh2" },
        };
        static const struct {
                const char *name, *id;
        } cases[] = {
                { "xvda", "vol-a" },
                { "xvda1", "vol-a" },
                { "xvdf", "vol-f" },
                { "xvdg", "vol-g" },
                { "xvdba", "vol-ba" },
                { "xvdh2", "vol-h2" },
                { "xvdb", NULL },
                { "xvdfa", NULL },
        };
        const VolumeRules rules = { .attached = attached, .n_attached = ELEMENTSOF(attached) };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                BlockDevice device = { .name = (char *)cases[i].name };
                _cleanup_(freep) char *id = NULL, *reason = NULL;

                assert_int_equal(identify(device, &rules, &id, &reason),
                        cases[i].id ? VOLUME_KNOWN : VOLUME_NONE);
                if (cases[i].id)
                        assert_string_equal(id, cases[i].id);
        }
}

static void a_xen_name_that_fits_two_volumes_is_ambiguous(void **state)
{
        static const AttachedVolume attached[] = { { "vol-1", "/dev/sdf" }, { "vol-2", "xvdf" } };
        const VolumeRules rules = { .attached = attached, .n_attached = ELEMENTSOF(attached) };
        BlockDevice device = { .name = (char *)"xvdf" };
        _cleanup_(freep) char *id = NULL, *reason = NULL;

        assert_int_equal(identify(device, &rules, &id, &reason), VOLUME_AMBIGUOUS);
        assert_non_null(strstr(reason, "vol-1"));
        assert_non_null(strstr(reason, "vol-2"));
}

static void the_map_takes_devices_with_colons(void **state)
{
        _cleanup_(string_list_done) StringList lines = STRING_LIST_INIT;
        _cleanup_(volume_map_done) VolumeMap map = VOLUME_MAP_INIT;
        _cleanup_(freep) char *message = NULL;

        assert_return_code(
                string_list_add(&lines, "/dev/disk/by-path/pci-0000:00:04.0:vol-0123456789abcdef0"),
                0);
        assert_return_code(string_list_add(&lines, "/dev/vdb:vol-B"), 0);
        assert_return_code(volume_map_parse(&lines, &map, &message), 0);
        assert_int_equal(map.count, 2);
        assert_string_equal(map.items[0].device, "/dev/disk/by-path/pci-0000:00:04.0");
        assert_string_equal(map.items[0].id, "vol-0123456789abcdef0");
        assert_string_equal(map.items[1].id, "vol-B");
}

static void a_wrong_map_entry_is_refused_by_name(void **state)
{
        static const struct {
                const char *lines, *complaint;
        } cases[] = {
                { "/dev/vdb", "VolumeMap=/dev/vdb is not DEVICE:VOLUME-ID" },
                { "/dev/vdb:", "is not DEVICE" },
                { "/dev/vdb:snap-1", "is not DEVICE" },
                { "/dev/vdb:vol-", "is not DEVICE" },
                { "/dev/vdb:vol-1/2", "is not DEVICE" },
                { "vdb:vol-1", "is not DEVICE" },
                { ":vol-1", "is not DEVICE" },
                { "/dev/vdb:vol-1 /dev/vdb:vol-2", "contradicts VolumeMap=/dev/vdb:vol-1" },
                { "/dev/vdb:vol-1 /dev/vdc:vol-1", "contradicts VolumeMap=/dev/vdb:vol-1" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(string_list_done) StringList lines = STRING_LIST_INIT;
                _cleanup_(volume_map_done) VolumeMap map = VOLUME_MAP_INIT;
                _cleanup_(freep) char *message = NULL;

                assert_return_code(string_list_split(&lines, cases[i].lines, " "), 0);
                assert_int_equal(volume_map_parse(&lines, &map, &message), -EINVAL);
                if (!strstr(message, cases[i].complaint))
                        fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].lines, message,
                                cases[i].complaint);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_serial_becomes_an_id_only_if_it_is_one),
                cmocka_unit_test(a_device_is_told_by_what_it_shows),
                cmocka_unit_test(a_configured_model_is_accepted),
                cmocka_unit_test(xen_names_fit_both_ways),
                cmocka_unit_test(a_xen_name_that_fits_two_volumes_is_ambiguous),
                cmocka_unit_test(the_map_takes_devices_with_colons),
                cmocka_unit_test(a_wrong_map_entry_is_refused_by_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
