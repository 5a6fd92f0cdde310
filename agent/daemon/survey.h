/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is known of this machine: asked of a worker at the start, and refreshed by every bake. */

#include <jansson.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "daemon/inquiry.h"

/* Names of properties that have changed, up to a NULL. */
typedef void (*SurveyChanged)(void *userdata, const char *const *properties);

typedef struct Survey {
        sd_event *event;
        SurveyChanged changed;
        void *userdata;
        Inquiry *inquiry;
        sd_bus_message **waiters;
        size_t n_waiters;
        json_t *identity;
        json_t *volumes;
        json_t *filesystems;
        char *error; /* why the last survey failed, NULL if it did not */
} Survey;

void survey_init(Survey *survey, sd_event *event, SurveyChanged changed, void *userdata);
void survey_done(Survey *survey);

/* Asks anew, unless it is being asked already. `message` may be NULL; else it is answered then. */
int survey_begin(Survey *survey, sd_bus_message *message);

/* A report "identity" or "topology". */
void survey_take(Survey *survey, const json_t *report);

/* A text of the identity, "" while it is not known. */
const char *survey_get(const Survey *survey, const char *key);
