/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Method calls with their a{sv} of options, from what the command line gave. */

#include <systemd/sd-bus.h>

typedef struct Arguments Arguments;

typedef struct Request {
        const char *method; /* of the manager */
        const char *name;   /* its first argument; NULL if it has none */
        const char *wait;   /* the option of this name; NULL to leave it out */
} Request;

/* Builds the call; 0, or the exit status after a message. */
int request_new(
        sd_bus *bus, const Request *request, const Arguments *arguments, sd_bus_message **ret);
