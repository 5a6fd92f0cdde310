/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/labels.h"

#include "base/text.h"
#include "tests/unit/unit.h"

#define TEXT(string) ((char *)(uintptr_t)(string))

static void a_job_is_known_by_its_tags(void **state)
{
        char *tags[] = { TEXT("team=web"), TEXT("path=a=b"), NULL };
        const Profile profile = { .tags = { tags, 2 } };
        const Record record = { .id = TEXT("j-1"), .name = TEXT("golden"), .profile = TEXT("nightly"),
                .instance_id = TEXT("i-1") };
        _cleanup_(json_decrefp) json_t *labels = NULL;

        assert_return_code(labels_of_job(&record, &profile, &labels), 0);
        assert_string_equal(json_get_string(labels, "quiesced:job", ""), "j-1");
        assert_string_equal(json_get_string(labels, "quiesced:profile", ""), "nightly");
        assert_string_equal(json_get_string(labels, "quiesced:instance", ""), "i-1");
        assert_string_equal(json_get_string(labels, "Name", ""), "golden");
        assert_string_equal(json_get_string(labels, "team", ""), "web");
        assert_string_equal(json_get_string(labels, "path", ""), "a=b");
}

static void a_volume_says_what_a_restore_must_know(void **state)
{
        Volume volumes[] = { { .id = TEXT("vol-1") }, { .id = TEXT("vol-2") } };
        size_t both[] = { 0, 1 }, second[] = { 1 };
        char *layers[] = { TEXT("crypt:safe"), TEXT("raid0"), NULL };
        FileSystem file_systems[] = {
                { .mount_point = TEXT("/data"), .type = TEXT("xfs"), .uuid = TEXT("1234"),
                        .volumes = both, .n_volumes = 2, .layers = { layers, 2 } },
                { .mount_point = TEXT("/with\nnewline\xe9"), .type = TEXT("ext4"), .volumes = second,
                        .n_volumes = 1 },
        };
        const Topology topology = { .file_systems = file_systems, .n_file_systems = 2,
                .volumes = volumes, .n_volumes = 2 };
        Ec2Attachment attachments[] = { { .device_name = TEXT("/dev/sdf"), .volume_id = TEXT("vol-2") } };
        const Ec2Instance instance = { .attachments = attachments, .n_attachments = 1 };
        const PlanInput input = { .topology = &topology, .instance = &instance };
        char *planned[] = { TEXT("vol-1"), TEXT("vol-2"), NULL };
        const Plan plan = { .volumes = { planned, 2 } };
        _cleanup_(json_decrefp) json_t *labels = NULL;
        const json_t *first, *other;

        assert_return_code(labels_of_volumes(&plan, &input, &labels), 0);
        first = json_object_get(labels, "vol-1");
        other = json_object_get(labels, "vol-2");
        assert_string_equal(json_get_string(first, "quiesced:topology", ""), "xfs 1234 1/2 crypt:safe raid0");
        assert_string_equal(json_get_string(other, "quiesced:topology", ""),
                "xfs 1234 2/2 crypt:safe raid0,ext4 - 1/1");
        assert_string_equal(json_get_string(other, "quiesced:mounts", ""), "/data,/with?newline\\351");
        assert_string_equal(json_get_string(other, "quiesced:device", ""), "/dev/sdf");
        assert_null(json_object_get(first, "quiesced:device"));
}

static void a_long_value_is_cut_between_characters(void **state)
{
        char name[400] = "";
        const Record record = { .id = TEXT("j-1"), .name = name };
        const Profile profile = { 0 };
        _cleanup_(json_decrefp) json_t *labels = NULL;
        const char *value;

        strcpy(name, "x");
        for (int i = 0; i < 150; i++)
                strcat(name, "\xc3\xa9"); /* é: 255 bytes end in the middle of one */
        assert_return_code(labels_of_job(&record, &profile, &labels), 0);
        value = json_get_string(labels, "Name", NULL);
        assert_non_null(value);
        assert_int_equal(strlen(value), 255);
}

static void the_result_is_class_and_time(void **state)
{
        Record record = { .reached = CONSISTENCY_APPLICATION, .frozen_usec = 203456 };
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;

        assert_return_code(labels_of_result(&record, &tags), 0);
        assert_null(tag_list_get(&tags, "quiesced:cut"));
        record.cut_ec2_usec = UINT64_C(1795430640123456);
        assert_return_code(labels_of_result(&record, &tags), 0);
        assert_string_equal(tag_list_get(&tags, "quiesced:cut"), "2026-11-23T10:44:00Z");
        assert_string_equal(tag_list_get(&tags, "quiesced:consistency"), "application");
        assert_string_equal(tag_list_get(&tags, "quiesced:frozen-usec"), "203456");
}

static void what_was_at_rest_is_told_if_anything_was_watched(void **state)
{
        char names[400] = "/boot/e\nfi";
        const Record record = { .at_rest = names }, none = { 0 };
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT, longer = TAG_LIST_INIT;
        _cleanup_(tag_list_done) TagList without = TAG_LIST_INIT;

        assert_return_code(labels_of_result(&record, &tags), 0);
        assert_string_equal(tag_list_get(&tags, "quiesced:at-rest"), "/boot/e?fi");
        memset(names + strlen(names), 'x', sizeof(names) - strlen(names) - 1);
        assert_return_code(labels_of_result(&record, &longer), 0);
        assert_int_equal(strlen(tag_list_get(&longer, "quiesced:at-rest")), 256);
        assert_return_code(labels_of_result(&none, &without), 0);
        assert_null(tag_list_get(&without, "quiesced:at-rest"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_job_is_known_by_its_tags),
                cmocka_unit_test(a_volume_says_what_a_restore_must_know),
                cmocka_unit_test(a_long_value_is_cut_between_characters),
                cmocka_unit_test(the_result_is_class_and_time),
                cmocka_unit_test(what_was_at_rest_is_told_if_anything_was_watched),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
