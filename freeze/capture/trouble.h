/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What went wrong, in words that name the path or the device and say what to do. */

#include "base/cleanup.h"
#include "freeze/capture/protocol.h"

typedef struct Trouble {
        char text[CAPTURE_TEXT_MAX]; /* empty while nobody has said more than the errno does */
} Trouble;

/* Keeps the words of the first one to speak, and returns `error`, a negative errno. */
int trouble_tell(Trouble *trouble, int error, const char *format, ...) _printf_(3, 4);
