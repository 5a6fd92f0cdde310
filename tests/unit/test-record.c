/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/record.h"

#include <sys/stat.h>

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

/* --- What is appended ------------------------------------------------------------------------- */

/* Two images to go, saved. */
static void fill_removal(Record *record, const char *folder)
{
        fill(record, folder);
        record->removal = json_pack("{s:[{s:s},{s:s}]}", "images", "id", "ami-1", "id", "ami-2");
        assert_return_code(record_save(record), 0);
}

static void append_done(Record *record, size_t i)
{
        json_t *entry = json_array_get(json_object_get(record->removal, "images"), i);

        assert_return_code(json_object_set_new(entry, "done", json_true()), 0);
        assert_return_code(record_append(record, "images", i, 1), 0);
}

/* How many of the two a later reader finds done. */
static size_t count_done(const Record *record)
{
        _cleanup_(record_done) Record read = { 0 };
        size_t n_done = 0, i;
        json_t *entry;

        assert_return_code(record_load(record->folder, record->id, &read), 0);
        json_array_foreach(json_object_get(read.removal, "images"), i, entry)
                n_done += json_get_bool(entry, "done", false);
        return n_done;
}

static void journal_of(const Record *record, char **ret)
{
        assert_return_code(
                string_printf(ret, "%s/%s.journal", record->folder, record->id), 0);
}

static void what_was_appended_comes_back_and_costs_only_itself(void **state)
{
        _cleanup_(record_done) Record record = { 0 };
        _cleanup_(freep) char *path = NULL;
        struct stat before, after;

        fill_removal(&record, *state);
        assert_int_equal(count_done(&record), 0);
        assert_return_code(string_printf(&path, "%s/%s.json", (char *)*state, record.id), 0);
        assert_return_code(stat(path, &before), 0);
        append_done(&record, 1);
        assert_int_equal(count_done(&record), 1);
        append_done(&record, 0);
        assert_int_equal(count_done(&record), 2);
        assert_return_code(stat(path, &after), 0);
        assert_int_equal(before.st_ino, after.st_ino); /* it is not written anew */
}

static void a_saved_record_needs_no_journal(void **state)
{
        _cleanup_(record_done) Record record = { 0 };
        _cleanup_(freep) char *path = NULL;

        fill_removal(&record, *state);
        append_done(&record, 0);
        journal_of(&record, &path);
        assert_return_code(access(path, F_OK), 0);
        assert_return_code(record_save(&record), 0);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(count_done(&record), 1);
}

static void a_journal_of_an_earlier_generation_is_none(void **state)
{
        _cleanup_(record_done) Record record = { 0 };
        _cleanup_(freep) char *path = NULL, *text = NULL;
        size_t size;

        fill_removal(&record, *state);
        append_done(&record, 0);
        journal_of(&record, &path);
        assert_return_code(file_read(path, 4096, &text, &size), 0);
        (void)json_object_clear(json_array_get(json_object_get(record.removal, "images"), 0));
        assert_return_code(record_save(&record), 0);
        /* Killed between the new record and the end of the old journal. */
        assert_return_code(file_replace(path, text, size, 0644), 0);
        assert_int_equal(count_done(&record), 0);
        append_done(&record, 1);
        assert_int_equal(count_done(&record), 1);
}

static void a_line_that_was_cut_short_does_not_count(void **state)
{
        _cleanup_(record_done) Record record = { 0 };
        _cleanup_(freep) char *path = NULL, *text = NULL;
        size_t size;

        fill_removal(&record, *state);
        append_done(&record, 0);
        append_done(&record, 1);
        journal_of(&record, &path);
        assert_return_code(file_read(path, 4096, &text, &size), 0);
        for (size_t cut = 0; cut <= size; cut++) {
                size_t lines = 0;

                for (size_t i = 0; i < cut; i++)
                        lines += text[i] == '\n';
                assert_return_code(file_replace(path, text, cut, 0644), 0);
                assert_int_equal(count_done(&record), lines > 0 ? lines - 1 : 0);
        }
}

static void a_journal_does_not_grow_past_a_record(void **state)
{
        _cleanup_(record_done) Record record = { 0 };
        _cleanup_(freep) char *long_text = calloc(1, 100001);
        uint64_t generation;

        assert_non_null(long_text);
        memset(long_text, 'x', 100000);
        fill_removal(&record, *state);
        generation = record.generation;
        (void)json_object_set_new(json_array_get(json_object_get(record.removal, "images"), 0),
                "name", json_string(long_text));
        for (size_t i = 0; i < 60; i++)
                assert_return_code(record_append(&record, "images", 0, 1), 0);
        assert_int_equal(record.generation, generation + 1);
        append_done(&record, 0);
        assert_int_equal(count_done(&record), 1);
}

static void a_record_that_could_not_be_read_again_is_not_written(void **state)
{
        _cleanup_(record_done) Record record = { 0 };
        _cleanup_(freep) char *long_text = calloc(1, 5000001);

        assert_non_null(long_text);
        memset(long_text, 'x', 5000000);
        fill_removal(&record, *state);
        (void)json_object_set_new(record.removal, "name", json_string(long_text));
        assert_int_equal(record_save(&record), -EFBIG);
        assert_int_equal(count_done(&record), 0);
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
                cmocka_unit_test_setup_teardown(
                        what_was_appended_comes_back_and_costs_only_itself, scratch_setup,
                        scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        a_saved_record_needs_no_journal, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        a_journal_of_an_earlier_generation_is_none, scratch_setup,
                        scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        a_line_that_was_cut_short_does_not_count, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        a_journal_does_not_grow_past_a_record, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        a_record_that_could_not_be_read_again_is_not_written, scratch_setup,
                        scratch_teardown),
                cmocka_unit_test_setup_teardown(an_id_is_never_a_path, scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
