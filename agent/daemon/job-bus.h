/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A job's face on the bus: its object, and the method calls that wait for it. */

#include <systemd/sd-bus.h>

#include "daemon/job.h"

/* How far a job must be before the call that began it is answered. */
typedef enum JobWait {
        JOB_WAIT_QUEUED,
        JOB_WAIT_SECURED,
        JOB_WAIT_COMPLETED,
        JOB_WAIT_FROZEN, /* answered by job_face_held() */
        JOB_WAIT_MAX,
        JOB_WAIT_INVALID = -EINVAL,
} JobWait;

JobWait job_wait_from_name(const char *name);

/*
 * Exports the job's object, which owns this face from then on. `cancel` handles its only method,
 * and gets the userdata of the job.
 */
int job_face_new(sd_bus *bus, Job *job, sd_bus_message_handler_t cancel);

/* Takes the object off the bus. What still waits is answered with an error. */
JobFace *job_face_free(JobFace *face);
DEFINE_CLEANUP(JobFace *, job_face_free)

/* Answers the message when the job has come as far as `until`, or has failed before. */
int job_face_answer_later(JobFace *face, sd_bus_message *message, JobWait until);

/* The job has changed: tells the bus, and answers those whose time has come. */
void job_face_changed(JobFace *face, const char *const *properties);

/* Answers the call of Freeze with a descriptor: what it holds is thawed when it is closed. */
int job_face_held(JobFace *face, sd_event *event);

/* The freeze is over: the holder sees the end of its descriptor. */
void job_face_released(JobFace *face);
