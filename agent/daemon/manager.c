/* SPDX-License-Identifier: Apache-2.0 */
/* Everything the daemon holds: its jobs in their order, participants, pending questions. */

#include "daemon/manager.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/history.h"
#include "daemon/job-bus.h"
#include "daemon/manager-bus.h"
#include "daemon/queue.h"

/*
 * Long enough for the longest freeze and for what follows it, or to delete what was cut;
 * quiesced.service gives us 45 s.
 */
#define STOP_LIMIT_USEC (40 * USEC_PER_SEC)

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

Job *manager_find_job(const Manager *manager, const char *id)
{
        for (size_t i = 0; i < manager->n_jobs; i++)
                if (streq(manager->jobs[i]->id, id))
                        return manager->jobs[i];
        return NULL;
}

static void survey_changed(void *userdata, const char *const *properties)
{
        manager_bus_changed(userdata, properties);
}

static void job_changed(void *userdata, Job *job, const char *const *properties)
{
        job_face_changed(job->face, properties);
}

static void job_facts(void *userdata, const json_t *report)
{
        Manager *manager = userdata;

        survey_take(&manager->survey, report);
}

static void participants_ready(void *userdata, const json_t *participants)
{
        Manager *manager = userdata;

        for (size_t i = 0; i < json_array_size(participants); i++) {
                const json_t *one = json_array_get(participants, i);
                bool agreed = json_get_bool(one, "agreed", false);

                log_struct(agreed ? LOG_INFO : LOG_WARNING, 0,
                        LOG_FIELDS(manager->preparing->log_field), "%s: '%s' %s",
                        manager->preparing->id, json_get_string(one, "who", ""),
                        agreed ? "is quiet" : "did not release its lock in time");
        }
        job_prepared(manager->preparing, participants);
}

static void begin_round(void *userdata)
{
        Manager *manager = userdata;
        Job *job = manager->preparing;
        int r;

        manager->undo_prepare = true;
        manager_bus_prepare(manager, true, job);
        r = inhibitors_gather(&manager->inhibitors, manager->settings.inhibit_delay_max_usec,
                participants_ready, manager);
        if (r >= 0)
                return;
        /* Nobody was asked in earnest; the worker must not wait for an answer that never comes. */
        (void)log_warning_errno(r, "%s: failed to wait for the participants: %m", job->id);
        inhibitors_forget(&manager->inhibitors);
        job_prepared(job, NULL);
}

/* What is frozen stays so until its own end, which the lock waits for. */
static void shutdown_coming(void *userdata)
{
        Manager *manager = userdata;
        Job *job = manager->preparing;

        if (manager->frozen == job || job->cancelling)
                return;
        log_struct(LOG_NOTICE, 0, LOG_FIELDS(job->log_field),
                "%s: cancelled before its freeze, since this machine is about to shut down or sleep",
                job->id);
        job_cancel(job);
}

static const ShutdownEvents shutdown_events = { begin_round, shutdown_coming };

static void job_prepare(void *userdata, Job *job)
{
        Manager *manager = userdata;

        manager->preparing = job;
        shutdown_delay(&manager->shutdown);
}

/* What is not finished yet names what is left in the cloud: the next start takes it up again. */
static void forget_record(const char *id)
{
        _cleanup_(json_decrefp) json_t *record = NULL;

        if (history_read(id, &record) >= 0 && history_is_finished(record))
                (void)history_remove(id);
}

static void forget_job(Manager *manager, size_t index)
{
        Job *job = manager->jobs[index];

        manager->n_jobs--;
        for (size_t i = index; i < manager->n_jobs; i++)
                manager->jobs[i] = manager->jobs[i + 1];
        forget_record(job->id);
        (void)job_face_free(job->face);
        (void)job_free(job);
}

/* The one that ended first goes first: who waits for the last one still reads it. */
static void forget_old_jobs(Manager *manager)
{
        while (!manager->frozen) { /* the records may be frozen, too, and we must not wait for them */
                size_t n_finished = 0, oldest = SIZE_MAX;

                for (size_t i = 0; i < manager->n_jobs; i++) {
                        if (!job_is_finished(manager->jobs[i]) || manager->jobs[i]->unfinished)
                                continue;
                        n_finished++;
                        if (oldest == SIZE_MAX ||
                                manager->jobs[i]->finished_usec <
                                        manager->jobs[oldest]->finished_usec)
                                oldest = i;
                }
                if (n_finished <= manager->settings.max_jobs_kept)
                        return;
                forget_job(manager, oldest);
        }
}

static void watch_others(Manager *manager, const Job *frozen)
{
        for (size_t i = 0; i < manager->n_jobs; i++) {
                Job *job = manager->jobs[i];

                job->beside_frozen = frozen && job != frozen;
                job_watch(job);
        }
}

static void job_frozen(void *userdata, Job *job, bool frozen)
{
        Manager *manager = userdata;

        manager->frozen = frozen ? job : NULL;
        watch_others(manager, manager->frozen);
        manager_bus_changed(manager, NAMES("Frozen"));
        if (frozen) {
                log_hold();
                policy_hold(&manager->policy);
                return;
        }
        log_release();
        job_face_released(job->face);
        policy_release(&manager->policy);
        forget_old_jobs(manager);
}

static void job_held(void *userdata, Job *job)
{
        Manager *manager = userdata;

        if (job_face_held(job->face, manager->event) < 0)
                job_thaw(job);
}

static void job_released(void *userdata, Job *job)
{
        Manager *manager = userdata;

        shutdown_release(&manager->shutdown);
        inhibitors_forget(&manager->inhibitors);
        manager->preparing = NULL;
        if (manager->undo_prepare)
                manager_bus_prepare(manager, false, job);
        manager->undo_prepare = false;
}

/* They end in another order than they began. */
static void remember_last(Manager *manager, const Job *job)
{
        if (!job_bakes(job) ||
                json_get_u64(manager->last_bake, "finished-usec", 0) > job->finished_usec)
                return;
        json_decref(manager->last_bake);
        manager->last_bake = job_summary(job);
}

/* What could not be ended now, for want of a network or of a permission, may be so later. */
static void note_unfinished(Manager *manager)
{
        for (size_t i = 0; i < manager->n_jobs; i++) {
                if (!manager->jobs[i]->unfinished)
                        continue;
                unfinished_note(&manager->unfinished);
                return;
        }
        unfinished_forget(&manager->unfinished);
}

static int take_up(Manager *manager, Job *job)
{
        int r = job_take_up(job);

        if (r < 0)
                return r;
        log_struct(LOG_NOTICE, 0, LOG_FIELDS(job->log_field), "%s: taken up again", job->id);
        manager_bus_job_new(manager, job);
        return 0;
}

static void take_up_unfinished(void *userdata)
{
        Manager *manager = userdata;

        for (size_t i = 0; !manager->stopping && i < manager->n_jobs; i++)
                if (manager->jobs[i]->unfinished)
                        (void)take_up(manager, manager->jobs[i]);
        manager_bus_changed(manager, NAMES("NRunningJobs"));
        manager_next(manager);
}

static void job_followed(void *userdata, Job *job)
{
        Manager *manager = userdata;

        queue_let_host_go(manager);
        if (!manager->stopping)
                manager_next(manager);
}

/* A job that is alone with its wait has nobody to share a look with. */
static void job_wish(void *userdata, Job *job, const json_t *report)
{
        Manager *manager = userdata;

        if (!report)
                looks_forget(&manager->looks, job);
        else if (queue_count_followed(manager) > 1)
                looks_wish(&manager->looks, job, report);
        else
                job_seen(job, json_get_u64(report, "serial", 0), NULL);
}

static void job_ended(void *userdata, Job *job)
{
        Manager *manager = userdata;

        if (manager->running == job)
                manager->running = NULL;
        queue_let_host_go(manager);
        if (queue_count_followed(manager) < 2)
                looks_rest(&manager->looks);
        job->unfinished = job_leaves_record(job); /* one that is done: retention left something */
        remember_last(manager, job);
        job_face_changed(job->face, NAMES("State", "Result", "Images", "Snapshots", "Consistency",
                                            "FrozenUSec", "Details", "Error", "Message",
                                            "FinishedUSec"));
        manager_bus_job_removed(manager, job);
        manager_bus_changed(manager, NAMES("LastBake", "NRunningJobs"));
        forget_old_jobs(manager);
        note_unfinished(manager);
        if (!manager->stopping)
                manager_next(manager);
        else if (!queue_is_at_work(manager))
                (void)sd_event_exit(manager->event, 0);
}

static const JobOwner job_owner = {
        .changed = job_changed,
        .facts = job_facts,
        .prepare = job_prepare,
        .frozen = job_frozen,
        .held = job_held,
        .released = job_released,
        .followed = job_followed,
        .wish = job_wish,
        .ended = job_ended,
};

int manager_new(sd_event *event, sd_bus *bus, const Settings *settings, Manager **ret)
{
        _cleanup_(manager_freep) Manager *manager = calloc(1, sizeof(*manager));

        if (!manager)
                return -ENOMEM;
        manager->settings = *settings;
        manager->event = sd_event_ref(event);
        manager->bus = sd_bus_ref(bus);
        policy_init(&manager->policy, bus);
        inhibitors_init(&manager->inhibitors, event);
        shutdown_init(&manager->shutdown, bus, &shutdown_events, manager);
        survey_init(&manager->survey, event, survey_changed, manager);
        questions_init(&manager->questions, event);
        looks_init(&manager->looks, event, settings->worker_silence_usec);
        unfinished_init(&manager->unfinished, event, take_up_unfinished, manager);
        manager->unfinished.first_usec = settings->resume_delay_usec;
        *ret = TAKE_PTR(manager);
        return 0;
}

Manager *manager_free(Manager *manager)
{
        if (!manager)
                return NULL;
        (void)sd_event_source_disable_unref(manager->stop_source);
        policy_done(&manager->policy);
        inhibitors_done(&manager->inhibitors);
        shutdown_done(&manager->shutdown);
        survey_done(&manager->survey);
        questions_done(&manager->questions);
        unfinished_done(&manager->unfinished);
        looks_done(&manager->looks);
        for (size_t i = 0; i < manager->n_jobs; i++) {
                (void)job_face_free(manager->jobs[i]->face);
                (void)job_free(manager->jobs[i]);
        }
        free(manager->jobs);
        json_decref(manager->last_bake);
        (void)sd_bus_unref(manager->bus);
        (void)sd_event_unref(manager->event);
        free(manager);
        return NULL;
}

/* Takes the job over on success. */
static int adopt(Manager *manager, Job *job)
{
        Job **slot;
        int r;

        job->silence_max_usec = manager->settings.worker_silence_usec;
        r = job_face_new(manager->bus, job, manager_bus_cancel);
        if (r < 0)
                return r;
        slot = ARRAY_ADD(manager->jobs, manager->n_jobs);
        if (!slot) {
                job->face = job_face_free(job->face);
                return -ENOMEM;
        }
        *slot = job;
        return 0;
}

int manager_add_job(Manager *manager, const JobRequest *request, Job **ret)
{
        _cleanup_(job_freep) Job *job = NULL;
        int r;

        r = job_new(request, &job_owner, manager, &job);
        if (r < 0)
                return r;
        r = adopt(manager, job);
        if (r < 0)
                return r;
        manager_bus_job_new(manager, job);
        manager_bus_changed(manager, NAMES("NRunningJobs"));
        log_struct(LOG_INFO, 0, LOG_FIELDS(job->log_field), "%s: %s%s%s", job->id, job->kind,
                *job_subject(job) ? " " : "", job_subject(job));
        *ret = TAKE_PTR(job);
        return 0;
}

/* One that cannot be started ends at once, and begins the next from there. */
void manager_next(Manager *manager)
{
        Job *job;

        while (!manager->stopping && (job = queue_find_next(manager))) {
                if (!job->followed)
                        manager->running = job;
                job_start(job, manager->event);
        }
}

int manager_cancel(Manager *manager, Job *job)
{
        int r;

        if (job_is_finished(job)) {
                if (!job->unfinished || manager->stopping)
                        return -EALREADY;
                r = take_up(manager, job);
                if (r < 0)
                        return r;
                manager_bus_changed(manager, NAMES("NRunningJobs"));
        }
        job_cancel(job);
        manager_next(manager);
        return 0;
}

static int take_up_record(Manager *manager, const char *id)
{
        _cleanup_(json_decrefp) json_t *record = NULL;
        _cleanup_(job_freep) Job *job = NULL;
        int r;

        r = history_read(id, &record);
        if (r < 0)
                return r;
        r = job_new_from_record(record, &job_owner, manager, &job);
        if (r < 0)
                return r;
        r = adopt(manager, job);
        if (r < 0)
                return r;
        if (job_is_finished(job))
                remember_last(manager, job);
        else
                log_struct(LOG_NOTICE, 0, LOG_FIELDS(job->log_field),
                        "%s: unfinished; to be resumed", job->id);
        job = NULL;
        return 0;
}

int manager_start(Manager *manager)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        int r;

        r = history_list(&ids);
        if (r < 0)
                (void)log_warning_errno(r, "Failed to list the records of earlier jobs: %m");
        for (size_t i = 0; i < ids.count; i++) {
                r = take_up_record(manager, ids.items[i]);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        (void)log_warning_errno(
                                r, "Failed to read the record of %s, left alone: %m", ids.items[i]);
        }
        forget_old_jobs(manager);
        r = survey_begin(&manager->survey, NULL);
        if (r < 0)
                (void)log_warning_errno(r, "Failed to start a worker: %m");
        manager_next(manager);
        return 0;
}

static int stop_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        Manager *manager = userdata;

        for (size_t i = 0; i < manager->n_jobs; i++)
                if (manager->jobs[i]->link)
                        log_warning("%s did not end in time", manager->jobs[i]->id);
        return sd_event_exit(manager->event, 0);
}

/* Each end may shorten the list: begin anew after each. */
static void stop_jobs(Manager *manager)
{
        for (size_t i = 0; i < manager->n_jobs;) {
                Job *job = manager->jobs[i];

                if (job_is_finished(job) || job->stopping) {
                        i++;
                        continue;
                }
                job_stop(job);
                i = 0;
        }
}

void manager_stop(Manager *manager)
{
        if (manager->stopping)
                return;
        manager->stopping = true;
        stop_jobs(manager);
        if (!queue_is_at_work(manager)) {
                (void)sd_event_exit(manager->event, 0);
                return;
        }
        (void)sd_event_add_time(manager->event, &manager->stop_source, CLOCK_BOOTTIME,
                clock_usec() + STOP_LIMIT_USEC, 0, stop_over, manager);
}
