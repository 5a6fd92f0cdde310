/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/publication.h"

#include "base/clock.h"
#include "base/text.h"
#include "tests/unit/unit.h"

#define DAY_USEC (24 * 3600 * USEC_PER_SEC)

/* A bake in eu-central-1 with a folder for its record, and its profile's words. */
static void bake_begin(Bake *bake, const char *folder, const char *copy_to, const char *zones)
{
        *bake = (Bake){ .mountinfo_fd = -EBADF };
        assert_return_code(string_replace(&bake->record.folder, folder), 0);
        assert_return_code(string_replace(&bake->record.id, "j-1"), 0);
        assert_return_code(string_replace(&bake->profile.name, "web"), 0);
        assert_return_code(string_list_split(&bake->profile.copy_to, copy_to, " "), 0);
        assert_return_code(string_list_split(&bake->profile.fast_restore, zones, " "), 0);
}

static void without_wishes_there_is_no_publication(void **state)
{
        _cleanup_(bake_done) Bake bake;

        bake_begin(&bake, *state, "", "");
        assert_return_code(publication_plan(&bake, "eu-central-1"), 0);
        assert_null(bake.record.publication);
}

static void the_wishes_of_the_profile_go_on_record(void **state)
{
        _cleanup_(bake_done) Bake bake;
        _cleanup_(freep) char *text = NULL;

        bake_begin(&bake, *state, "us-east-1 us-west-2:alias/x", "eu-central-1a us-east-1b");
        assert_return_code(string_replace(&bake.profile.ssm_parameter, "/golden"), 0);
        assert_return_code(string_list_add(&bake.profile.share_with, "111122223333"), 0);
        bake.profile.deprecate_after_usec = DAY_USEC;
        bake.profile.protection = PROTECTION_COOLDOWN;
        bake.profile.lock = (ProfileLock){ .mode = LOCK_GOVERNANCE, .days = 7 };
        bake.profile.archive = true;
        assert_return_code(publication_plan(&bake, "eu-central-1"), 0);
        text = json_dumps(bake.record.publication, JSON_COMPACT | JSON_SORT_KEYS);
        assert_string_equal(text,
                "{\"archive\":true,\"copies\":{\"us-east-1\":{},\"us-west-2\":{\"key\":\"alias/x\"}},"
                "\"deprecate-after-usec\":86400000000,\"lock\":\"governance\",\"lock-days\":7,"
                "\"parameter\":\"/golden\",\"protection\":\"cooldown\",\"share\":[\"111122223333\"],"
                "\"steps\":{},\"zones\":[\"eu-central-1a\",\"us-east-1b\"]}");
}

static void what_makes_no_sense_in_this_region_is_refused(void **state)
{
        static const struct {
                const char *copy_to, *zones, *piece;
        } cases[] = {
                { "us-east-1 eu-central-1", "", "'web' names eu-central-1, where the image is made" },
                { "us-east-1", "us-east-1a us-west-2a", "names us-west-2a, which lies neither in" },
                { "", "us-east-1a", "which lies neither in eu-central-1 nor in a region of CopyTo=" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(bake_done) Bake bake;

                bake_begin(&bake, *state, cases[i].copy_to, cases[i].zones);
                assert_int_equal(publication_plan(&bake, "eu-central-1"), -EINVAL);
                assert_int_equal(bake.failure.kind, FAILURE_CONFIG_INVALID);
                assert_non_null(strstr(bake.failure.message, cases[i].piece));
                assert_null(bake.record.publication);
        }
}

static void what_a_step_came_to_is_read_back_from_the_record(void **state)
{
        _cleanup_(record_done) Record record = { 0 };
        _cleanup_(bake_done) Bake bake;

        bake_begin(&bake, *state, "us-east-1", "");
        assert_return_code(publication_plan(&bake, "eu-central-1"), 0);
        assert_return_code(publication_note(&bake, "share", 0), 0);
        failure_set(&bake.failure, FAILURE_ACCESS_DENIED, -EACCES, "it is not allowed");
        assert_return_code(publication_note(&bake, "lock us-east-1", -EACCES), 0);
        assert_int_equal(bake.failure.kind, FAILURE_NONE);

        assert_return_code(record_load(*state, "j-1", &record), 0);
        record_done(&bake.record);
        bake.record = record;
        record = (Record){ 0 };
        assert_true(publication_is_done(&bake, "share"));
        assert_true(publication_is_over(&bake, "lock us-east-1"));
        assert_false(publication_is_done(&bake, "lock us-east-1"));
        assert_false(publication_is_over(&bake, "copy us-east-1"));
        assert_true(publication_conclude(&bake) < 0);
        assert_int_equal(bake.failure.kind, FAILURE_PUBLISH_FAILED);
        assert_non_null(strstr(bake.failure.message, "(lock us-east-1: it is not allowed)"));
}

static void the_end_of_the_job_is_no_failure_of_the_step(void **state)
{
        static const FailureKind kinds[] = { FAILURE_CANCELLED, FAILURE_WORKER_DIED,
                FAILURE_INTERNAL };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                _cleanup_(bake_done) Bake bake;

                bake_begin(&bake, *state, "us-east-1", "");
                assert_return_code(publication_plan(&bake, "eu-central-1"), 0);
                failure_set(&bake.failure, kinds[i], -ECANCELED, "over");
                assert_int_equal(publication_note(&bake, "share", -ECANCELED), -ECANCELED);
                assert_int_equal(bake.failure.kind, kinds[i]);
                assert_false(publication_is_over(&bake, "share"));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        without_wishes_there_is_no_publication, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        the_wishes_of_the_profile_go_on_record, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        what_makes_no_sense_in_this_region_is_refused, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(what_a_step_came_to_is_read_back_from_the_record,
                        scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        the_end_of_the_job_is_no_failure_of_the_step, scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
