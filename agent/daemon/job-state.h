/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How far a job is. */

#include <errno.h>

typedef enum JobState {
        JOB_QUEUED,
        JOB_RUNNING,
        JOB_SECURED, /* the point in time is taken */
        JOB_DONE,
        JOB_FAILED,
        JOB_CANCELLED,
        JOB_STATE_MAX,
        JOB_STATE_INVALID = -EINVAL,
} JobState;

extern const char *const job_state_names[JOB_STATE_MAX];

/* The state of a job that has ended by its name; JOB_STATE_INVALID for all others. */
JobState job_result_from_name(const char *name);
