/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Judges what a client sends before anything acts on it: pure, from bytes to a verdict. */

#include <stddef.h>

#include "freeze/protocol.h"

/* How far a connection has come; each phase admits only some messages. */
typedef enum DialoguePhase {
        DIALOGUE_IDLE,
        DIALOGUE_PLANNING, /* the plan's mounts are on their way */
        DIALOGUE_READY,
        DIALOGUE_HELD, /* frozen */
        DIALOGUE_OVER, /* thawed again; only asking for the report is left */
        DIALOGUE_MAX,
} DialoguePhase;

/* NULL: `packet` is whole, in order and within every limit. Else what is wrong with it. */
const char *dialogue_complaint(DialoguePhase phase, const void *packet, size_t size);
