/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "flow/profile.h"
#include "tests/unit/unit.h"

#define ORGANIZATION "arn:aws:organizations::123456789012:organization/o-abcdefghij"
#define UNIT "arn:aws:organizations::123456789012:ou/o-abcdefghij/ou-ab12-34567890"
#define KEY "1234abcd-12ab-34cd-56ef-1234567890ab"
#define ARN "arn:aws:kms:us-west-2:123456789012:key/" KEY
#define DAY_USEC (24 * 3600 * USEC_PER_SEC)
#define LEVEL "/12345678901234567890123456789012345678901234567890123456789012345678901234567890"
#define LEVELS LEVEL LEVEL LEVEL LEVEL LEVEL LEVEL LEVEL LEVEL LEVEL LEVEL LEVEL LEVEL

/* The profile "p" with this text: 0, or an error and its failure. */
static int load(const char *folder, const char *text, Profile *profile, Failure *failure)
{
        Settings settings = { .profile_folder = (char *)folder };
        _cleanup_(freep) char *path = NULL;

        assert_return_code(string_printf(&path, "%s/p.conf", folder), 0);
        assert_return_code(file_replace(path, text, strlen(text), 0600), 0);
        return profile_load(&settings, "p", profile, failure);
}

static void a_section_is_read(void **state)
{
        _cleanup_(profile_done) Profile profile = { 0 };
        _cleanup_(failure_done) Failure failure = { 0 };

        assert_return_code(load(*state,
                "[Publish]\nSsmParameter=/golden/web.1\n"
                "ShareWith=111122223333 " ORGANIZATION "\nShareWith=" UNIT " 111122223333\n"
                "CopyTo=us-east-1 us-west-2:" ARN "\nCopyTo=eu-west-1:alias/golden ap-south-1:" KEY "\n"
                "FastRestore=eu-central-1a us-west-2-lax-1a\nDeprecateAfter=90d\n"
                "DeregistrationProtection=cooldown\nLock=compliance 2w\n", &profile, &failure), 0);
        assert_string_equal(profile.ssm_parameter, "/golden/web.1");
        assert_int_equal(profile.share_with.count, 3);
        assert_string_equal(profile.share_with.items[2], UNIT);
        assert_int_equal(profile.copy_to.count, 4);
        assert_string_equal(profile.copy_to.items[1], "us-west-2:" ARN);
        assert_int_equal(profile.fast_restore.count, 2);
        assert_int_equal(profile.deprecate_after_usec, 90 * DAY_USEC);
        assert_int_equal(profile.protection, PROTECTION_COOLDOWN);
        assert_int_equal(profile.lock.mode, LOCK_COMPLIANCE);
        assert_int_equal(profile.lock.days, 14);
        assert_false(profile.archive);
}

static void sets_are_shared_locked_and_archived(void **state)
{
        _cleanup_(profile_done) Profile profile = { 0 };
        _cleanup_(failure_done) Failure failure = { 0 };

        assert_return_code(load(*state, "[Publish]\nArchiveSnapshots=yes\nLock=governance 7d\n"
                                        "[Bake]\nType=snapshots\n", &profile, &failure), 0);
        assert_true(profile.archive);
        assert_int_equal(profile.lock.mode, LOCK_GOVERNANCE);
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
        static const struct {
                const char *line, *piece;
        } cases[] = {
                { "SsmParameter=golden", "must be a path such as /golden/web" },
                { "SsmParameter=/golden/", "must be a path" },
                { "SsmParameter=/gol den", "must be a path" },
                { "SsmParameter=", "must be a path" },
                { "SsmParameter=/AWS/web", "must not begin with /aws or /ssm" },
                { "SsmParameter=/ssm-web", "must not begin with /aws or /ssm" },
                { "SsmParameter=/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", "not have more than 15 levels" },
                { "SsmParameter=" LEVELS, "and 950 characters" },
                { "ShareWith=11112222333", "'11112222333' is neither an account of 12 digits" },
                { "ShareWith=arn:aws:iam::123456789012:root", "'arn:aws:iam::123456789012:root' is" },
                { "ShareWith=all", "'all' is neither" },
                { "CopyTo=frankfurt", "'frankfurt' is no region" },
                { "CopyTo=us-east-1 us-east-1:alias/x", "us-east-1 is named twice" },
                { "CopyTo=us-east-1:golden", "'golden' is no key of KMS in us-east-1" },
                { "CopyTo=us-east-1:" ARN, "is no key of KMS in us-east-1" },
                { "CopyTo=us-east-1:", "'' is no key" },
                { "FastRestore=eu-central-1", "'eu-central-1' is no availability zone" },
                { "DeprecateAfter=1min", "must be from 1h" },
                { "DeprecateAfter=11y", "must be a time span" },
                { "DeregistrationProtection=maybe", "must be one of no, yes, cooldown" },
                { "Lock=governance", "as in 'governance 7d'" },
                { "Lock=governance 7h", "as in 'governance 7d'" },
                { "Lock=compliance 36501d", "as in 'governance 7d'" },
                { "Lock=no 7d", "must be governance or compliance" },
                { "Lock=7d", "must be governance or compliance" },
                { "ArchiveSnapshots=perhaps", "must be yes or no" },
                { "ArchiveSnapshots=yes", "EBS does not archive snapshots that an image uses" },
                { "PublishTo=x", "unknown key 'PublishTo' in [Publish]" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(profile_done) Profile profile = { 0 };
                _cleanup_(failure_done) Failure failure = { 0 };
                _cleanup_(freep) char *text = NULL;

                assert_return_code(string_printf(&text, "# %s\n[Publish]\n%s\n", "a comment",
                        cases[i].line), 0);
                assert_true(load(*state, text, &profile, &failure) < 0);
                assert_int_equal(failure.kind, FAILURE_CONFIG_INVALID);
                if (!strstr(failure.message, "/p.conf:3: ") || !strstr(failure.message, cases[i].piece))
                        fail_msg("%s: %s", cases[i].line, failure.message);
        }
}

static void what_does_not_fit_the_type_is_named_with_its_line(void **state)
{
        static const struct {
                const char *lines, *piece;
        } cases[] = {
                { "SsmParameter=/a", ":2: SsmParameter=: is for images" },
                { "CopyTo=us-east-1", ":2: CopyTo=: is for images" },
                { "DeprecateAfter=1w", ":2: DeprecateAfter=: is for images" },
                { "DeregistrationProtection=yes", ":2: DeregistrationProtection=: is for images" },
                { "ShareWith=111122223333\nShareWith=" ORGANIZATION,
                        ":3: ShareWith=: EBS shares snapshots with accounts alone" },
                { "ArchiveSnapshots=yes\nFastRestore=eu-central-1a", ":2: ArchiveSnapshots=: what is" },
                { "ShareWith=111122223333\nArchiveSnapshots=yes", ":3: ArchiveSnapshots=: whom an" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(profile_done) Profile profile = { 0 };
                _cleanup_(failure_done) Failure failure = { 0 };
                _cleanup_(freep) char *text = NULL;

                assert_return_code(string_printf(&text, "[Publish]\n%s\n[Bake]\nType=snapshots\n",
                        cases[i].lines), 0);
                assert_true(load(*state, text, &profile, &failure) < 0);
                assert_int_equal(failure.kind, FAILURE_CONFIG_INVALID);
                if (!strstr(failure.message, cases[i].piece))
                        fail_msg("%s: %s", cases[i].lines, failure.message);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_section_is_read, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        sets_are_shared_locked_and_archived, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        what_is_wrong_is_named_with_its_line, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(what_does_not_fit_the_type_is_named_with_its_line,
                        scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
