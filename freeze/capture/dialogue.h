/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Judges what a client of capture sends before anything acts on it: from bytes to a verdict. */

#include <stddef.h>

#include "freeze/capture/protocol.h"

typedef enum CapturePhase {
        CAPTURE_PHASE_IDLE,
        CAPTURE_PHASE_NAMING, /* the mounts are on their way */
        CAPTURE_PHASE_READY,
        CAPTURE_PHASE_STAGED, /* a pass has been made */
        CAPTURE_PHASE_CAUGHT,
        CAPTURE_PHASE_SCRUBBED,
        CAPTURE_PHASE_KEPT,
        CAPTURE_PHASE_MAX,
} CapturePhase;

/* NULL: `packet` is whole, in order and within every limit. Else what is wrong with it. */
const char *capture_complaint(CapturePhase phase, const void *packet, size_t size);
