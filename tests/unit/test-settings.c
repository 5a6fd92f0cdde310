/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/settings.h"

#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "tests/unit/unit.h"

static int load(const char *folder, const char *text, Settings *ret, Failure *reterr_failure)
{
        _cleanup_(freep) char *path = NULL;

        assert_return_code(string_printf(&path, "%s/x.conf", folder), 0);
        assert_return_code(file_replace(path, text, strlen(text), 0600), 0);
        assert_return_code(setenv("QUIESCED_CONFIG", path, 1), errno);
        return settings_load(ret, reterr_failure);
}

static void every_key_is_read(void **state)
{
        _cleanup_(settings_done) Settings settings = { 0 };
        _cleanup_(failure_done) Failure failure = { 0 };

        assert_return_code(load(*state,
                                   "[Daemon]\nInhibitDelayMaxSec=1s\nMaxJobsKept=3\nWorkerSilenceSec=1min\n"
                                   "[Host]\nVolumeMap=/dev/vdb:vol-1\nVolumeMap=/dev/vdc:vol-2\n"
                                   "NvmeModels=One Model\nNvmeModels=Another\n"
                                   "[Aws]\nSettleSec=1min\nRebootSec=5min\nVolumeSpacingSec=3s\n"
                                   "PendingWaitSec=1h\n[Freeze]\nBudgetSec=2s\nSocket=/s\n"
                                   "[Orphans]\nMinAgeSec=2h\nPricePerGiBMonth=0.06\n"
                                   "[Verify]\nInstanceType=m7i.large\nSubnetId=subnet-0123456789abcdef0\n"
                                   "InstanceProfile=verifier\nSecurityGroups=sg-01234567\n"
                                   "SecurityGroups=sg-89abcdef\nTimeoutSec=5min\nWait=marker\n",
                                   &settings, &failure),
                0);
        assert_int_equal(settings.volume_map.count, 2);
        assert_int_equal(settings.nvme_models.count, 2);
        assert_int_equal(settings.settle_usec, 60 * USEC_PER_SEC);
        assert_int_equal(settings.reboot_usec, 300 * USEC_PER_SEC);
        assert_int_equal(settings.volume_spacing_usec, 3 * USEC_PER_SEC);
        assert_int_equal(settings.pending_wait_usec, 3600 * USEC_PER_SEC);
        assert_int_equal(settings.freeze_budget_usec, 2 * USEC_PER_SEC);
        assert_string_equal(settings.freezer_socket, "/s");
        assert_int_equal(settings.orphan_age_usec, 7200 * USEC_PER_SEC);
        assert_int_equal(settings.price_micro, 60000);
        assert_string_equal(settings.verify.instance_type, "m7i.large");
        assert_string_equal(settings.verify.subnet_id, "subnet-0123456789abcdef0");
        assert_string_equal(settings.verify.instance_profile, "verifier");
        assert_int_equal(settings.verify.security_groups.count, 2);
        assert_int_equal(settings.verify.timeout_usec, 300 * USEC_PER_SEC);
        assert_int_equal(settings.verify.wait, VERIFY_WAIT_MARKER);
}

static void bad_values_are_named_with_their_line(void **state)
{
        static const struct {
                const char *text, *piece;
        } cases[] = {
                { "[Host]\nVolumeMap=vdb\n", "x.conf:2: VolumeMap=vdb: must be DEVICE:VOLUME-ID" },
                { "[Host]\nVolumeMap=/dev/a:vol-1\nVolumeMap=/dev/b:vol-1\n",
                        "x.conf:3: VolumeMap=/dev/b:vol-1: must be DEVICE:VOLUME-ID" },
                { "[Freeze]\nSocket=\n", "x.conf:2: Socket=: must be an absolute path" },
                { "[Freeze]\nSocket=run/s\n", "x.conf:2: Socket=run/s: must be an absolute path" },
                { "[Freeze]\nBudgetSec=31s\n", "x.conf:2: BudgetSec=31s: must be from" },
                { "[Aws]\nSettleSec=11min\n", "x.conf:2: SettleSec=11min: must be from" },
                { "[Orphans]\nMinAgeSec=59min\n", "x.conf:2: MinAgeSec=59min: must be from" },
                { "[Orphans]\nPricePerGiBMonth=0,05\n",
                        "x.conf:2: PricePerGiBMonth=0,05: must be a price such as 0.05" },
                { "[Verify]\nInstanceType=large\n", "InstanceType=large: must be an instance type" },
                { "[Verify]\nSubnetId=sub\n", "x.conf:2: SubnetId=sub: must be a subnet's id" },
                { "[Verify]\nInstanceProfile=a b\n", "must be the name or the ARN" },
                { "[Verify]\nSecurityGroups=sg-01234567 mine\n", "must be ids of security groups" },
                { "[Verify]\nTimeoutSec=7h\n", "TimeoutSec=7h: must be from" },
                { "[Verify]\nWait=boot\n", "Wait=boot: must be one of status, marker" },
                { "[Aws]\nRegion=x\n", "x.conf:2: unknown key 'Region' in [Aws]" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(settings_done) Settings settings = { 0 };
                _cleanup_(failure_done) Failure failure = { 0 };

                assert_int_equal(load(*state, cases[i].text, &settings, &failure), -EINVAL);
                assert_int_equal(failure.kind, FAILURE_CONFIG_INVALID);
                assert_non_null(strstr(failure.message, cases[i].piece));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(every_key_is_read, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        bad_values_are_named_with_their_line, scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
