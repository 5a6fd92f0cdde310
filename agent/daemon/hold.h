/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A descriptor that a client holds: closing its end tells us, closing ours tells the client. */

#include <systemd/sd-event.h>

#include "base/cleanup.h"

typedef struct Hold Hold;

/* `released` comes once, when the client and whoever it passed the descriptor to have closed it. */
int hold_new(sd_event *event, void (*released)(void *userdata), void *userdata, Hold **ret,
        int *ret_fd);

Hold *hold_free(Hold *hold);
DEFINE_CLEANUP(Hold *, hold_free)
