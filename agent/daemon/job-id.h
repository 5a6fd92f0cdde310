/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Names of jobs: "j-20261123T104400Z-1f9a3c", unique, and in the order of their time. */

#include <stdbool.h>

int job_id_new(char **ret);

/* Safe as a file name and as part of an object path. */
bool job_id_is_valid(const char *id);

#define JOB_PATH_PREFIX "/org/quiesced1/job"

/* The object of the job on the bus. */
int job_id_path(const char *id, char **ret);
