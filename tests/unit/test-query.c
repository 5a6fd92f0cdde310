/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/query.h"

#include "aws/tags.h"
#include "tests/unit/unit.h"

static void a_form_is_flattened_and_encoded(void **state)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;

        assert_return_code(string_list_add(&ids, "vol-1"), 0);
        assert_return_code(string_list_add(&ids, "vol-2"), 0);
        query_begin(&query, "CreateSnapshots", "2016-11-15");
        query_add(&query, "Description", "before & after = 100%+");
        query_add(&query, "Left.Out", NULL);
        query_add_bool(&query, "NoReboot", true);
        query_add_u64(&query, "Size", UINT64_MAX);
        query_add_list(&query, "VolumeId", &ids);
        query_add_list(&query, "Nothing", NULL);
        query_add_filter(&query, 2, "tag:quiesced:job", "j 1");
        assert_return_code(query_finish(&query), 0);
        assert_string_equal(query.form.data,
                "Action=CreateSnapshots&Version=2016-11-15"
                "&Description=before%20%26%20after%20%3D%20100%25%2B&NoReboot=true"
                "&Size=18446744073709551615&VolumeId.1=vol-1&VolumeId.2=vol-2"
                "&Filter.2.Name=tag%3Aquiesced%3Ajob&Filter.2.Value.1=j%201");
}

static void a_second_begin_starts_an_empty_form(void **state)
{
        _cleanup_(query_done) Query query = QUERY_INIT;

        query_begin(&query, "One", "1");
        query_begin(&query, "Two", "2");
        assert_string_equal(query.form.data, "Action=Two&Version=2");
}

static void tags_are_written_for_a_resource_type(void **state)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;

        tag_list_write(&tags, &query, 1, "image");
        assert_null(query.form.data);
        assert_return_code(tag_list_set(&tags, "Name", "golden"), 0);
        assert_return_code(tag_list_set(&tags, "empty", ""), 0);
        assert_return_code(tag_list_set(&tags, "Name", "silver"), 0);
        tag_list_write(&tags, &query, 2, "snapshot");
        assert_string_equal(query.form.data,
                "TagSpecification.2.ResourceType=snapshot"
                "&TagSpecification.2.Tag.1.Key=Name&TagSpecification.2.Tag.1.Value=silver"
                "&TagSpecification.2.Tag.2.Key=empty&TagSpecification.2.Tag.2.Value=");
}

static void tags_are_read_and_copied(void **state)
{
        static const char reply[] =
                "<r><tagSet><item><key>Name</key><value>a &amp; b</value></item>"
                "<item><key>none</key><value/></item><item><value>x</value></item>"
                "<item><key>Name</key><value>twice</value></item></tagSet></r>";
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT, copy = TAG_LIST_INIT;
        _cleanup_(xml_freep) Xml *xml = NULL;

        assert_int_equal(xml_parse(reply, strlen(reply), &xml), 0);
        assert_return_code(tag_list_read(xml_find(xml_root(xml), "tagSet"), &tags), 0);
        assert_return_code(tag_list_copy(&tags, &copy), 0);
        assert_int_equal(copy.count, 2);
        assert_string_equal(tag_list_get(&copy, "Name"), "twice");
        assert_string_equal(tag_list_get(&copy, "none"), "");
        assert_null(tag_list_get(&copy, "x"));
        tag_list_done(&copy);
        assert_return_code(tag_list_read(NULL, &copy), 0);
        assert_int_equal(copy.count, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_form_is_flattened_and_encoded),
                cmocka_unit_test(a_second_begin_starts_an_empty_form),
                cmocka_unit_test(tags_are_written_for_a_resource_type),
                cmocka_unit_test(tags_are_read_and_copied),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
