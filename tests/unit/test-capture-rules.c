/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/rules.h"

#include <errno.h>

#include "tests/unit/unit.h"

typedef struct Case {
        const char *path;
        Verdict verdict;
} Case;

static void rules_expect(const Rules *rules, const Case *cases, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (rules_judge(rules, cases[i].path, 0) != cases[i].verdict)
                        fail_msg("%s: %d, not %d", cases[i].path,
                                (int)rules_judge(rules, cases[i].path, 0), (int)cases[i].verdict);
}

static int rule_add(Rules *rules, CaptureRuleKind kind, const char *pattern)
{
        CaptureRule rule = { .kind = kind };

        (void)snprintf(rule.pattern, sizeof(rule.pattern), "%s", pattern);
        return rules_add(rules, &rule);
}

static void by_default_secrets_go(void **state)
{
        static const Case cases[] = {
                { "/root/.ssh/id_rsa", VERDICT_GOES },
                { "/home/a/keys/my_id_ed25519_old", VERDICT_GOES },
                { "/root/.ssh/authorized_keys", VERDICT_GOES },
                { "/root/.ssh/authorized_keys2", VERDICT_GOES },
                { "/root/.bash_history", VERDICT_GOES },
                { "/root/.mysql_history", VERDICT_GOES },
                { "/home/a/.local/share/fish/fish_history", VERDICT_GOES },
                { "/etc/ssh/ssh_host_rsa_key", VERDICT_GOES },
                { "/etc/ssh/ssh_host_rsa_key.pub", VERDICT_GOES },
                { "/etc/nginx/.site.conf.swp", VERDICT_GOES },
                { "/etc/fstab~", VERDICT_GOES },
                { "/etc/#x#", VERDICT_GOES },
                { "/usr/local/etc/x.jks", VERDICT_GOES },
                { "/etc/dropbear/dropbear_ed25519_host_key", VERDICT_GOES },
                { "/etc/krb5.keytab", VERDICT_GOES },
                { "/root/.netrc", VERDICT_GOES },
                { "/home/a/.git-credentials", VERDICT_GOES },
                { "/root/.docker/config.json", VERDICT_GOES },
                { "/root/.kube/config", VERDICT_GOES },
                { "/root/.aws/cli/cache/1.json", VERDICT_GOES },
                { "/root/.history", VERDICT_GOES },
                { "/root/.python_history", VERDICT_GOES },
                { "/root/.ash_history", VERDICT_GOES },
                { "/var/lib/cloud/instances/i-1/user-data.txt", VERDICT_GOES },
                { "/var/lib/quiesced-capture/job-2.image", VERDICT_GOES },
                { "/root/.ssh/github", VERDICT_GOES_IF_KEY },
                { "/root/.ssh/config", VERDICT_GOES_IF_KEY },
                { "/etc/quiesced/signing", VERDICT_GOES_IF_KEY },
                { "/home/a/backup.asc", VERDICT_GOES_IF_KEY },
                { "/etc/nginx/site.pem", VERDICT_GOES_IF_KEY },
                { "/etc/ssl/private/site", VERDICT_GOES_IF_KEY },
                { "/srv/site.key", VERDICT_GOES_IF_KEY },
                { "/srv/site.der", VERDICT_GOES_IF_KEY },
                { "/etc/ssh/own_host", VERDICT_GOES_IF_KEY },
                { "/srv/SERVER.KEY", VERDICT_GOES_IF_KEY },
                { "/srv/Store.P12", VERDICT_GOES },
                /* Where certificates lie, keys may lie beside them. */
                { "/etc/pki/tls/certs/localhost.key", VERDICT_GOES_IF_KEY },
                { "/etc/ssl/certs/site.pem", VERDICT_GOES_IF_KEY },
                { "/etc/apt/client.key", VERDICT_GOES_IF_KEY },
        };
        Rules rules = { 0 };

        rules_expect(&rules, cases, sizeof(cases) / sizeof(cases[0]));
}

static void what_is_public_stays(void **state)
{
        static const Case cases[] = {
                { "/etc/ssl/certs/ca-certificates.crt", VERDICT_STAYS },
                { "/etc/pki/tls/certs/ca-bundle.crt", VERDICT_STAYS },
                { "/etc/pki/tls/certs/ca-bundle.trust.crt", VERDICT_STAYS },
                { "/etc/ssl/certs/java/cacerts.jks", VERDICT_STAYS },
                { "/etc/ssh/ssh_import_id.pub", VERDICT_STAYS },
                { "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", VERDICT_STAYS },
                { "/usr/share/ca-certificates/mozilla/x.pem", VERDICT_STAYS },
                { "/usr/share/keyrings/x.gpg", VERDICT_STAYS },
                { "/etc/apt/trusted.gpg.d/x.gpg", VERDICT_STAYS },
                { "/etc/pki/rpm-gpg/RPM-GPG-KEY-x.gpg", VERDICT_STAYS },
                { "/home/a/.ssh/id_rsa.pub", VERDICT_STAYS },
                { "/home/a/history", VERDICT_STAYS },
                { "/ETC/SSL/PRIVATE/site", VERDICT_STAYS },
                { "/etc/docker/config.json", VERDICT_STAYS },
                { "/etc/mysql/my.cnf", VERDICT_STAYS },
                { "/etc/shadow", VERDICT_STAYS },
                { "/etc/wireguard/wg0.conf", VERDICT_STAYS },
                { "/var/lib/cloud/seed/nocloud/user-data", VERDICT_STAYS },
                { "/var/lib/cloud/sem/config_ssh_import_id.once", VERDICT_STAYS },
                { "/usr/lib/python3/test/keycert.pem", VERDICT_STAYS },
                { "/usr/share/doc/x/example.keytab", VERDICT_STAYS },
                { "/etc/machine-id", VERDICT_STAYS },
                { "/var/lib/dhcp/dhclient.leases", VERDICT_STAYS },
                { "/var/lib/dbus/machine-id", VERDICT_STAYS },
        };
        Rules rules = { 0 };

        rules_expect(&rules, cases, sizeof(cases) / sizeof(cases[0]));
}

static void identity_and_leases_go_when_asked(void **state)
{
        static const Case cases[] = {
                { "/var/lib/dhcp/dhclient.leases", VERDICT_GOES },
                { "/var/lib/dhclient/dhclient--eth0.lease", VERDICT_GOES },
                { "/var/lib/dbus/machine-id", VERDICT_GOES },
                { "/var/lib/systemd/random-seed", VERDICT_GOES },
                { "/root/.bash_history", VERDICT_STAYS },
        };
        Rules rules = { .flags = CAPTURE_SCRUB_NO_DEFAULTS | CAPTURE_SCRUB_MACHINE_ID |
                        CAPTURE_SCRUB_LEASES };

        rules_expect(&rules, cases, sizeof(cases) / sizeof(cases[0]));
}

static void an_include_outdoes_an_exclude_and_both_the_defaults(void **state)
{
        static const Case cases[] = {
                { "/root/.bash_history", VERDICT_STAYS },
                { "/home/.bash_history", VERDICT_GOES },
                { "/srv/data/x", VERDICT_GOES },
                { "/srv/data/kept", VERDICT_STAYS },
                { "/srv/else", VERDICT_STAYS },
                { "/srv/x.TMP", VERDICT_STAYS },
                { "/usr/share/x.tmp", VERDICT_GOES },
        };
        Rules rules = { 0 };

        assert_int_equal(rule_add(&rules, CAPTURE_RULE_EXCLUDE, "/srv/data/*"), 0);
        assert_int_equal(rule_add(&rules, CAPTURE_RULE_EXCLUDE, "*.tmp"), 0);
        assert_int_equal(rule_add(&rules, CAPTURE_RULE_INCLUDE, "kept"), 0);
        assert_int_equal(rule_add(&rules, CAPTURE_RULE_INCLUDE, "/root/*"), 0);
        rules_expect(&rules, cases, sizeof(cases) / sizeof(cases[0]));
        assert_true(rules_exclude(&rules, "/srv/data/x", 0));
        assert_false(rules_exclude(&rules, "/srv/data", 0));
        rules_done(&rules);
}

static void of_a_copy_of_the_root_either_path_counts(void **state)
{
        static const Case cases[] = {
                { "/snap/etc/ssh/ssh_host_rsa_key", VERDICT_GOES },
                { "/snap/etc/ssl/private/a", VERDICT_GOES_IF_KEY },
                { "/snap/usr/share/keyrings/a.gpg", VERDICT_STAYS },
                { "/snap/srv/data/x", VERDICT_GOES },
                { "/snap/root/.netrc", VERDICT_STAYS },
                { "/snap/srv/snap/y", VERDICT_GOES },
                { "/snap", VERDICT_STAYS },
        };
        Rules rules = { 0 };

        assert_int_equal(rule_add(&rules, CAPTURE_RULE_EXCLUDE, "/srv/data/*"), 0);
        assert_int_equal(rule_add(&rules, CAPTURE_RULE_EXCLUDE, "/snap/srv/snap/*"), 0);
        assert_int_equal(rule_add(&rules, CAPTURE_RULE_INCLUDE, "/root/*"), 0);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                assert_int_equal(
                        rules_judge(&rules, cases[i].path, strlen("/snap")), cases[i].verdict);
        rules_done(&rules);
}

static void rules_have_a_limit(void **state)
{
        Rules rules = { 0 };

        for (int i = 0; i < CAPTURE_RULES_MAX; i++)
                assert_int_equal(rule_add(&rules, CAPTURE_RULE_EXCLUDE, "x"), 0);
        assert_int_equal(rule_add(&rules, CAPTURE_RULE_EXCLUDE, "x"), -E2BIG);
        rules_done(&rules);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(by_default_secrets_go),
                cmocka_unit_test(what_is_public_stays),
                cmocka_unit_test(identity_and_leases_go_when_asked),
                cmocka_unit_test(an_include_outdoes_an_exclude_and_both_the_defaults),
                cmocka_unit_test(of_a_copy_of_the_root_either_path_counts),
                cmocka_unit_test(rules_have_a_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
