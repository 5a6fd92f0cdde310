/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a job is, from its properties (keys as properties_to_json() makes them). */

#include <stdbool.h>

#include "base/json.h"

bool job_is_finished(const json_t *job);
bool job_succeeded(const json_t *job);

/* The point in time is taken: writes no longer matter to it. */
bool job_is_secured(const json_t *job);

/* The object of a job on the bus; 0 or -ENOMEM. */
int job_path(const char *id, char **ret);

/*
 * Adds "details", as an object, if the job at `path` has any: they are no property that comes with
 * the others. 0, or the exit status after a message.
 */
int job_read_details(const char *path, json_t *job);

/* What it made, for people, on standard output; 0 or -ENOMEM. */
int job_print(const json_t *job);

/* Why it failed, on standard error. */
void job_report_failure(const json_t *job);
