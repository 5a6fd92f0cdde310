/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon itself takes from quiesced.conf: its section [Daemon]. */

#include "daemon/settings.h"

#include "base/clock.h"
#include "base/config.h"

#define CONFIG_PATH SYSCONFDIR "/quiesced/quiesced.conf"

/* The worker takes us for hung after 120 s. */
static const ConfigRange delay_range = { 0, 60 * USEC_PER_SEC };
static const ConfigRange silence_range = { USEC_PER_SEC, 3600 * USEC_PER_SEC };
static const ConfigRange resume_range = { USEC_PER_SEC, 1800 * USEC_PER_SEC };
static const ConfigRange kept_range = { 1, 1000 };

/* The other sections are the worker's business, which checks every key of the file. */
static int parse_nothing(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        return 0;
}

static const ConfigKey config_keys[] = {
        { "Daemon", "InhibitDelayMaxSec", config_parse_usec,
                offsetof(Settings, inhibit_delay_max_usec), &delay_range },
        { "Daemon", "WorkerSilenceSec", config_parse_usec,
                offsetof(Settings, worker_silence_usec), &silence_range },
        { "Daemon", "ResumeDelaySec", config_parse_usec, offsetof(Settings, resume_delay_usec),
                &resume_range },
        { "Daemon", "MaxJobsKept", config_parse_u64, offsetof(Settings, max_jobs_kept),
                &kept_range },
        { "Host", "*", parse_nothing, 0, NULL },
        { "Aws", "*", parse_nothing, 0, NULL },
        { "Freeze", "*", parse_nothing, 0, NULL },
        { "Capture", "*", parse_nothing, 0, NULL },
        { "Orphans", "*", parse_nothing, 0, NULL },
        { "Verify", "*", parse_nothing, 0, NULL },
};

void settings_init(Settings *settings)
{
        *settings = (Settings){
                .inhibit_delay_max_usec = 5 * USEC_PER_SEC, /* as logind's InhibitDelayMaxSec= */
                .worker_silence_usec = 120 * USEC_PER_SEC,
                .resume_delay_usec = 60 * USEC_PER_SEC,
                .max_jobs_kept = 32,
        };
}

int settings_read(Settings *settings, char **reterr_message)
{
        const char *path = getenv("QUIESCED_CONFIG");

        return config_read_with_dropins(path && *path ? path : CONFIG_PATH, config_keys,
                ELEMENTSOF(config_keys), settings, reterr_message);
}
