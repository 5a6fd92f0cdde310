/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Thaws what a keeper does not thaw: because it was killed, is stopped, or hangs in the kernel.
 * Each mount gets a process that tries until it is done, since FITHAW may hang, too.
 */

#include <sys/types.h>

#include "freeze/ledger.h"

typedef struct Rescue {
        const Ledger *ledger;
        const int *mount_fds;
        pid_t pids[FREEZE_MOUNTS_MAX];
} Rescue;

void rescue_init(Rescue *rescue, const Ledger *ledger, const int *mount_fds);

/* From `first` to before `end`, for a quarter of a second; what hangs longer is still worked on. */
void rescue_range(Rescue *rescue, uint32_t first, uint32_t end);

/*
 * All groups in reverse, then whatever remains. False if something is still held at `end_usec`;
 * what has no descriptor is not waited for.
 */
bool rescue_all(Rescue *rescue, uint64_t end_usec);
