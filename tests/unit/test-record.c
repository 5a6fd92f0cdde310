/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/record.h"

#include "base/files.h"
#include "base/text.h"
#include "tests/unit/unit.h"

static void fill(Record *record, const char *folder)
{
        record->folder = strdup(folder);
        record->id = strdup("j-20261123-0a1b2c");
        record->kind = strdup("image");
        record->subject = strdup("ami-1 and 2 more");
        record->name = strdup("golden");
        record->at_rest = strdup("/boot/efi,/caf\xe9");
        record->state = RECORD_CUTTING;
        record->method = METHOD_CREATE_IMAGE;
        record->demanded = CONSISTENCY_APPLICATION;
        record->reached = CONSISTENCY_CRASH;
        record->on_degrade = ON_DEGRADE_LABEL;
        record->frozen_usec = 123456;
        record->asked_usec = UINT64_C(1795430645000000);
        record->asked_ec2_usec = UINT64_C(1795430045000000);
        record->error = FAILURE_API_TIMEOUT;
        record->boot_id = strdup("11111111-2222-3333-4444-555555555555");
        record->next_boot_id = strdup("99999999-8888-7777-6666-555555555555");
        record->tags = json_pack("{s:s}", "quiesced:job", "j-20261123-0a1b2c");
        assert_return_code(string_list_add(&record->volumes, "vol-1"), 0);
        assert_return_code(string_list_add(&record->snapshots, "snap-1"), 0);
}

static void a_record_comes_back_as_it_was(void **state)
{
        _cleanup_(record_done) Record record = { 0 }, read = { 0 };

        fill(&record, *state);
        assert_return_code(record_save(&record), 0);
        assert_return_code(record_load(*state, record.id, &read), 0);
        assert_string_equal(read.kind, "image");
        assert_string_equal(read.subject, "ami-1 and 2 more");
        assert_string_equal(read.name, "golden");
        assert_string_equal(read.at_rest, "/boot/efi,/caf\\351");
        assert_null(read.profile);
        assert_int_equal(read.state, RECORD_CUTTING);
        assert_int_equal(read.method, METHOD_CREATE_IMAGE);
        assert_int_equal(read.demanded, CONSISTENCY_APPLICATION);
        assert_int_equal(read.reached, CONSISTENCY_CRASH);
        assert_int_equal(read.on_degrade, ON_DEGRADE_LABEL);
        assert_int_equal(read.frozen_usec, 123456);
        assert_int_equal(read.asked_usec, record.asked_usec);
        assert_int_equal(read.asked_ec2_usec, record.asked_ec2_usec);
        assert_int_equal(read.error, FAILURE_API_TIMEOUT);
        assert_string_equal(read.boot_id, record.boot_id);
        assert_string_equal(read.next_boot_id, record.next_boot_id);
        assert_string_equal(read.volumes.items[0], "vol-1");
        assert_string_equal(read.snapshots.items[0], "snap-1");
        assert_true(json_equal(read.tags, record.tags));
        assert_false(record_is_finished(&read));
}

static void what_is_no_record_is_refused(void **state)
{
        static const char *const texts[] = { "", "[]", "{}", "{\"id\":\"j-1\"}",
                "{\"id\":\"j-2\",\"method\":\"auto\",\"demanded\":\"crash\",\"on-degrade\":\"fail\","
                "\"consistency\":\"crash\",\"state\":\"cut\"}",
                "{\"id\":\"j-1\",\"method\":\"auto\",\"demanded\":\"crash\",\"on-degrade\":\"fail\","
                "\"consistency\":\"crash\",\"state\":\"cut\",\"snapshots\":[1]}" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(record_done) Record record = { 0 };
                _cleanup_(freep) char *path = NULL;

                assert_return_code(string_printf(&path, "%s/j-1.json", (char *)*state), 0);
                assert_return_code(file_replace(path, texts[i], strlen(texts[i]), 0600), 0);
                assert_int_equal(record_load(*state, "j-1", &record), -EBADMSG);
        }
}

static void an_id_is_never_a_path(void **state)
{
        _cleanup_(record_done) Record record = { 0 };

        assert_int_equal(record_load(*state, "../x", &record), -EINVAL);
        assert_int_equal(record_load(*state, "", &record), -EINVAL);
        assert_int_equal(record_load(*state, "j-none", &record), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        a_record_comes_back_as_it_was, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        what_is_no_record_is_refused, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(an_id_is_never_a_path, scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
