/* SPDX-License-Identifier: Apache-2.0 */
/* quiesced.conf(5): what holds for every bake of this host. */

#include "flow/settings.h"

#include "base/clock.h"
#include "base/config.h"
#include "base/text.h"
#include "freeze/capture/client.h"
#include "host/volume.h"

static const ConfigRange budget_range = { FREEZE_BUDGET_USEC_MIN, FREEZE_BUDGET_USEC_MAX };
static const ConfigRange reboot_range = { USEC_PER_SEC, 3600 * USEC_PER_SEC };
static const ConfigRange settle_range = { 0, 600 * USEC_PER_SEC };
static const ConfigRange spacing_range = { 0, 600 * USEC_PER_SEC };
static const ConfigRange pending_range = { 0, 24 * 3600 * USEC_PER_SEC };
static const ConfigRange age_range = { 3600 * USEC_PER_SEC, 3650 * 86400 * USEC_PER_SEC };

/* The daemon reads its own section; here it is only known to exist. */
static int ignore(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        return 0;
}

static int parse_volume_map(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        _cleanup_(volume_map_done) VolumeMap map = VOLUME_MAP_INIT;
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = config_parse_line(key, value, target, reterr);
        if (r >= 0)
                r = volume_map_parse(target, &map, &reason);
        if (r == -EINVAL)
                (void)string_printf(reterr,
                        "must be DEVICE:VOLUME-ID, as in /dev/vdb:vol-0123456789abcdef0, with each "
                        "device and each volume once");
        return r;
}

/* A decimal as it is written, without a detour by binary fractions. */
static int parse_price(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        uint64_t *price_micro = target;

        if (parse_micro(value, price_micro) >= 0 && *price_micro <= PRICE_MICRO_MAX)
                return 0;
        (void)string_printf(reterr, "must be a price such as 0.05, with at most 6 digits behind the "
                                    "point, up to 1000");
        return -EINVAL;
}

static int parse_path(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        if (*value != '/') {
                (void)string_printf(reterr, "must be an absolute path");
                return -EINVAL;
        }
        return config_parse_string(key, value, target, reterr);
}

static const ConfigKey keys[] = {
        { "Daemon", "InhibitDelayMaxSec", ignore, 0, NULL },
        { "Daemon", "MaxJobsKept", ignore, 0, NULL },
        { "Daemon", "ResumeDelaySec", ignore, 0, NULL },
        { "Daemon", "WorkerSilenceSec", ignore, 0, NULL },
        { "Host", "VolumeMap", parse_volume_map, offsetof(Settings, volume_map), NULL,
                true },
        { "Host", "NvmeModels", config_parse_line, offsetof(Settings, nvme_models), NULL,
                true },
        { "Aws", "SettleSec", config_parse_usec, offsetof(Settings, settle_usec), &settle_range },
        { "Aws", "RebootSec", config_parse_usec, offsetof(Settings, reboot_usec), &reboot_range },
        { "Aws", "VolumeSpacingSec", config_parse_usec, offsetof(Settings, volume_spacing_usec),
                &spacing_range },
        { "Aws", "PendingWaitSec", config_parse_usec, offsetof(Settings, pending_wait_usec),
                &pending_range },
        { "Orphans", "MinAgeSec", config_parse_usec, offsetof(Settings, orphan_age_usec), &age_range },
        { "Orphans", "BundlePricePerGiBMonth", parse_price, offsetof(Settings, bundle_price_micro),
                NULL },
        { "Orphans", "PricePerGiBMonth", parse_price, offsetof(Settings, price_micro), NULL },
        { "Freeze", "BudgetSec", config_parse_usec, offsetof(Settings, freeze_budget_usec),
                &budget_range },
        { "Freeze", "Socket", parse_path, offsetof(Settings, freezer_socket), NULL },
        { "Capture", "Socket", parse_path, offsetof(Settings, capture_socket), NULL },
        { "Verify", "InstanceType", verify_parse_type, offsetof(Settings, verify.instance_type),
                NULL },
        { "Verify", "SubnetId", verify_parse_subnet, offsetof(Settings, verify.subnet_id), NULL },
        { "Verify", "InstanceProfile", verify_parse_profile,
                offsetof(Settings, verify.instance_profile), NULL },
        { "Verify", "SecurityGroups", verify_parse_groups,
                offsetof(Settings, verify.security_groups), NULL, true },
        { "Verify", "TimeoutSec", config_parse_usec, offsetof(Settings, verify.timeout_usec),
                &verify_timeout_range },
        { "Verify", "Wait", config_parse_enum, offsetof(Settings, verify.wait), verify_wait_names },
};

void settings_done(Settings *settings)
{
        string_list_done(&settings->volume_map);
        string_list_done(&settings->nvme_models);
        verify_settings_done(&settings->verify);
        free(settings->freezer_socket);
        free(settings->capture_socket);
        free(settings->profile_folder);
        free(settings->job_folder);
        free(settings->witness_path);
        *settings = (Settings){ 0 };
}

static const char *environment_or(const char *name, const char *fallback)
{
        const char *value = getenv(name);

        return value && *value ? value : fallback;
}

static int set_defaults(Settings *settings, const char *path)
{
        const char *state = environment_or("STATE_DIRECTORY", "/var/lib/quiesced");
        const char *slash = strrchr(path, '/');

        /* EC2 API Reference, "Eventual consistency": back off for some minutes. */
        settings->settle_usec = 150 * USEC_PER_SEC;
        /* EC2 API Reference, RebootInstances: a hard reboot after some minutes, at the latest. */
        settings->reboot_usec = 900 * USEC_PER_SEC;
        /* EC2 API Reference, error codes: SnapshotCreationPerVolumeRateExceeded. */
        settings->volume_spacing_usec = 15 * USEC_PER_SEC;
        settings->pending_wait_usec = 900 * USEC_PER_SEC;
        settings->freeze_budget_usec = 10 * USEC_PER_SEC;
        settings->orphan_age_usec = 86400 * USEC_PER_SEC;
        settings->bundle_price_micro = 23000; /* of us-east-1, "Amazon S3 pricing" */
        settings->price_micro = 50000; /* of us-east-1, "Amazon EBS pricing" */
        verify_settings_init(&settings->verify);
        if (string_replace(&settings->freezer_socket,
                    environment_or("QUIESCED_FREEZER_SOCKET", "/run/quiesced/freezer.sock")) < 0)
                return -ENOMEM;
        if (string_replace(&settings->capture_socket,
                    environment_or("QUIESCED_CAPTURE_SOCKET", CAPTURE_SOCKET)) < 0)
                return -ENOMEM;
        if (string_printf(&settings->profile_folder, "%.*s/profiles",
                    slash ? (int)(slash - path) : 1, slash ? path : ".") < 0)
                return -ENOMEM;
        if (string_printf(&settings->witness_path, "%s/witness", state) < 0)
                return -ENOMEM;
        return string_printf(&settings->job_folder, "%s/jobs", state);
}

int settings_load(Settings *ret, Failure *reterr_failure)
{
        const char *path = environment_or("QUIESCED_CONFIG", SYSCONFDIR "/quiesced/quiesced.conf");
        _cleanup_(settings_done) Settings settings = { 0 };
        _cleanup_(freep) char *message = NULL;
        int r;

        r = set_defaults(&settings, path);
        if (r < 0)
                return failure_set(reterr_failure, FAILURE_INTERNAL, r, "Out of memory");
        r = config_read_with_dropins(path, keys, ELEMENTSOF(keys), &settings, &message);
        if (r < 0)
                return failure_set(reterr_failure, FAILURE_CONFIG_INVALID, r, "%s",
                        message ? message : path);
        *ret = settings;
        settings = (Settings){ 0 };
        return 0;
}
