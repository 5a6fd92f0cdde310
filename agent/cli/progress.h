/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How far a job is: one line that is redrawn on a terminal, or a line for each step. */

#include <stdbool.h>

#include "base/json.h"

typedef struct Arguments Arguments;

typedef struct Progress {
        bool live;  /* standard error is a terminal, and nobody asked for silence */
        bool lines; /* --verbose */
        bool drawn; /* a line stands on the terminal without its newline */
        char *shown;
} Progress;

void progress_init(Progress *progress, const Arguments *arguments);

/* Takes the line from the terminal again. */
void progress_done(Progress *progress);

/* A line of one's own, escaped; as a line for itself where there is one for each step. */
void progress_line(Progress *progress, const char *line);

/* `job`: its properties. Writes only when there is something new to say. */
void progress_show(Progress *progress, const json_t *job);
