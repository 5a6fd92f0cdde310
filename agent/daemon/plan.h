/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The calls of Plan that are under way, each with its worker. */

#include <jansson.h>
#include <stddef.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

typedef struct PlanCall PlanCall;

typedef struct Plans {
        sd_event *event;
        PlanCall **calls;
        size_t n_calls;
} Plans;

void plans_init(Plans *plans, sd_event *event);
void plans_done(Plans *plans);

/* Answers the message with the plan that a worker makes for the request, or with its error. */
int plans_add(Plans *plans, sd_bus_message *message, const json_t *request);
