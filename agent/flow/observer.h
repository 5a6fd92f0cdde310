/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Who watches a job: is told what happens, and may say that it shall end. */

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

typedef enum Step {
        STEP_IDENTITY,
        STEP_TOPOLOGY,
        STEP_PLAN,
        STEP_QUIESCE,
        STEP_CUT,
        STEP_THAW,
        STEP_COMPLETE,
        STEP_PUBLISH,
        STEP_MAX,
} Step;

typedef struct Observer {
        void *userdata;

        /* Takes over `report`; NULL, for want of memory, is left out. */
        void (*report)(void *userdata, json_t *report);

        /* Asks the applications to get quiet and waits for them: 0, or a negative errno. */
        int (*prepare)(void *userdata, unsigned *ret_participants, unsigned *ret_agreed);

        bool (*cancelled)(void *userdata);

        /* Nobody listens any more: what is on record is left to whoever starts next. */
        bool (*gone)(void *userdata);

        /* Whoever a freeze is held for has let go of it. */
        bool (*given_back)(void *userdata);

        /* Until `usec` have passed, `fd` (-1: none) is readable, or someone wants the job to end. */
        void (*wait)(void *userdata, uint64_t usec, int fd);
} Observer;

void observer_step(const Observer *observer, Step step);
void observer_progress(const Observer *observer, unsigned percent);

/* A report without any content but its kind: "freezing". */
void observer_say(const Observer *observer, const char *kind);

/* `object` with "report": `kind` added to it; takes it over. */
void observer_send(const Observer *observer, const char *kind, json_t *object);
