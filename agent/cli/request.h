/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Method calls with their a{sv} of options, from what the command line gave. */

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "base/json.h"

typedef struct Arguments Arguments;

typedef struct Request {
        const char *method;  /* of the manager */
        const char *name;    /* its first argument; NULL if it has none */
        char *const *ids;    /* the same where it is an array of strings, up to a NULL */
        const char *wait;    /* the option of this name; NULL to leave it out */
        const char *profile; /* likewise; NULL for what --profile= says */
        bool asks;           /* no job, for which --queue would be */
} Request;

/* Builds the call; 0, or the exit status after a message. */
int request_new(
        sd_bus *bus, const Request *request, const Arguments *arguments, sd_bus_message **ret);

/*
 * Asks what is answered by one value: JSON as a string, which must be an object, or anything else
 * as bus_message_to_json() shows it. 0, or the exit status after a message.
 */
int request_ask(const Request *request, const Arguments *arguments, json_t **ret);
