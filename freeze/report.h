/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the freezer answers: how each mount fares, and when it all happened. */

#include <stdint.h>

#define FREEZE_VERSION 1
#define FREEZE_MOUNTS_MAX 256

typedef struct FreezeHeader {
        uint32_t version;
        uint32_t type;
} FreezeHeader;

typedef enum FreezeReason {
        FREEZE_REASON_NONE, /* all is well so far */
        FREEZE_REASON_ASKED,
        FREEZE_REASON_DEADLINE,
        FREEZE_REASON_FAILED, /* a mount could not be opened, synced or frozen: see its error */
        FREEZE_REASON_STOPPED, /* the client went, or the freezer was told to end */
        FREEZE_REASON_BROKEN, /* a process of the freezer was killed */
        FREEZE_REASON_MAX,
} FreezeReason;

typedef enum FreezeState {
        FREEZE_STATE_PLANNED, /* not frozen by us */
        FREEZE_STATE_FREEZING,
        FREEZE_STATE_FROZEN,
        FREEZE_STATE_THAWING,
        FREEZE_STATE_THAWED,
        FREEZE_STATE_FOREIGN, /* somebody else had frozen it: left alone */
        FREEZE_STATE_FAILED,
        FREEZE_STATE_MAX,
} FreezeState;

typedef struct FreezeMountReport {
        uint32_t state;
        int32_t error; /* errno; ESTALE: vanished, ETIMEDOUT: hangs, EINVAL: another thawed it */
        uint64_t freeze_usec; /* what FIFREEZE and FITHAW took */
        uint64_t thaw_usec;
} FreezeMountReport;

/* Times of day are CLOCK_BOOTTIME, 0 when it did not come to that. */
typedef struct FreezeReport {
        FreezeHeader header;
        uint32_t reason;
        uint32_t n_mounts;
        uint32_t n_sync_rounds;
        uint32_t reserved;
        uint64_t sync_usec; /* all rounds */
        uint64_t sync_last_usec; /* the last round */
        uint64_t warm_up_usec;
        uint64_t freezing_at_usec; /* the first FIFREEZE begins */
        uint64_t frozen_at_usec; /* the last FIFREEZE has returned */
        uint64_t thawing_at_usec; /* the first FITHAW begins */
        uint64_t thawed_at_usec; /* the last FITHAW has returned */
        FreezeMountReport mounts[FREEZE_MOUNTS_MAX]; /* only n_mounts are sent */
} FreezeReport;
