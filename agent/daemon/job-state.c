/* SPDX-License-Identifier: Apache-2.0 */
/* How far a job is. */

#include "daemon/job-state.h"

#include "base/text.h"

const char *const job_state_names[JOB_STATE_MAX] = {
        [JOB_QUEUED] = "queued",
        [JOB_RUNNING] = "running",
        [JOB_SECURED] = "secured",
        [JOB_DONE] = "done",
        [JOB_FAILED] = "failed",
        [JOB_CANCELLED] = "cancelled",
};

JobState job_result_from_name(const char *name)
{
        for (JobState state = JOB_DONE; state <= JOB_CANCELLED; state++)
                if (streq(job_state_names[state], name))
                        return state;
        return JOB_STATE_INVALID;
}
