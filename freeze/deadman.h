/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The third net: a process with all descriptors of the freezer, forked before the first FIFREEZE.
 * It thaws what the keepers leave frozen when the freezer is gone, or so late that `backstop_fd`, a
 * timer that the freezer has armed, expires.
 */

#include "freeze/ledger.h"

typedef struct DeadmanView {
        const Ledger *ledger;
        const int *mount_fds;
        int backstop_fd;
        int expedite_fd;
        int host_lock_fd; /* held as long as it lives: nobody else freezes before it is done */
} DeadmanView;

/* *ret_life_fd is the freezer's end: either one's death is the end of file for the other. */
int deadman_start(const DeadmanView *view, int *ret_life_fd);
