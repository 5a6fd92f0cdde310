/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/plan.h"

#include "base/text.h"
#include "tests/unit/plan-host.h"

static void what_lies_inside_is_frozen_first(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        Host host;

        host_init(&host);
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.refusals.count, 0);
        assert_int_equal(plan.n_mounts, 3);
        assert_string_equal(plan.mounts[0].fs->mount_point, "/data/inner");
        assert_int_equal(plan.mounts[0].group, 0);
        assert_int_equal(plan.mounts[1].group, 1);
        assert_int_equal(plan.mounts[2].group, 1);
        assert_true(plan.complete_coverage);
        assert_int_equal(plan.method, METHOD_REGISTER);
        assert_string_equal(plan.image_name, "golden");
        assert_int_equal(plan.volumes.count, 3);
}

static void what_no_snapshot_covers_is_named(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        Host host;

        host_init(&host);
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.n_gaps, 1);
        assert_string_equal(plan.gaps[0].what, "/tmp");
        assert_string_equal(plan.gaps[0].reason, "in memory");
}

static void half_of_a_file_system_is_refused(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        char *exclude[] = { TEXT("vol-b"), NULL };
        Host host;

        host_init(&host);
        host.profile.exclude = (StringList){ exclude, 1 };
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.refusal_kind, FAILURE_NOT_COVERED);
        assert_true(some_line_has(&plan.refusals, "/data lies on 2 volumes"));
}

static void half_of_a_file_system_on_no_volume_is_refused(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 }, crash = { 0 };
        Host host;

        host_init(&host);
        host.file_systems[1].covered = false;
        host.file_systems[1].reason = TEXT("/dev/nvme3n1 is an instance store");
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.refusal_kind, FAILURE_NOT_COVERED);
        assert_true(some_line_has(&plan.refusals, "/data lies on a volume of the set"));
        assert_false(plan.complete_coverage);
        host.profile.consistency = CONSISTENCY_CRASH;
        assert_return_code(plan_make(&host.input, &crash), 0);
        assert_int_equal(crash.refusals.count, 0);
        assert_true(some_line_has(&crash.warnings, "an instance store"));
}

static void what_a_later_look_finds_was_missed_only_if_it_had_to_be_frozen(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        Host host;

        host_init(&host);
        for (unsigned i = 0; i < 4; i++)
                host.file_systems[i].minor = i;
        host.file_systems[1].read_only = true;
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_null(plan_find_missed(&plan, &host.topology));
        host.file_systems[1].read_only = false;
        assert_ptr_equal(plan_find_missed(&plan, &host.topology), &host.file_systems[1]);
        host.file_systems[1].n_volumes = 0;
        assert_null(plan_find_missed(&plan, &host.topology));
}

static void a_mount_point_selects_all_its_volumes(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        char *exclude[] = { TEXT("/data"), NULL };
        Host host;

        host_init(&host);
        host.profile.exclude = (StringList){ exclude, 1 };
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.refusals.count, 0);
        assert_int_equal(plan.volumes.count, 1);
        assert_int_equal(plan.exclude_data_volumes.count, 2);
        assert_int_equal(plan.n_mounts, 1);
        assert_int_equal(plan.mounts[0].group, 0);
}

static void an_image_without_its_root_is_refused(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        char *volumes[] = { TEXT("vol-a"), TEXT("/dev/sdg"), NULL };
        Host host;

        host_init(&host);
        host.profile.volumes = (StringList){ volumes, 2 };
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_true(some_line_has(&plan.refusals, "An image needs the root volume"));
}

static void snapshots_without_the_root_are_fine(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        char *volumes[] = { TEXT("/dev/nvme1n1"), TEXT("/dev/sdg"), NULL };
        Host host;

        host_init(&host);
        host.input.image_wanted = false;
        host.profile.volumes = (StringList){ volumes, 2 };
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.refusals.count, 0);
        assert_true(plan.exclude_boot_volume);
        assert_int_equal(plan.n_mounts, 2);
        assert_null(plan.image_name);
}

static void a_selection_that_names_nothing_is_refused(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        char *volumes[] = { TEXT("/dta"), NULL };
        Host host;

        host_init(&host);
        host.profile.volumes = (StringList){ volumes, 1 };
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.refusals.count, 1);
        assert_true(some_line_has(&plan.refusals, "Volumes=/dta names no volume"));
}

static void what_cannot_be_frozen_is_refused_unless_crash_is_enough(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 }, crash = { 0 };
        Host host;

        host_init(&host);
        host.file_systems[0].freezable = false;
        host.file_systems[0].reason = TEXT("FIFREEZE is not supported");
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_true(some_line_has(&plan.refusals, "/ (ext4) is in the snapshot and cannot be frozen"));

        host.profile.consistency = CONSISTENCY_CRASH;
        assert_return_code(plan_make(&host.input, &crash), 0);
        assert_int_equal(crash.refusals.count, 0);
        assert_false(crash.complete_coverage);
        assert_true(some_line_has(&crash.warnings, "cannot be frozen"));
}

static void a_read_only_file_system_needs_no_freeze(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        Host host;

        host_init(&host);
        host.file_systems[0].read_only = true;
        host.file_systems[0].freezable = false;
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.refusals.count, 0);
        assert_int_equal(plan.n_mounts, 2);
        assert_true(plan.complete_coverage);
}

static void without_a_freeze_only_crash_may_be_demanded(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 }, crash = { 0 };
        Host host;

        host_init(&host);
        host.profile.no_freeze = true;
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_true(some_line_has(&plan.refusals, "Without a freeze"));
        host.profile.consistency = CONSISTENCY_CRASH;
        assert_return_code(plan_make(&host.input, &crash), 0);
        assert_int_equal(crash.refusals.count, 0);
        assert_int_equal(crash.n_mounts, 0);
        assert_false(crash.complete_coverage);
}

static void names_expand_and_are_checked(void **state)
{
        static const struct {
                const char *template, *name, *reason;
        } cases[] = {
                { "%p-%d-%t", "web-20261123-104405" },
                { "%i/x", "i-1/x" },
                { "on %i at 100%%", NULL, "Name=on %i at 100%%: '%%' is no specifier: use %i" },
                { "at 100%", NULL, "Name=at 100%: '%' is no specifier" },
                { "%x", NULL, "Name=%x: '%x' is no specifier" },
                { "ab", NULL, "Name=: 'ab' is no image name" },
                { "tab\there", NULL, "Name=: 'tab\there' is no image name" },
                { NULL, "web-20261123-104405" },
        };
        Host host;

        host_init(&host);
        host.input.image_name = NULL;
        host.profile.name = TEXT("web");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *name = NULL, *reason = NULL;
                int r;

                host.profile.image_name = TEXT(cases[i].template);
                r = plan_image_name(&host.input, &name, &reason);
                assert_int_equal(r, cases[i].name ? 0 : -EINVAL);
                if (cases[i].name)
                        assert_string_equal(name, cases[i].name);
                else
                        assert_ptr_equal(strstr(reason, cases[i].reason), reason);
        }
}

static void a_name_of_a_call_is_taken_as_it_is(void **state)
{
        _cleanup_(freep) char *name = NULL, *reason = NULL;
        Host host;

        host_init(&host);
        host.input.image_name = "50%d";
        assert_int_equal(plan_image_name(&host.input, &name, &reason), -EINVAL);
        assert_non_null(strstr(reason, "'50%d'"));
}

static void a_plan_prints_as_json(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        _cleanup_(json_decrefp) json_t *object = NULL;
        Host host;

        host_init(&host);
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_return_code(plan_to_json(&plan, &host.input, &object), 0);
        assert_string_equal(json_get_string(object, "method", ""), "register");
        assert_int_equal(json_array_size(json_object_get(object, "groups")), 2);
        assert_int_equal(json_array_size(json_object_get(object, "snapshots")), 3);
        assert_int_equal(json_array_size(json_object_get(object, "calls")), 2);
        assert_int_equal(json_array_size(json_object_get(object, "refusals")), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_lies_inside_is_frozen_first),
                cmocka_unit_test(what_no_snapshot_covers_is_named),
                cmocka_unit_test(half_of_a_file_system_is_refused),
                cmocka_unit_test(half_of_a_file_system_on_no_volume_is_refused),
                cmocka_unit_test(
                        what_a_later_look_finds_was_missed_only_if_it_had_to_be_frozen),
                cmocka_unit_test(a_mount_point_selects_all_its_volumes),
                cmocka_unit_test(an_image_without_its_root_is_refused),
                cmocka_unit_test(snapshots_without_the_root_are_fine),
                cmocka_unit_test(a_selection_that_names_nothing_is_refused),
                cmocka_unit_test(what_cannot_be_frozen_is_refused_unless_crash_is_enough),
                cmocka_unit_test(a_read_only_file_system_needs_no_freeze),
                cmocka_unit_test(without_a_freeze_only_crash_may_be_demanded),
                cmocka_unit_test(names_expand_and_are_checked),
                cmocka_unit_test(a_name_of_a_call_is_taken_as_it_is),
                cmocka_unit_test(a_plan_prints_as_json),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
