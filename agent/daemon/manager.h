/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Everything the daemon holds: its jobs in their order, participants, pending questions. */

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "daemon/inhibit.h"
#include "daemon/job.h"
#include "daemon/looks.h"
#include "daemon/policy.h"
#include "daemon/question.h"
#include "daemon/settings.h"
#include "daemon/shutdown.h"
#include "daemon/survey.h"
#include "daemon/unfinished.h"

typedef struct Manager {
        Settings settings;
        sd_event *event;
        sd_bus *bus;
        Policy policy;
        Inhibitors inhibitors;
        Shutdown shutdown;
        Survey survey;
        Questions questions;
        Unfinished unfinished;
        Looks looks;
        Job **jobs; /* oldest first; the queue is what is queued among them */
        size_t n_jobs;
        Job *running; /* the one that has the use of this host, until it is only followed */
        Job *preparing;
        bool undo_prepare; /* whom it concerns was told to get quiet */
        Job *frozen;
        json_t *last_bake;
        bool stopping;
        sd_event_source *stop_source;
} Manager;

/* `event` and `bus` are referenced. */
int manager_new(sd_event *event, sd_bus *bus, const Settings *settings, Manager **ret);
Manager *manager_free(Manager *manager);
DEFINE_CLEANUP(Manager *, manager_free)

/* Takes up the records of earlier jobs, resumes what is unfinished, and surveys the machine. */
int manager_start(Manager *manager);

/* Ends running work, which may take a while, and then the event loop. */
void manager_stop(Manager *manager);

/* A job on the bus and in the queue; manager_next() begins those that can begin. */
int manager_add_job(Manager *manager, const JobRequest *request, Job **ret);
void manager_next(Manager *manager);

/*
 * Ends a job, see job_cancel(). One that has ended and left its record unfinished is taken up for that,
 * rather than whenever it may do what it could not. -EALREADY: nothing of it is left to be ended.
 */
int manager_cancel(Manager *manager, Job *job);

Job *manager_find_job(const Manager *manager, const char *id);
