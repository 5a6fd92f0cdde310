/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemon, seen from a verb. These functions print what went wrong themselves, once, with what
 * to do about it: all return 0, or the exit status after such a message.
 */

#include <systemd/sd-bus.h>

#include "base/json.h"

#define CLIENT_NAME "org.quiesced1"
#define CLIENT_PATH "/org/quiesced1"
#define CLIENT_JOBS_PATH "/org/quiesced1/job"
#define CLIENT_MANAGER "org.quiesced1.Manager"
#define CLIENT_JOB "org.quiesced1.Job"

int client_connect(sd_bus **ret);

/* The same, for calls before which polkit may have to ask the user for a password. */
int client_connect_to_act(sd_bus **ret);

int client_call(sd_bus *bus, sd_bus_message *call, sd_bus_message **ret_reply);

/* The properties of an object, with keys as properties_to_json() makes them. */
int client_get_properties(sd_bus *bus, const char *path, const char *interface, json_t **ret);

/* All jobs that the daemon remembers, the oldest first. */
int client_get_jobs(sd_bus *bus, json_t **ret);

/* "Busy" for org.quiesced1.Error.Busy; the name of somebody else's error as it is. */
const char *client_error_name(const char *name);

/* "quiescectl: MESSAGE" on standard error, on one line whatever the message quotes. */
void client_say(const char *format, ...) _printf_(1, 2);

/* Prints what a failed call, or sd-bus itself, says; returns the exit status. */
int client_report(const sd_bus_error *error, int r);

/* The message for a negative errno that is not the bus's; returns EXIT_FAILURE. */
int client_report_errno(int r, const char *what);

/* Prints a document on standard output: 0, or the exit status after a message. */
int client_print_json(const json_t *document);
