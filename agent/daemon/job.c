/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One job: one worker process, and what it has told so far.
 *
 *   queued --> running --> secured --> done
 *      |         |  \________________> failed      a worker that dies without a result is followed
 *      |_________|___________________> cancelled   by one that resumes the job's record, once
 *
 * From secured on it is `followed`: the host is free for the next one. So is one that is taken back,
 * and one that publishes, verifies or deletes what was made earlier.
 */

#include "daemon/job.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/errors.h"
#include "daemon/history.h"
#include "daemon/job-id.h"
#include "daemon/job-report.h"

/* What options and profiles allow as a budget. */
#define FREEZE_MAX_USEC (30 * USEC_PER_SEC)

static int copy_string(const char *value, char **ret)
{
        return value ? string_replace(ret, value) : 0;
}

/* All but its id, which is either fresh or a record's. */
static int job_allocate(const JobRequest *request, const JobOwner *owner, void *userdata, Job **ret)
{
        _cleanup_(job_freep) Job *job = calloc(1, sizeof(*job));

        if (!job)
                return -ENOMEM;
        *job = (Job){
                .owner = owner,
                .userdata = userdata,
                .outcome = JOB_STATE_INVALID,
                .options = json_incref(request->options),
                .ids = json_incref(request->ids),
                .may_reboot = request->may_reboot,
                .created_usec = clock_realtime_usec(),
        };
        if (copy_string(request->verb, &job->verb) < 0 ||
                copy_string(request->kind, &job->kind) < 0 ||
                copy_string(request->profile, &job->profile) < 0 ||
                copy_string(request->name, &job->name) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(job);
        return 0;
}

static int job_set_id(Job *job, const char *id)
{
        if (string_replace(&job->id, id) < 0 || string_printf(&job->log_field, "JOB_ID=%s", id) < 0)
                return -ENOMEM;
        return job_id_path(id, &job->path);
}

int job_new(const JobRequest *request, const JobOwner *owner, void *userdata, Job **ret)
{
        _cleanup_(job_freep) Job *job = NULL;
        _cleanup_(freep) char *id = NULL;
        int r;

        r = job_allocate(request, owner, userdata, &job);
        if (r < 0)
                return r;
        r = job_id_new(&id);
        if (r < 0)
                return r;
        r = job_set_id(job, id);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(job);
        return 0;
}

int job_new_from_record(const json_t *record, const JobOwner *owner, void *userdata, Job **ret)
{
        _cleanup_(job_freep) Job *job = NULL;
        const JobRequest request = {
                .verb = "resume",
                .kind = json_get_string(record, "kind", "bake"),
                .profile = json_get_string(record, "profile", NULL),
                .name = json_get_string(record, "name", json_get_string(record, "subject", NULL)),
        };
        int r;

        r = job_allocate(&request, owner, userdata, &job);
        if (r < 0)
                return r;
        r = job_set_id(job, json_get_string(record, "id", ""));
        if (r < 0)
                return r;
        job_take_results(job, record);
        job->created_usec = json_get_u64(record, "started-usec", 0);
        job->finished_usec = json_get_u64(record, "finished-usec", 0);
        job->followed = !job_record_needs_host(record);
        if (history_is_finished(record))
                job->state = job_result_from_name(json_get_string(record, "state", ""));
        *ret = TAKE_PTR(job);
        return 0;
}

Job *job_free(Job *job)
{
        if (!job)
                return NULL;
        (void)worker_link_free(job->link);
        (void)sd_event_unref(job->event);
        json_decref(job->options);
        json_decref(job->ids);
        answer_done(&job->details);
        json_decref(job->snapshots);
        json_decref(job->phases);
        json_decref(job->participants);
        free(job->id);
        free(job->path);
        free(job->verb);
        free(job->kind);
        free(job->profile);
        free(job->name);
        free(job->log_field);
        free(job->step);
        free(job->image);
        free(job->consistency);
        free(job->error);
        free(job->message);
        free(job);
        return NULL;
}

static void job_finish(Job *job, JobState state)
{
        job->state = state;
        job->finished_usec = clock_realtime_usec();
        log_struct(state == JOB_FAILED ? LOG_ERR : LOG_NOTICE, 0, LOG_FIELDS(job->log_field),
                "%s: %s%s%s", job->id, job_state_names[state], job->message ? ": " : "",
                job->message ? job->message : "");
        job->owner->ended(job->userdata, job);
}

static void job_fail(Job *job, const char *error, const char *message)
{
        (void)string_replace(&job->error, error);
        (void)string_replace(&job->message, message);
        job_finish(job, JOB_FAILED);
}

static void job_worker_died(Job *job, const char *how)
{
        _cleanup_(freep) char *message = NULL;

        (void)string_printf(&message,
                "The worker ended without a result: %s. See journalctl JOB_ID=%s%s", how, job->id,
                job->stopping ? "; what it had begun is finished when quiesced starts again" : "");
        job_fail(job, ERROR_WORKER_DIED, message ? message : how);
}

/* A record that is not finished tells of something in the cloud that nobody else looks after. */
bool job_leaves_record(const Job *job)
{
        _cleanup_(json_decrefp) json_t *record = NULL;

        return !streq(job->kind, "freeze") && history_read(job->id, &record) >= 0 &&
                !history_is_finished(record);
}

/* An image by reboot that is taken back may still have this host rebooted. */
bool job_record_needs_host(const json_t *record)
{
        const char *state = json_get_string(record, "state", "");

        if (streq(state, "undoing"))
                return streq(json_get_string(record, "method", ""), "reboot");
        return !streq(state, "cut") && !streq(state, "made") && !streq(state, "removing");
}

static bool job_can_resume(const Job *job)
{
        return !job->stopping && !streq(job->verb, "resume") && job_leaves_record(job);
}

static void job_worker_ended(Job *job, const char *how)
{
        job->link = worker_link_free(job->link);
        job->owner->wish(job->userdata, job, NULL);
        job->cutting = false;
        job_rest(job);
        if (job->outcome >= 0) {
                job_finish(job, job->outcome);
                return;
        }
        if (job_can_resume(job) && string_replace(&job->verb, "resume") >= 0) {
                log_struct(LOG_WARNING, 0, LOG_FIELDS(job->log_field),
                        "%s: the worker ended (%s); another one goes on from the job's record",
                        job->id, how);
                job_start(job, job->event);
                return;
        }
        job_worker_died(job, how);
}

static void set_string(json_t *object, const char *key, const char *value)
{
        if (value)
                (void)json_object_set_new(object, key, json_string(value));
}

static json_t *job_request(const Job *job)
{
        json_t *request = json_pack("{s:s, s:s, s:s, s:b}", "verb", job->verb, "job", job->id,
                "kind", job->kind, "may-reboot", job->may_reboot);

        set_string(request, "profile", job->profile);
        set_string(request, "name", job->name);
        if (job->ids)
                (void)json_object_set(request, "ids", job->ids);
        if (job->options)
                (void)json_object_set(request, "options", job->options);
        else
                (void)json_object_set_new(request, "options", json_object());
        return request;
}

static void worker_report(void *userdata, const json_t *report)
{
        job_report(userdata, report);
}

static void worker_ended(void *userdata, const char *how)
{
        job_worker_ended(userdata, how);
}

static const WorkerEvents worker_events = { worker_report, worker_ended };

/*
 * Before the freeze it brings the disks up to date and may be silent for long, unless someone wants
 * it to end. One that hangs in the window is left to the freezer's deadline first; and in that of
 * another job it may write its record to a file system that is frozen.
 */
void job_watch(Job *job)
{
        uint64_t silence_usec = job->silence_max_usec;

        if (!job->link)
                return;
        if (silence_usec > 0 && (job->undo_frozen || job->beside_frozen))
                silence_usec += FREEZE_MAX_USEC;
        else if (job->syncing && !job->cancelling)
                silence_usec = 0;
        worker_link_watch(job->link, silence_usec);
}

void job_start(Job *job, sd_event *event)
{
        _cleanup_(json_decrefp) json_t *request = job_request(job);
        _cleanup_(freep) char *message = NULL;
        int r;

        if (!job->event)
                job->event = sd_event_ref(event);
        job->state = JOB_RUNNING;
        job->syncing = false;
        answer_done(&job->details); /* a worker that resumes the job tells all of them */
        r = worker_link_new(event, request, &worker_events, job, &job->link);
        if (r >= 0) {
                job_watch(job);
                if (job->cancelling)
                        (void)worker_link_request(job->link, "cancel");
                job->owner->changed(job->userdata, job, (const char *const[]){ "State", NULL });
                return;
        }
        (void)string_printf(&message, "The worker could not be started: %s", strerror(-r));
        job_fail(job, ERROR_WORKER_DIED, message ? message : "The worker could not be started");
}

int job_take_up(Job *job)
{
        _cleanup_(json_decrefp) json_t *record = NULL;

        (void)history_read(job->id, &record);
        job->followed = !job_record_needs_host(record);
        if (string_replace(&job->verb, "resume") < 0)
                return -ENOMEM;
        job->state = JOB_QUEUED;
        job->outcome = JOB_STATE_INVALID;
        job->finished_usec = 0;
        job->cancelling = false;
        job->unfinished = false;
        free(job->error);
        free(job->message);
        job->error = job->message = NULL;
        job->owner->changed(job->userdata, job,
                (const char *const[]){ "State", "Result", "Error", "Message", "FinishedUSec", NULL });
        return 0;
}

static size_t count_agreed(const json_t *participants)
{
        size_t n = 0;

        for (size_t i = 0; i < json_array_size(participants); i++)
                n += json_get_bool(json_array_get(participants, i), "agreed", false);
        return n;
}

void job_prepared(Job *job, const json_t *participants)
{
        size_t n = json_array_size(participants), agreed = count_agreed(participants);
        _cleanup_(json_decrefp) json_t *reply = NULL;

        json_decref(job->participants);
        job->participants = json_incref((json_t *)participants);
        job->owner->changed(job->userdata, job, (const char *const[]){ "Participants", NULL });
        reply = json_pack("{s:s, s:I, s:I}", "reply", "prepared", "participants", (json_int_t)n,
                "agreed", (json_int_t)agreed);
        if (job->link && (!reply || worker_link_send(job->link, reply) < 0))
                worker_link_kill(job->link);
}

static void answer_wish(Job *job, json_t *answer)
{
        _cleanup_(json_decrefp) json_t *reply = answer;

        if (job->link && reply && worker_link_send(job->link, reply) < 0)
                worker_link_kill(job->link);
}

void job_seen(Job *job, uint64_t serial, json_t *sight)
{
        answer_wish(job,
                json_pack("{s:s, s:I, s:o*}", "reply", "look", "serial", (json_int_t)serial,
                        "sight", sight));
}

void job_sees_later(Job *job, uint64_t serial)
{
        answer_wish(job,
                json_pack("{s:s, s:I, s:b}", "reply", "look", "serial", (json_int_t)serial,
                        "later", true));
}

static bool kind_is_of(const Job *job, const char *const *kinds)
{
        for (; *kinds; kinds++)
                if (streq(job->kind, *kinds))
                        return true;
        return false;
}

bool job_bakes(const Job *job)
{
        return kind_is_of(job, (const char *const[]){ "image", "snapshots", "bake", NULL });
}

bool job_deletes(const Job *job)
{
        return kind_is_of(job, (const char *const[]){ "deregister", "prune", "orphans", NULL });
}

void job_cancel(Job *job)
{
        if (job_is_finished(job) || job->cancelling)
                return;
        job->cancelling = true;
        if (job->link) {
                (void)worker_link_request(job->link, "cancel");
                job_watch(job);
                return;
        }
        if (streq(job->verb, "resume")) {
                /* Its worker has something to take back, and that of a deletion only a record to end. */
                job->followed = job->followed || job_deletes(job);
                return;
        }
        (void)string_replace(&job->error, ERROR_CANCELLED);
        (void)string_replace(&job->message, "Cancelled before it began");
        job_finish(job, JOB_CANCELLED);
}

void job_thaw(Job *job)
{
        if (job->link)
                (void)worker_link_request(job->link, "thaw");
}

/* At any point: from its record it is gone on with. A cancel would end it halfway. */
static bool can_be_left(const Job *job)
{
        return job->state == JOB_SECURED || job->followed || job->rebooting ||
                streq(job->verb, "resume") || job_deletes(job) ||
                kind_is_of(job, (const char *const[]){ "verify", "publish", NULL });
}

/*
 * A cancel takes back what was cut: right before the freeze, a loss after it. The freeze ends by its
 * own budget; whatever comes between its thaw and the point in time is not waited for long.
 */
void job_stop(Job *job)
{
        job->stopping = true;
        job->awaited = job->link && job->cancelling && can_be_left(job);
        if (job->awaited)
                worker_link_expect_end(job->link); /* killed, it would be gone on with */
        else if (job->link && can_be_left(job))
                worker_link_kill(job->link);
        else if (job->cutting && !job->undo_frozen)
                worker_link_expect_end(job->link);
        else if (!job->cutting && !streq(job->verb, "resume"))
                job_cancel(job);
}

const char *job_subject(const Job *job)
{
        if (job->profile)
                return job->profile;
        return job->name ? job->name : "";
}

json_t *job_summary(const Job *job)
{
        json_t *summary = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "job", job->id, "kind",
                job->kind, "result", job_state_names[job->state], "frozen-usec",
                (json_int_t)job->frozen_usec, "started-usec", (json_int_t)job->created_usec,
                "finished-usec", (json_int_t)job->finished_usec);

        set_string(summary, "profile", job->profile);
        set_string(summary, "name", job->name);
        set_string(summary, "image", job->image);
        set_string(summary, "consistency", job->consistency);
        set_string(summary, "error", job->error);
        set_string(summary, "message", job->message);
        if (job->snapshots)
                (void)json_object_set(summary, "snapshots", job->snapshots);
        return summary;
}
