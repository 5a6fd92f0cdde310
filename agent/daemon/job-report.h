/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a worker reports, taken into its job. */

#include "daemon/job.h"

void job_report(Job *job, const json_t *report);

/* The results that a worker reports and a record keeps: images, snapshots, errors. */
void job_take_results(Job *job, const json_t *object);

/* Tells the owner that what was frozen or asked to be quiet is so no longer; may be repeated. */
void job_rest(Job *job);
