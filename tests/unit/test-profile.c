/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/profile.h"

#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "tests/unit/unit.h"

#define TEXT_16 "xxxxxxxxxxxxxxxx"
#define TEXT_64 TEXT_16 TEXT_16 TEXT_16 TEXT_16
#define TEXT_256 TEXT_64 TEXT_64 TEXT_64 TEXT_64

static void write_profile(const char *folder, const char *name, const char *text)
{
        _cleanup_(freep) char *path = NULL;

        assert_return_code(string_printf(&path, "%s/%s.conf", folder, name), 0);
        assert_return_code(file_replace(path, text, strlen(text), 0600), 0);
}

static Settings settings_in(char *folder)
{
        return (Settings){ .profile_folder = folder, .freeze_budget_usec = 10 * USEC_PER_SEC };
}

static void a_profile_is_read_over_the_defaults(void **state)
{
        Settings settings = settings_in(*state);
        _cleanup_(profile_done) Profile profile = { 0 };
        _cleanup_(failure_done) Failure failure = { 0 };

        write_profile(*state, "nightly",
                "[Bake]\nType=image\nName=web-%d\nMethod=create-image\nConsistency=application\n"
                "OnDegrade=label\nVerify=launch\nExclude=/scratch /dev/sdz\nFreezeBudgetSec=3s\n"
                "[Tags]\nteam=web\nteam=shop\n");
        assert_return_code(profile_load(&settings, "nightly", &profile, &failure), 0);
        assert_int_equal(profile.type, BAKE_IMAGE);
        assert_int_equal(profile.method, METHOD_CREATE_IMAGE);
        assert_int_equal(profile.consistency, CONSISTENCY_APPLICATION);
        assert_int_equal(profile.on_degrade, ON_DEGRADE_LABEL);
        assert_int_equal(profile.verify, VERIFICATION_LAUNCH);
        assert_int_equal(profile.exclude.count, 2);
        assert_int_equal(profile.budget_usec, 3 * USEC_PER_SEC);
        assert_int_equal(profile.tags.count, 1);
        assert_string_equal(profile.tags.items[0], "team=shop");
}

static void a_profile_says_what_is_kept(void **state)
{
        Settings settings = settings_in(*state);
        _cleanup_(profile_done) Profile profile = { 0 };
        _cleanup_(failure_done) Failure failure = { 0 };
        const Retention *retention = &profile.retention;

        write_profile(*state, "kept",
                "[Retain]\nKeepLast=3\nKeepDaily=7\nKeepVerified=2\nKeepAtLeast=4\nMaxAge=400d\n"
                "MinAge=90min\nTimeZone=Europe/Berlin\nSelect=quiesced:profile=a=b\nPer=selection\n"
                "AfterBake=no\nOverride=shared\nOverride=locked protected\n");
        assert_return_code(profile_load(&settings, "kept", &profile, &failure), 0);
        assert_int_equal(retention->policy.keep[RETAIN_KEEP_LAST], 3);
        assert_int_equal(retention->policy.keep[RETAIN_KEEP_HOURLY], 0);
        assert_int_equal(retention->policy.keep[RETAIN_KEEP_DAILY], 7);
        assert_int_equal(retention->policy.keep[RETAIN_KEEP_VERIFIED], 2);
        assert_int_equal(retention->policy.keep_at_least, 4);
        assert_int_equal(retention->policy.max_age_usec, 400ULL * 86400 * USEC_PER_SEC);
        assert_int_equal(retention->policy.min_age_usec, 90 * 60 * USEC_PER_SEC);
        assert_string_equal(retention->time_zone, "Europe/Berlin");
        assert_string_equal(retention->select, "quiesced:profile=a=b");
        assert_int_equal(retention->per, RETENTION_PER_SELECTION);
        assert_int_equal(retention->after_bake, 0);
        assert_int_equal(retention->override.count, 3);
}

static void without_a_profile_the_defaults_hold(void **state)
{
        Settings settings = settings_in(*state);
        _cleanup_(profile_done) Profile profile = { 0 };
        _cleanup_(failure_done) Failure failure = { 0 };

        assert_return_code(profile_load(&settings, NULL, &profile, &failure), 0);
        assert_int_equal(profile.consistency, CONSISTENCY_FILESYSTEM);
        assert_int_equal(profile.on_degrade, ON_DEGRADE_FAIL);
        assert_int_equal(profile.budget_usec, 10 * USEC_PER_SEC);
        assert_false(retain_policy_is_set(&profile.retention.policy));
        assert_int_equal(profile.retention.policy.keep_at_least, 1);
        assert_false(retention_follows_bake(&profile.retention));
}

static void retention_follows_a_bake_where_it_is_about_that_alone(void **state)
{
        static const struct {
                const char *text;
                bool follows;
        } cases[] = {
                { "[Retain]\nKeepLast=1\n", true },
                { "[Retain]\nMaxAge=2d\n", true },
                { "[Retain]\nMinAge=2d\n", false },
                { "[Retain]\nKeepLast=1\nAfterBake=no\n", false },
                { "[Retain]\nKeepLast=1\nSelect=team=web\n", false },
                { "[Retain]\nKeepLast=1\nSelect=team=web\nAfterBake=yes\n", true },
        };
        Settings settings = settings_in(*state);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(profile_done) Profile profile = { 0 };
                _cleanup_(failure_done) Failure failure = { 0 };

                write_profile(*state, "case", cases[i].text);
                assert_return_code(profile_load(&settings, "case", &profile, &failure), 0);
                assert_int_equal(retention_follows_bake(&profile.retention), cases[i].follows);
        }
}

static void a_profile_says_what_is_bundled_and_options_add_to_it(void **state)
{
        Settings settings = settings_in(*state);
        _cleanup_(profile_done) Profile profile = { 0 };
        _cleanup_(failure_done) Failure failure = { 0 };
        _cleanup_(json_decrefp) json_t *options = json_pack("{s:[s],s:[s],s:b}", "scrub-include",
                "/etc/kept", "scrub-exclude", "*.log", "no-scrub", true);
        const BundleWish *wish = &profile.bundle;

        write_profile(*state, "case",
                "[Bundle]\nCertificate=/c.pem\nPrivateKey=bundle.key\nEc2Certificate=/e.pem\n"
                "Ec2Certificate=aws-cn:/cn.pem\n"
                "FileSystem=/mnt\nStagingFolder=/var/stage\nInclude=/a b\nInclude=/c\n"
                "Exclude=/x\nExclude=\nExclude=/y\nResetMachineId=yes\n");
        assert_return_code(profile_load(&settings, "case", &profile, &failure), 0);
        assert_string_equal(wish->private_key, "bundle.key");
        assert_string_equal(bundle_find_ec2(&wish->ec2_certificates, "aws-cn"), "aws-cn:/cn.pem");
        assert_string_equal(bundle_find_ec2(&wish->ec2_certificates, "aws-c"), "/e.pem");
        assert_string_equal(bundle_find_ec2(&wish->ec2_certificates, NULL), "/e.pem");
        assert_string_equal(bundle_ec2_path("aws-cn:/cn.pem"), "/cn.pem");
        assert_string_equal(wish->file_system, "/mnt");
        assert_string_equal(wish->folder, "/var/stage");
        assert_int_equal(wish->include.count, 2);
        assert_string_equal(wish->include.items[0], "/a b");
        assert_int_equal(wish->exclude.count, 1);
        assert_true(wish->scrub && wish->reset_machine_id && !wish->reset_leases);

        assert_return_code(profile_apply(&profile, options, &failure), 0);
        assert_string_equal(wish->include.items[2], "/etc/kept");
        assert_string_equal(wish->exclude.items[1], "*.log");
        assert_false(wish->scrub);
}

static const struct {
        const char *name, *text, *piece;
        FailureKind kind;
} bad_profiles[] = {
        { "a", "[Bake]\nMethod=magic\n", "a.conf:2: Method=magic", FAILURE_CONFIG_INVALID },
        { "b", "[Bake]\nFreezeBudgetSec=31s\n", "b.conf:2: FreezeBudgetSec=31s: must be from",
                FAILURE_CONFIG_INVALID },
        { "v", "[Bake]\nType=snapshots\nVerify=launch\n", "v.conf:3: Verify=: takes an image",
                FAILURE_CONFIG_INVALID },
        { "c", "[Tags]\nquiesced:job=x\n", "reserved", FAILURE_CONFIG_INVALID },
        { "d", "[Tags]\naws:x=y\n", "reserved", FAILURE_CONFIG_INVALID },
        { "e", "[Bake]\nDescription=" TEXT_256 "\n", "e.conf:2: Description=xxx",
                FAILURE_CONFIG_INVALID },
        { "f", "[Retain]\nKeepLast=-1\n", "f.conf:2: KeepLast=-1: must be a whole number",
                FAILURE_CONFIG_INVALID },
        { "g", "[Retain]\nMaxAge=30\n", "g.conf:2: MaxAge=30: must be from 1h 0min",
                FAILURE_CONFIG_INVALID },
        { "h", "[Retain]\n\nTimeZone=Europe/Atlantis\n",
                "h.conf:3: TimeZone=Europe/Atlantis: no time zone of this host",
                FAILURE_CONFIG_INVALID },
        { "i", "[Retain]\nTimeZone=../../../etc/passwd\n", "i.conf:2: TimeZone=../",
                FAILURE_CONFIG_INVALID },
        { "j", "[Retain]\nTimeZone=Europe\n", "j.conf:2: TimeZone=Europe: no time zone",
                FAILURE_CONFIG_INVALID },
        { "k", "[Retain]\nSelect=team\n", "k.conf:2: Select=team: must be a tag",
                FAILURE_CONFIG_INVALID },
        { "l", "[Retain]\nPer=fleet\n", "must be one of instance, selection",
                FAILURE_CONFIG_INVALID },
        { "m", "[Retain]\nOverride=shared everything\n",
                "'everything' is none of launch-template", FAILURE_CONFIG_INVALID },
        { "n", "[Bundle]\nCertificate=cert.pem\n",
                "n.conf:2: Certificate=cert.pem: must be an absolute path",
                FAILURE_CONFIG_INVALID },
        { "o", "[Bundle]\nPrivateKey=../key.pem\n",
                "o.conf:2: PrivateKey=../key.pem: must be an absolute path, or the name",
                FAILURE_CONFIG_INVALID },
        { "p", "[Bundle]\nScrub=perhaps\n", "p.conf:2: Scrub=perhaps",
                FAILURE_CONFIG_INVALID },
        { "q", "[Bundle]\nCerticifate=/c.pem\n", "q.conf:2: ", FAILURE_CONFIG_INVALID },
        { "r", "[Bundle]\nEc2Certificate=aws-cn:cn.pem\n",
                "r.conf:2: Ec2Certificate=aws-cn:cn.pem: must be an absolute path, or one "
                "behind the name of a partition",
                FAILURE_CONFIG_INVALID },
        { "s", "[Bundle]\nEc2Certificate=aws:/a\nEc2Certificate=/b\nEc2Certificate=aws:/c\n",
                "s.conf:4: Ec2Certificate=aws:/c: aws:/a is there for the same partition",
                FAILURE_CONFIG_INVALID },
        { "../etc/shadow", NULL, "is no profile name", FAILURE_INVALID_ARGUMENT },
        { ".hidden", NULL, "is no profile name", FAILURE_INVALID_ARGUMENT },
        { "missing", NULL, "There is no profile 'missing': create ", FAILURE_NO_SUCH_PROFILE },
};

static void bad_profiles_are_named(void **state)
{
        Settings settings = settings_in(*state);

        for (size_t i = 0; i < ELEMENTSOF(bad_profiles); i++) {
                _cleanup_(profile_done) Profile profile = { 0 };
                _cleanup_(failure_done) Failure failure = { 0 };

                if (bad_profiles[i].text)
                        write_profile(*state, bad_profiles[i].name, bad_profiles[i].text);
                assert_true(profile_load(&settings, bad_profiles[i].name, &profile, &failure) < 0);
                assert_int_equal(failure.kind, bad_profiles[i].kind);
                assert_non_null(strstr(failure.message, bad_profiles[i].piece));
        }
}

static void options_lie_over_the_profile(void **state)
{
        _cleanup_(json_decrefp) json_t *options = json_pack(
                "{s:s,s:s,s:s,s:[s],s:I,s:{s:s},s:b,s:s}", "method", "register", "consistency",
                "crash", "on-degrade", "label", "volumes", "/data", "budget-usec", 2000000LL, "tags",
                "a", "b", "no-freeze", 1, "description", "before the upgrade");
        _cleanup_(profile_done) Profile profile = { 0 };
        _cleanup_(failure_done) Failure failure = { 0 };

        assert_return_code(profile_apply(&profile, options, &failure), 0);
        assert_int_equal(profile.method, METHOD_REGISTER);
        assert_int_equal(profile.consistency, CONSISTENCY_CRASH);
        assert_string_equal(profile.volumes.items[0], "/data");
        assert_int_equal(profile.budget_usec, 2000000);
        assert_string_equal(profile.tags.items[0], "a=b");
        assert_true(profile.no_freeze);
        assert_string_equal(profile.description, "before the upgrade");
}

static void bad_options_are_named(void **state)
{
        static const struct {
                const char *json, *message;
        } cases[] = {
                { "{\"metod\":\"auto\"}", "Unknown option 'metod'" },
                { "{\"method\":\"magic\"}",
                        "Option 'method': must be one of auto, register, create-image, reboot, "
                        "bundle" },
                { "{\"method\":1}", "Option 'method': has the wrong type" },
                { "{\"budget-usec\":1}", "Option 'budget-usec': must be from 1s to 30s, in microseconds" },
                { "{\"volumes\":[1]}", "Option 'volumes': has the wrong type" },
                { "{\"tags\":{\"aws:a\":\"b\"}}",
                        "Option 'tags': keys that begin with aws: or quiesced: are reserved" },
                { "{\"tags\":{\"a=b\":\"c\"}}", "Option 'tags': the key 'a=b' must not have a '='" },
                { "{\"description\":\"" TEXT_256 "\"}",
                        "Option 'description': is longer than 255 bytes; shorten it" },
                { "{\"scrub-exclude\":[\"\"]}",
                        "Option 'scrub-exclude': a pattern has 1 to 1023 bytes" },
                { "{\"scrub-include\":\"/a\"}", "Option 'scrub-include': has the wrong type" },
                { "{\"no-scrub\":1}", "Option 'no-scrub': has the wrong type" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(json_decrefp) json_t *options = json_loads(cases[i].json, 0, NULL);
                _cleanup_(profile_done) Profile profile = { 0 };
                _cleanup_(failure_done) Failure failure = { 0 };

                assert_int_equal(profile_apply(&profile, options, &failure), -EINVAL);
                assert_string_equal(failure.message, cases[i].message);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        a_profile_is_read_over_the_defaults, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        a_profile_says_what_is_kept, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        retention_follows_a_bake_where_it_is_about_that_alone, scratch_setup,
                        scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        a_profile_says_what_is_bundled_and_options_add_to_it, scratch_setup,
                        scratch_teardown),
                cmocka_unit_test(without_a_profile_the_defaults_hold),
                cmocka_unit_test_setup_teardown(
                        bad_profiles_are_named, scratch_setup, scratch_teardown),
                cmocka_unit_test(options_lie_over_the_profile),
                cmocka_unit_test(bad_options_are_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
