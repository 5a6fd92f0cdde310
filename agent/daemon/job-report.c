/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker reports, taken into its job. */

#include "daemon/job-report.h"

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/errors.h"

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void changed(Job *job, const char *const *properties)
{
        job->owner->changed(job->userdata, job, properties);
}

static void take_string(char **target, const json_t *object, const char *key)
{
        const char *value = json_get_string(object, key, NULL);

        if (value)
                (void)string_replace(target, value);
}

static void take_array(json_t **target, const json_t *object, const char *key)
{
        json_t *value = json_object_get(object, key);

        if (!json_is_array(value))
                return;
        json_decref(*target);
        *target = json_incref(value);
}

static void take_error(Job *job, const json_t *object)
{
        const char *word = json_get_string(object, "error", "");
        char *name;

        if (!*word || error_name(word, &name) < 0)
                return;
        free(job->error);
        job->error = name;
}

/* In one piece, as a record has them, or in several. What is too long is not told by halves. */
static void take_details(Job *job, const json_t *piece)
{
        bool begun = job->details.object;

        if (piece && answer_join(&job->details, piece) < 0 && begun)
                log_struct(LOG_WARNING, 0, LOG_FIELDS(job->log_field),
                        "%s: its details are too long to be shown; its record has them", job->id);
}

void job_take_results(Job *job, const json_t *object)
{
        take_string(&job->image, object, "image");
        take_array(&job->snapshots, object, "snapshots");
        take_string(&job->consistency, object, "consistency");
        job->frozen_usec = json_get_u64(object, "frozen-usec", job->frozen_usec);
        take_error(job, object);
        take_string(&job->message, object, "message");
        take_details(job, json_object_get(object, "details"));
}

/* It has nothing else to tell. */
static void report_alive(Job *job, const json_t *report)
{
}

static void report_step(Job *job, const json_t *report)
{
        take_string(&job->step, report, "step");
        job->syncing = streq_ptr(job->step, "quiesce");
        job_watch(job);
        changed(job, NAMES("Step"));
}

static void report_facts(Job *job, const json_t *report)
{
        job->owner->facts(job->userdata, report);
}

/* EC2 had refused its request, and it would freeze once more. */
static void cut_failed(Job *job)
{
        job->cutting = false;
        if (job->stopping)
                job_cancel(job);
}

static void report_prepare(Job *job, const json_t *report)
{
        job->rebooting = false;
        if (job->cutting)
                cut_failed(job);
        if (job->undo_prepare || job->followed)
                return;
        job->undo_prepare = true;
        job->owner->prepare(job->userdata, job);
}

static void report_freezing(Job *job, const json_t *report)
{
        if (job->undo_frozen || job->followed)
                return;
        job->undo_frozen = true;
        job->cutting = !streq(job->kind, "freeze");
        job_watch(job);
        job->owner->frozen(job->userdata, job, true);
}

static void report_frozen(Job *job, const json_t *report)
{
        if (streq(job->kind, "freeze"))
                job->owner->held(job->userdata, job);
}

void job_rest(Job *job)
{
        if (job->undo_frozen) {
                job->undo_frozen = false;
                job->owner->frozen(job->userdata, job, false);
        }
        if (job->undo_prepare) {
                job->undo_prepare = false;
                job->owner->released(job->userdata, job);
        }
}

/* Nothing of it is delayed any more: the next that comes is the shutdown that it asked for. */
static void report_rebooting(Job *job, const json_t *report)
{
        job->rebooting = true;
        job_rest(job);
}

static void report_thawed(Job *job, const json_t *report)
{
        json_t *phases = json_object_get(report, "phases");

        job->frozen_usec = json_get_u64(report, "frozen-usec", job->frozen_usec);
        if (json_is_object(phases)) {
                json_decref(job->phases);
                job->phases = json_incref(phases);
        }
        job->syncing = false;
        job_rest(job);
        if (job->stopping && job->cutting)
                worker_link_expect_end(job->link);
        job_watch(job);
        changed(job, NAMES("FrozenUSec", "Phases"));
}

/* The next one may have this host. */
static void let_go(Job *job)
{
        if (job->followed || job->undo_frozen)
                return;
        job_rest(job);
        job->followed = true;
        job->owner->followed(job->userdata, job);
}

static void report_secured(Job *job, const json_t *report)
{
        job_take_results(job, report);
        job->state = JOB_SECURED;
        log_struct(LOG_INFO, 0, LOG_FIELDS(job->log_field), "%s: the point in time is taken%s%s",
                job->id, job->image ? ", image " : "", job->image ? job->image : "");
        changed(job, NAMES("State", "Images", "Snapshots", "Consistency"));
        job->cutting = false;
        if (job->stopping && !job->awaited)
                worker_link_kill(job->link);
        let_go(job);
}

/* It is taken back, or has nothing to do with this host any more. */
static void report_followed(Job *job, const json_t *report)
{
        job->cutting = false;
        let_go(job);
}

static void report_wish(Job *job, const json_t *report)
{
        job->owner->wish(job->userdata, job, report);
}

static void report_progress(Job *job, const json_t *report)
{
        uint64_t percent = json_get_u64(report, "percent", 0);

        /* A worker that resumes the job begins anew, the job does not. */
        if (percent > 100 || percent <= job->percent)
                return;
        job->percent = percent;
        changed(job, NAMES("Progress"));
}

static void report_details(Job *job, const json_t *report)
{
        take_details(job, json_object_get(report, "details"));
        changed(job, NAMES("Details"));
}

/* Taken now, and told when the process is gone: the next job must not meet its remains. */
static void report_result(Job *job, const json_t *report)
{
        job->outcome = job_result_from_name(json_get_string(report, "result", ""));
        job_take_results(job, report);
        worker_link_expect_end(job->link);
}

static const struct {
        const char *name;
        void (*take)(Job *job, const json_t *report);
} reports[] = {
        { "alive", report_alive },
        { "step", report_step },
        { "identity", report_facts },
        { "topology", report_facts },
        { "prepare", report_prepare },
        { "freezing", report_freezing },
        { "rebooting", report_rebooting },
        { "frozen", report_frozen },
        { "thawed", report_thawed },
        { "secured", report_secured },
        { "followed", report_followed },
        { "wish", report_wish },
        { "progress", report_progress },
        { "details", report_details },
        { "result", report_result },
};

void job_report(Job *job, const json_t *report)
{
        const char *name = json_get_string(report, "report", "");

        for (size_t i = 0; i < ELEMENTSOF(reports); i++) {
                if (!streq(reports[i].name, name))
                        continue;
                reports[i].take(job, report);
                return;
        }
        log_debug("%s: a report '%s' that we do not know", job->id, name);
}
