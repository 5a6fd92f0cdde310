/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <stdbool.h>

#include "base/cleanup.h"
#include "freeze/dialogue.h"

static FreezePlan plan_make(void)
{
        return (FreezePlan){
                .header = { .version = FREEZE_VERSION, .type = FREEZE_PLAN },
                .budget_usec = 10000000,
                .sync_usec = 60000000,
                .n_mounts = 2,
        };
}

static FreezeMount mount_make(const char *path)
{
        FreezeMount mount = { .header = { .version = FREEZE_VERSION, .type = FREEZE_MOUNT } };

        memcpy(mount.path, path, strlen(path));
        return mount;
}

static const char *header_complaint(DialoguePhase phase, uint32_t type)
{
        FreezeHeader header = { .version = FREEZE_VERSION, .type = type };

        return dialogue_complaint(phase, &header, sizeof(header));
}

static void each_phase_admits_its_messages_only(void **state)
{
        static const struct {
                DialoguePhase phase;
                uint32_t types[3];
        } admitted[] = {
                { DIALOGUE_IDLE, { FREEZE_MOUNTINFO } },
                { DIALOGUE_PLANNING, { 0 } },
                { DIALOGUE_READY, { FREEZE_SYNC, FREEZE_FREEZE } },
                { DIALOGUE_HELD, { FREEZE_THAW } },
                { DIALOGUE_OVER, { FREEZE_THAW } },
        };

        for (size_t i = 0; i < ELEMENTSOF(admitted); i++)
                for (uint32_t type = 0; type < 40; type++) {
                        const uint32_t *types = admitted[i].types;
                        int is_admitted = type != 0 &&
                                (type == types[0] || type == types[1] || type == types[2]);

                        assert_int_equal(
                                header_complaint(admitted[i].phase, type) == NULL, is_admitted);
                }
}

static void every_size_but_the_right_one_is_refused(void **state)
{
        FreezePlan plan = plan_make();
        FreezeMount mount = mount_make("/data");
        char space[sizeof(FreezeMount) + 16] = { 0 };

        memcpy(space, &plan, sizeof(plan));
        for (size_t size = 0; size <= sizeof(space); size++)
                assert_int_equal(dialogue_complaint(DIALOGUE_IDLE, space, size) == NULL,
                        size == sizeof(plan));
        memcpy(space, &mount, sizeof(mount));
        for (size_t size = 0; size <= sizeof(space); size++)
                assert_int_equal(dialogue_complaint(DIALOGUE_PLANNING, space, size) == NULL,
                        size == sizeof(mount));
}

static void another_version_is_refused(void **state)
{
        FreezeHeader header = { .version = FREEZE_VERSION + 1, .type = FREEZE_MOUNTINFO };

        assert_string_equal(dialogue_complaint(DIALOGUE_IDLE, &header, sizeof(header)),
                "the client speaks another version of the protocol");
}

static void plan_expect(FreezePlan plan, bool is_sound)
{
        assert_int_equal(dialogue_complaint(DIALOGUE_IDLE, &plan, sizeof(plan)) == NULL, is_sound);
}

static void a_plan_keeps_every_limit(void **state)
{
        FreezePlan plan = plan_make();

        plan_expect(plan, true);
        plan.budget_usec = FREEZE_BUDGET_MIN_USEC;
        plan_expect(plan, true);
        plan.budget_usec = FREEZE_BUDGET_MIN_USEC - 1;
        plan_expect(plan, false);
        plan.budget_usec = FREEZE_BUDGET_MAX_USEC;
        plan_expect(plan, true);
        plan.budget_usec = FREEZE_BUDGET_MAX_USEC + 1;
        plan_expect(plan, false);
        plan = plan_make();
        plan.sync_usec = FREEZE_SYNC_MAX_USEC + 1;
        plan_expect(plan, false);
        plan = plan_make();
        plan.n_mounts = 0;
        plan_expect(plan, false);
        plan.n_mounts = FREEZE_MOUNTS_MAX;
        plan_expect(plan, true);
        plan.n_mounts = FREEZE_MOUNTS_MAX + 1;
        plan_expect(plan, false);
        plan = plan_make();
        plan.flags = FREEZE_PLAN_NO_WARM_UP | FREEZE_PLAN_SYNC_LAST;
        plan_expect(plan, true);
        plan.flags = ~0u;
        plan_expect(plan, false);
}

static const char *path_complaint(FreezeMount mount)
{
        return dialogue_complaint(DIALOGUE_PLANNING, &mount, sizeof(mount));
}

static void a_path_is_absolute_ends_and_has_nothing_behind_it(void **state)
{
        FreezeMount mount = mount_make("/data");

        assert_null(path_complaint(mount));
        assert_null(path_complaint(mount_make("/")));
        assert_null(path_complaint(mount_make("/with space\nand \xc3\xa4")));
        assert_non_null(path_complaint(mount_make("data")));
        assert_non_null(path_complaint(mount_make("")));
        mount.path[FREEZE_PATH_MAX - 1] = 'x';
        assert_non_null(path_complaint(mount));
        memset(mount.path, 'x', sizeof(mount.path));
        mount.path[0] = '/';
        assert_non_null(path_complaint(mount));
        mount.path[FREEZE_PATH_MAX - 1] = '\0';
        assert_null(path_complaint(mount));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_phase_admits_its_messages_only),
                cmocka_unit_test(every_size_but_the_right_one_is_refused),
                cmocka_unit_test(another_version_is_refused),
                cmocka_unit_test(a_plan_keeps_every_limit),
                cmocka_unit_test(a_path_is_absolute_ends_and_has_nothing_behind_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
