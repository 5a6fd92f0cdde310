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
        STEP_VERIFY,
        STEP_PUBLISH,
        STEP_RETAIN,
        STEP_REMOVE,
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

        /* What was said about looks (flow/look.h), the last of it: taken over; NULL for nothing new. */
        json_t *(*heard)(void *userdata);

        /* Until `usec` have passed, something was said about looks, `fd` (-1: none) is readable, or someone wants the job to end. */
        void (*wait)(void *userdata, uint64_t usec, int fd);
} Observer;

void observer_step(const Observer *observer, Step step);
void observer_progress(const Observer *observer, unsigned percent);

/* A report without any content but its kind: "freezing". */
void observer_say(const Observer *observer, const char *kind);

/* `object` with "report": `kind` added to it; takes it over. */
void observer_send(const Observer *observer, const char *kind, json_t *object);

/*
 * What an inquiry was for, and what a job has to tell beside its results. Both take over the object,
 * which may be of any length: see base/answer.h. 0, or -ENOMEM (also for NULL): then it has not
 * arrived as a whole, and the result must not be "done".
 */
int observer_answer(const Observer *observer, json_t *answer);
int observer_details(const Observer *observer, json_t *details);
