/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One job: one worker process, and what it has told so far. */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/answer.h"
#include "base/cleanup.h"
#include "daemon/job-owner.h"
#include "daemon/job-state.h"
#include "daemon/worker-link.h"

struct Job {
        const JobOwner *owner;
        void *userdata;
        JobFace *face; /* on the bus; its owner's business */
        char *id;
        char *path;
        char *verb;
        char *kind;
        char *profile;
        char *name;
        char *log_field;
        json_t *options;
        json_t *ids; /* of what it is about, NULL if it is about this host */
        bool may_reboot; /* who asked may reboot this host */
        JobState state;
        char *step;
        uint64_t percent;
        char *image;
        json_t *snapshots;
        char *consistency;
        uint64_t frozen_usec;
        json_t *phases;
        json_t *participants;
        Answer details;
        char *error;
        char *message;
        uint64_t created_usec; /* realtime */
        uint64_t finished_usec;
        sd_event *event;
        WorkerLink *link;
        uint64_t silence_max_usec; /* of a worker, before it counts as hung; 0: never */
        bool syncing; /* its worker waits for disks, which takes what it takes */
        JobState outcome; /* what the worker's result said; JOB_STATE_INVALID before */
        bool undo_prepare;
        bool undo_frozen;
        bool beside_frozen; /* another job has frozen, and its worker may have to wait for the thaw */
        bool cutting; /* has frozen, and has no point in time on record yet */
        bool rebooting; /* its call may be out, and this host go down for it */
        bool followed; /* what is left to do is to wait for EC2, beside whatever this host does */
        bool cancelling;
        bool stopping; /* with the daemon: no second worker */
        bool awaited; /* it was cancelled before that, and may end so */
        bool unfinished; /* it has ended, and its record has not: it is taken up again */
};

int job_new(const JobRequest *request, const JobOwner *owner, void *userdata, Job **ret);

/* From an earlier run's record: finished, or queued to be resumed. */
int job_new_from_record(const json_t *record, const JobOwner *owner, void *userdata, Job **ret);
Job *job_free(Job *job);
DEFINE_CLEANUP(Job *, job_free)

static inline bool job_is_finished(const Job *job)
{
        return job->state >= JOB_DONE;
}

/* It takes a point in time of this host and keeps it. */
bool job_bakes(const Job *job);

/* It may delete what was made earlier. */
bool job_deletes(const Job *job);

/*
 * Whether it has something to do with this host, of which one job at a time has the use: all but one
 * whose record is past the point in time. `record` may be NULL, for one that has none.
 */
bool job_record_needs_host(const json_t *record);

/* Gives it its worker. A failure ends the job as well, through `ended`. */
void job_start(Job *job, sd_event *event);

/* Whether its record is left unfinished by its worker; reads it. */
bool job_leaves_record(const Job *job);

/* One that has ended goes back into the queue, to be resumed from its record. 0 or -ENOMEM. */
int job_take_up(Job *job);

/* A worker that hangs is killed, as far as it can be told from one that waits: see WorkerSilenceSec=. */
void job_watch(Job *job);

/* The participants have agreed, or not: an array of {"who", "agreed"}. */
void job_prepared(Job *job, const json_t *participants);

/*
 * The answer to the wish of this serial: what a look for several jobs has seen, which is taken over.
 * NULL: its worker has to look for itself. The other one says that such a look is to come.
 */
void job_seen(Job *job, uint64_t serial, json_t *sight);
void job_sees_later(Job *job, uint64_t serial);

/*
 * A queued job ends at once; a running one undoes what it did, and then ends. One that is to be resumed
 * has its record ended by a worker, for which a deletion does not wait until it has the host.
 */
void job_cancel(Job *job);

/* The freeze that it holds for someone else is not needed any more. */
void job_thaw(Job *job);

/*
 * The daemon ends: cancels what has not frozen yet; what has gets as far as its point in time, and
 * is left to be resumed.
 */
void job_stop(Job *job);

/* Its profile, or the name of its image; "" if it has neither. */
const char *job_subject(const Job *job);

/* What a finished job came to. */
json_t *job_summary(const Job *job);
