/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* quiesced.conf(5): what holds for every bake of this host. */

#include <stdint.h>

#include "base/list.h"
#include "flow/failure.h"
#include "flow/verify-keys.h"

/* The hard limit of a freeze: hung_task warns at 120 s, and clusters lose patience long before. */
#define FREEZE_BUDGET_USEC_MIN UINT64_C(1000000)
#define FREEZE_BUDGET_USEC_MAX UINT64_C(30000000)

/* 1000 a GiB: a sum over all that an account may hold stays far from the end of 64 bits. */
#define PRICE_MICRO_MAX UINT64_C(1000000000)

typedef struct Settings {
        StringList volume_map; /* DEVICE:VOLUME-ID */
        StringList nvme_models;
        uint64_t settle_usec; /* how long EC2 may keep a fresh object invisible */
        uint64_t reboot_usec; /* how long EC2 may take to reboot this host for an image */
        uint64_t volume_spacing_usec; /* between two snapshots of one volume */
        uint64_t pending_wait_usec; /* how long a volume's pending snapshots are waited for */
        uint64_t freeze_budget_usec;
        uint64_t orphan_age_usec; /* younger ones are none */
        uint64_t price_micro; /* of a GiB and month, in millionths */
        uint64_t bundle_price_micro; /* the same, in S3 */
        VerifySettings verify;
        char *freezer_socket;
        char *capture_socket;
        char *profile_folder;
        char *job_folder;
        char *witness_path; /* where a shutdown is asked about, see flow/witness.h */
} Settings;

void settings_done(Settings *settings);

/*
 * $QUIESCED_CONFIG, or the file in /etc, with its drop-ins; without a file the defaults hold. 0,
 * or a negative errno and a failure that names file, line and key.
 */
int settings_load(Settings *ret, Failure *reterr_failure);
