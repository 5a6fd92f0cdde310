/* SPDX-License-Identifier: Apache-2.0 */
/* Which call cuts the image, and what a plan makes of one that reboots. */
#include "base/text.h"
#include "tests/unit/plan-host.h"

static void billing_codes_choose_create_image(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        char *codes[] = { TEXT("bp-6ba54002"), NULL };
        Host host;

        host_init(&host);
        host.identity.billing_products = (StringList){ codes, 1 };
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.method, METHOD_CREATE_IMAGE);
}

static void so_does_whatever_is_billed_as_more_than_plain_linux(void **state)
{
        static const struct {
                const char *operation;
                int method;
        } cases[] = {
                { NULL, METHOD_REGISTER },
                { "RunInstances", METHOD_REGISTER },
                { "RunInstances:0010", METHOD_CREATE_IMAGE },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(plan_done) Plan plan = { 0 };
                Host host;

                host_init(&host);
                host.instance.usage_operation = TEXT(cases[i].operation);
                assert_return_code(plan_make(&host.input, &plan), 0);
                assert_int_equal(plan.method, cases[i].method);
        }
}

static void register_with_billing_codes_is_warned_of(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        char *codes[] = { TEXT("bp-6ba54002"), NULL };
        Host host;

        host_init(&host);
        host.identity.billing_products = (StringList){ codes, 1 };
        host.profile.method = METHOD_REGISTER;
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.method, METHOD_REGISTER);
        assert_true(some_line_has(&plan.warnings, "billing or marketplace codes"));
}

static void a_reboot_freezes_nothing_and_covers_what_cannot_be_frozen(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        Host host;

        host_init(&host);
        host.profile.method = METHOD_REBOOT;
        host.file_systems[1].freezable = false;
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.refusals.count, 0);
        assert_int_equal(plan.method, METHOD_REBOOT);
        assert_int_equal(plan.n_mounts, 0);
        assert_true(plan.complete_coverage);
        assert_true(some_line_has(&plan.warnings, "will be rebooted"));
}

static void a_reboot_is_refused_what_it_cannot_reach(void **state)
{
        static const struct {
                int consistency;
                const char *no_witness, *refusal;
        } cases[] = {
                { CONSISTENCY_FILESYSTEM, "nobody is there", "nobody is there; mend that" },
                { CONSISTENCY_APPLICATION, NULL, "filesystem at best" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(plan_done) Plan plan = { 0 };
                Host host;

                host_init(&host);
                host.profile.method = METHOD_REBOOT;
                host.profile.consistency = cases[i].consistency;
                host.input.no_witness = cases[i].no_witness;
                assert_return_code(plan_make(&host.input, &plan), 0);
                assert_true(some_line_has(&plan.refusals, cases[i].refusal));
        }
}

static void without_a_witness_a_reboot_may_still_be_a_crash(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        Host host;

        host_init(&host);
        host.profile.method = METHOD_REBOOT;
        host.profile.consistency = CONSISTENCY_CRASH;
        host.input.no_witness = "nobody is there";
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.refusals.count, 0);
        assert_true(some_line_has(&plan.warnings, "nobody is there"));
        assert_false(plan.complete_coverage);
}

static void snapshots_alone_are_no_reason_to_reboot(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        Host host;

        host_init(&host);
        host.profile.method = METHOD_REBOOT;
        host.input.image_wanted = false;
        assert_return_code(plan_make(&host.input, &plan), 0);
        assert_int_equal(plan.refusal_kind, FAILURE_INVALID_ARGUMENT);
        assert_true(some_line_has(&plan.refusals, "Method=reboot makes an image"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(billing_codes_choose_create_image),
                cmocka_unit_test(so_does_whatever_is_billed_as_more_than_plain_linux),
                cmocka_unit_test(register_with_billing_codes_is_warned_of),
                cmocka_unit_test(a_reboot_freezes_nothing_and_covers_what_cannot_be_frozen),
                cmocka_unit_test(a_reboot_is_refused_what_it_cannot_reach),
                cmocka_unit_test(without_a_witness_a_reboot_may_still_be_a_crash),
                cmocka_unit_test(snapshots_alone_are_no_reason_to_reboot),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
