/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/consistency.h"

#include "base/text.h"
#include "tests/unit/unit.h"

static const Evidence complete = { .all_frozen = true, .answered_inside = true, .thawed_by_us = true,
        .complete_coverage = true, .watched_at_rest = true, .same_mounts = true, .same_volumes = true };

static void nothing_seen_is_crash(void **state)
{
        const Evidence none = { 0 };

        assert_int_equal(consistency_reached(&none), CONSISTENCY_CRASH);
}

static void each_missing_proof_is_crash(void **state)
{
        for (int i = 0; i < 7; i++) {
                Evidence evidence = complete;
                bool *proofs[] = { &evidence.all_frozen, &evidence.answered_inside,
                        &evidence.thawed_by_us, &evidence.complete_coverage,
                        &evidence.watched_at_rest, &evidence.same_mounts,
                        &evidence.same_volumes };

                *proofs[i] = false;
                evidence.participants = evidence.agreed = 1;
                assert_int_equal(consistency_reached(&evidence), CONSISTENCY_CRASH);
                assert_null(strstr(consistency_obstacle(&evidence), "application"));
        }
}

static void applications_lift_the_class_only_when_all_agree(void **state)
{
        Evidence evidence = complete;

        assert_int_equal(consistency_reached(&evidence), CONSISTENCY_FILESYSTEM);
        assert_string_equal(consistency_obstacle(&evidence), "no application took part");
        evidence.participants = 2;
        evidence.agreed = 1;
        assert_int_equal(consistency_reached(&evidence), CONSISTENCY_FILESYSTEM);
        assert_string_equal(consistency_obstacle(&evidence),
                "an application did not get ready in time");
        evidence.agreed = 2;
        assert_int_equal(consistency_reached(&evidence), CONSISTENCY_APPLICATION);
}

static void a_reboot_is_never_more_than_filesystem(void **state)
{
        Evidence evidence = { .by_reboot = true, .rebooted = true, .seen_at_rest = true,
                .cut_at_rest = true, .complete_coverage = true, .same_volumes = true,
                .participants = 1, .agreed = 1 };
        bool *proofs[] = { &evidence.rebooted, &evidence.seen_at_rest, &evidence.cut_at_rest,
                &evidence.complete_coverage, &evidence.same_volumes };

        assert_int_equal(consistency_reached(&evidence), CONSISTENCY_FILESYSTEM);
        for (size_t i = 0; i < ELEMENTSOF(proofs); i++) {
                *proofs[i] = false;
                assert_int_equal(consistency_reached(&evidence), CONSISTENCY_CRASH);
                assert_null(strstr(consistency_obstacle(&evidence), "application"));
                *proofs[i] = true;
        }
}

static void what_was_frozen_is_no_proof_of_a_reboot(void **state)
{
        Evidence evidence = complete;

        evidence.by_reboot = true;
        assert_int_equal(consistency_reached(&evidence), CONSISTENCY_CRASH);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_seen_is_crash),
                cmocka_unit_test(each_missing_proof_is_crash),
                cmocka_unit_test(applications_lift_the_class_only_when_all_agree),
                cmocka_unit_test(a_reboot_is_never_more_than_filesystem),
                cmocka_unit_test(what_was_frozen_is_no_proof_of_a_reboot),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
