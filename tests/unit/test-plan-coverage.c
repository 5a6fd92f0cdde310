/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/text.h"
#include "tests/unit/plan-host.h"

static void a_volume_that_the_api_does_not_list_is_a_mismatch(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        Host host;

        host_init(&host);
        host.instance.n_attachments = 2;
        host.volumes[2].listed = false;
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_true(plan.refusals.count > 0);
        assert_true(some_line_has(&plan.refusals, "/dev/nvme2n1 says it is vol-b"));
}

/* As above, but nothing that is mounted lies on it. */
static void add_unlisted(Host *host)
{
        host->instance.n_attachments = 2;
        host->volumes[2].listed = false;
        host->file_systems[1].n_volumes = host->file_systems[2].n_volumes = 1;
}

static void what_the_api_does_not_list_may_be_left_out_by_name(void **state)
{
        static const char *const names[] = { "vol-b", "/dev/nvme2n1" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(plan_done) Plan plan = { 0 };
                char *exclude[] = { TEXT(names[i]), NULL };
                Host host;

                host_init(&host);
                add_unlisted(&host);
                host.profile.exclude = (StringList){ exclude, 1 };
                assert_return_code(plan_make(&host.input, &plan), 0);
                assert_int_equal(plan.refusals.count, 0);
                assert_true(plan.complete_coverage);
        }
}

static void a_difference_with_the_api_is_labelled_where_the_profile_says_so(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        Host host;

        host_init(&host);
        add_unlisted(&host);
        host.profile.on_degrade = ON_DEGRADE_LABEL;
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.refusals.count, 0);
        assert_true(some_line_has(&plan.warnings, "vol-b"));
        assert_false(plan.complete_coverage);
}

static void an_attached_volume_that_no_device_is_counts_only_in_the_set(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 }, without = { 0 };
        AbsentVolume absent = { TEXT("vol-x"), TEXT("/dev/sdx") };
        char *exclude[] = { TEXT("/dev/sdx"), NULL };
        Host host;

        host_init(&host);
        host.topology.absent = &absent;
        host.topology.n_absent = 1;
        host.attachments[3] = (Ec2Attachment){ .device_name = TEXT("/dev/sdx"),
                .volume_id = TEXT("vol-x") };
        host.instance.n_attachments = 4;
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.refusal_kind, FAILURE_TOPOLOGY_MISMATCH);
        assert_true(some_line_has(&plan.refusals, "vol-x is attached as /dev/sdx"));
        host.profile.exclude = (StringList){ exclude, 1 };
        assert_return_code(plan_make(&host.input, &without), 0);
        assert_int_equal(without.refusals.count, 0);
}

/* An unknown disk with a file system, and an instance store with none. */
static void add_others(Host *host, OtherDisk others[static 2])
{
        others[0] = (OtherDisk){ .device = TEXT("/dev/nvme3n1"),
                .reason = TEXT("shows no volume id") };
        others[1] = (OtherDisk){ .device = TEXT("/dev/nvme4n1"), .is_instance_store = true,
                .reason = TEXT("is an instance store") };
        host->topology.others = others;
        host->topology.n_others = 2;
        host->file_systems[3] = (FileSystem){ .mount_point = TEXT("/scratch"), .type = TEXT("ext4"),
                .device = TEXT("/dev/nvme3n1"), .reason = TEXT("shows no volume id") };
}

static void what_lies_on_no_volume_is_listed_or_refused_as_the_profile_says(void **state)
{
        _cleanup_(plan_done) Plan listed = { 0 }, refused = { 0 }, accepted = { 0 };
        char *exclude[] = { TEXT("/dev/nvme3n1"), TEXT("/scratch"), NULL };
        OtherDisk others[2];
        Host host;

        host_init(&host);
        add_others(&host, others);
        assert_return_code(plan_make(&host.input, &listed), 0);
        assert_int_equal(listed.refusals.count, 0);
        assert_int_equal(listed.n_gaps, 3);
        host.profile.on_uncovered = ON_UNCOVERED_FAIL;
        assert_return_code(plan_make(&host.input, &refused), 0);
        assert_int_equal(refused.refusal_kind, FAILURE_NOT_COVERED);
        assert_int_equal(refused.refusals.count, 2);
        assert_true(some_line_has(&refused.refusals, "/dev/nvme3n1 would be in no snapshot"));
        assert_true(some_line_has(&refused.refusals, "/scratch would be in no snapshot"));
        host.profile.exclude = (StringList){ exclude, 2 };
        assert_return_code(plan_make(&host.input, &accepted), 0);
        assert_int_equal(accepted.refusals.count, 0);
}

static void what_may_be_in_the_set_unfrozen_lowers_the_class(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 }, rebooted = { 0 }, without = { 0 };
        char *exclude[] = { TEXT("/tank"), NULL };
        Host host;

        host_init(&host);
        host.file_systems[3] = (FileSystem){ .mount_point = TEXT("/tank"), .type = TEXT("zfs"),
                .device = TEXT("tank"), .reason = TEXT("not known"), .lost = true };
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.refusal_kind, FAILURE_NOT_COVERED);
        assert_true(some_line_has(&plan.refusals, "/tank (zfs) may be in the snapshots"));
        assert_false(plan.complete_coverage);
        host.profile.method = METHOD_REBOOT;
        assert_return_code(plan_make(&host.input, &rebooted), 0);
        assert_int_equal(rebooted.refusals.count, 0);
        host.profile.method = METHOD_AUTO;
        host.profile.exclude = (StringList){ exclude, 1 };
        assert_return_code(plan_make(&host.input, &without), 0);
        assert_int_equal(without.refusals.count, 0);
        assert_true(without.complete_coverage);
}

static void what_can_only_be_synced_is_watched(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 }, unfrozen = { 0 };
        Host host;

        host_init(&host);
        host.file_systems[0].freezable = false;
        host.file_systems[0].watchable = true;
        host.file_systems[0].minor = 15;
        host.file_systems[0].reason = TEXT("the kernel cannot freeze this type");
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.refusals.count, 0);
        assert_true(plan.complete_coverage);
        assert_int_equal(plan.n_mounts, 2);
        assert_int_equal(plan.n_watches, 1);
        assert_ptr_equal(plan.watches[0].fs, &host.file_systems[0]);
        assert_int_equal(plan.watches[0].minor, 15);
        assert_null(plan_find_missed(&plan, &host.topology));
        host.profile.no_freeze = true;
        assert_return_code(plan_make(&host.input, &unfrozen), 0);
        assert_int_equal(unfrozen.n_watches, 0);
}

static void a_device_of_the_set_that_nothing_is_mounted_from_is_watched(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 }, without = { 0 };
        _cleanup_(json_decrefp) json_t *object = NULL;
        char *exclude[] = { TEXT("/data"), NULL };
        const json_t *watched;
        Host host;

        host_init(&host);
        host.topology.unused = &(UnusedDevice){ .device = TEXT("/dev/dm-9"), .major = 253,
                .volumes = host.data_on, .n_volumes = 2 };
        host.topology.n_unused = 1;
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.n_watches, 1);
        assert_null(plan.watches[0].fs);
        assert_return_code(plan_to_json(&plan, &host.input, &object), 0);
        watched = json_array_get(json_object_get(object, "watched"), 0);
        assert_string_equal(json_get_string(watched, "what", ""), "/dev/dm-9");
        assert_int_equal(json_array_size(json_object_get(watched, "volumes")), 2);
        host.profile.exclude = (StringList){ exclude, 1 };
        assert_return_code(plan_make(&host.input, &without), 0);
        assert_int_equal(without.n_watches, 0);
}

static void what_is_mounted_out_of_sight_lowers_the_class(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 }, without = { 0 };
        char *exclude[] = { TEXT("/data"), NULL };
        Host host;

        host_init(&host);
        host.topology.unused = &(UnusedDevice){ .device = TEXT("/dev/dm-9"), .major = 253,
                .mounted_elsewhere = true, .volumes = host.data_on, .n_volumes = 2 };
        host.topology.n_unused = 1;
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_true(some_line_has(&plan.refusals, "/dev/dm-9 has a file system"));
        assert_false(plan.complete_coverage);
        assert_int_equal(plan.n_watches, 0); /* no count of writes could make it better */
        host.profile.exclude = (StringList){ exclude, 1 };
        assert_return_code(plan_make(&host.input, &without), 0);
        assert_int_equal(without.refusals.count, 0);
        assert_true(without.complete_coverage);
}

static void what_is_mounted_out_of_sight_and_may_be_anywhere_may_be_excluded(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 }, without = { 0 };
        char *exclude[] = { TEXT("/dev/drbd0"), NULL };
        OtherDisk other = { .device = TEXT("/dev/drbd0"), .reason = TEXT("shows no volume id") };
        Host host;

        host_init(&host);
        host.topology.others = &other;
        host.topology.n_others = 1;
        host.topology.unused = &(UnusedDevice){ .device = TEXT("/dev/drbd0"), .major = 147,
                .mounted_elsewhere = true, .lost = true, .volumes = host.data_on, .n_volumes = 2 };
        host.topology.n_unused = 1;
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_true(some_line_has(&plan.refusals, "/dev/drbd0 has a file system"));
        assert_true(some_line_has(&plan.refusals, "may be in the snapshots"));
        assert_false(plan.complete_coverage);
        host.profile.exclude = (StringList){ exclude, 1 };
        assert_return_code(plan_make(&host.input, &without), 0);
        assert_int_equal(without.refusals.count, 0);
        assert_true(without.complete_coverage);
}

/* It is in the set in part, and the rest may be anywhere: one reason is enough. */
static void what_is_partly_lost_is_told_of_once(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        Host host;

        host_init(&host);
        host.file_systems[1].covered = false;
        host.file_systems[1].lost = true;
        host.file_systems[1].reason = TEXT("nobody knows");
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.refusals.count, 1);
        assert_false(plan.complete_coverage);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_volume_that_the_api_does_not_list_is_a_mismatch),
                cmocka_unit_test(what_the_api_does_not_list_may_be_left_out_by_name),
                cmocka_unit_test(a_difference_with_the_api_is_labelled_where_the_profile_says_so),
                cmocka_unit_test(an_attached_volume_that_no_device_is_counts_only_in_the_set),
                cmocka_unit_test(what_lies_on_no_volume_is_listed_or_refused_as_the_profile_says),
                cmocka_unit_test(what_may_be_in_the_set_unfrozen_lowers_the_class),
                cmocka_unit_test(what_can_only_be_synced_is_watched),
                cmocka_unit_test(a_device_of_the_set_that_nothing_is_mounted_from_is_watched),
                cmocka_unit_test(what_is_mounted_out_of_sight_lowers_the_class),
                cmocka_unit_test(what_is_mounted_out_of_sight_and_may_be_anywhere_may_be_excluded),
                cmocka_unit_test(what_is_partly_lost_is_told_of_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
