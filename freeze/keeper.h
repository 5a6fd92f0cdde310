/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One process per file system, which issues its FIFREEZE and FITHAW: a call that hangs in the
 * kernel holds up nobody else. A process and not a thread, since a hanging thread would keep the
 * dead freezer's descriptors open, and then nobody would see that it is dead.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "freeze/ledger.h"

/* One byte each, sent to the keeper's socket, and echoed when done. */
typedef enum KeeperOrder {
        KEEPER_SYNC = 's',
        KEEPER_WARM_UP = 'w', /* freeze and thaw */
        KEEPER_FREEZE = 'f',
        KEEPER_THAW = 't',
        KEEPER_READY = 'r', /* said once by the keeper, as soon as it can be ordered */
} KeeperOrder;

/*
 * Forks the keeper of file->mounts[index]. It thaws when its socket ends, when `backstop_fd`, a
 * timer, expires, and when its FIFREEZE returns after ledger->file->aborted was set.
 */
int keeper_start(const Ledger *ledger, unsigned index, int mount_fd, int backstop_fd,
        int *ret_socket_fd);
