/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What client and freezer say to each other: one message is one SOCK_SEQPACKET packet. */

#include "freeze/report.h"

#define FREEZE_PATH_MAX 4096
#define FREEZE_TEXT_MAX 256
#define FREEZE_BUDGET_MIN_USEC UINT64_C(1000)
#define FREEZE_BUDGET_MAX_USEC UINT64_C(30000000)
#define FREEZE_SYNC_MAX_USEC UINT64_C(600000000)

typedef enum FreezeType {
        /* From the client, in this order; MOUNTINFO only before PLAN, SYNC as often as wanted. */
        FREEZE_MOUNTINFO = 1, /* answered by the same, with a descriptor of PID 1's mountinfo */
        FREEZE_PLAN, /* followed by n_mounts FREEZE_MOUNT, then answered by FREEZE_PREPARED */
        FREEZE_MOUNT,
        FREEZE_SYNC,
        FREEZE_FREEZE, /* answered by FREEZE_FROZEN; by FREEZE_THAWED if any mount failed */
        FREEZE_THAW, /* so does the end of the connection */
        /* From the freezer. */
        FREEZE_PREPARED, /* a FreezeReport, as are the next three; a failed plan has a reason */
        FREEZE_SYNCED,
        FREEZE_FROZEN,
        FREEZE_THAWED, /* also unasked, when the deadline or another net has thawed */
        FREEZE_ERROR, /* a FreezeError; the connection ends */
        FREEZE_TYPE_MAX,
} FreezeType;

#define FREEZE_PLAN_NO_WARM_UP 1u /* leaves out the first, short freeze and thaw */
#define FREEZE_PLAN_SYNC_LAST 2u /* the last group is of no type that can freeze: it is synced only */

typedef struct FreezePlan {
        FreezeHeader header;
        uint64_t budget_usec; /* from the first FIFREEZE until the freezer thaws by itself */
        uint64_t sync_usec; /* the most that FREEZE_SYNC may take */
        uint32_t n_mounts;
        uint32_t flags;
} FreezePlan;

typedef struct FreezeMount {
        FreezeHeader header;
        uint32_t group; /* never less than the one before; frozen in this order */
        uint32_t major; /* of the superblock, as in mountinfo */
        uint32_t minor;
        char path[FREEZE_PATH_MAX]; /* absolute, of a folder; zeroes behind it */
} FreezeMount;

typedef struct FreezeError {
        FreezeHeader header;
        int32_t error;
        char text[FREEZE_TEXT_MAX];
} FreezeError;
