/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What an instance wrote to its console, where kernel, boot loader, systemd and getty mingle.
 *
 * quiesced writes the marker there when the instance has booted ("quiescectl status --announce"):
 *
 *      quiesced: INSTANCE runs IMAGE (STATE)
 *
 * with systemd's word for the state of the whole system: "running", "degraded". On its line other
 * text may stand before and behind it.
 */

#include <stddef.h>

#include "base/list.h"

/* The state in the last marker of this instance and image; NULL if there is none. 0 or -ENOMEM. */
int console_find_marker(
        const char *console, const char *instance_id, const char *image_id, char **ret_state);

/* The last `most` lines that are not empty, without colours and control codes. 0 or -ENOMEM. */
int console_tail(const char *console, size_t most, StringList *ret);
#define CONSOLE_LINE_MAX 300
