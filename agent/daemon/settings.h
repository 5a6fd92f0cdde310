/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the daemon itself takes from quiesced.conf: its section [Daemon]. */

#include <stdint.h>

typedef struct Settings {
        uint64_t inhibit_delay_max_usec;
        uint64_t worker_silence_usec; /* one that says nothing for so long is hung */
        uint64_t resume_delay_usec; /* until a job that could not be ended is taken up again */
        uint64_t max_jobs_kept; /* finished jobs that stay listed */
} Settings;

void settings_init(Settings *settings);

/*
 * Reads $QUIESCED_CONFIG, or quiesced.conf in the system's configuration folder, and its drop-ins.
 * A missing file is fine. On failure *reterr_message says where and what, for a person.
 */
int settings_read(Settings *settings, char **reterr_message);
