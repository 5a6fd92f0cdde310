/* SPDX-License-Identifier: Apache-2.0 */
/* The jobs of the worker, each from its request to its result. */

#include "flow/run.h"

#include <poll.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/complete.h"
#include "flow/cut.h"
#include "flow/identify.h"
#include "flow/labels.h"
#include "flow/orphans-find.h"
#include "flow/pace.h"
#include "flow/prune.h"
#include "flow/publish.h"
#include "flow/publish-again.h"
#include "flow/publish-undo.h"
#include "flow/quiesce.h"
#include "flow/reboot.h"
#include "flow/removal.h"
#include "flow/rest.h"
#include "flow/turn.h"
#include "flow/undo.h"
#include "flow/verify.h"

static int load_profile(Bake *bake, const BakeRequest *request)
{
        int r;

        r = profile_load(bake->settings, request->profile, &bake->profile, &bake->failure);
        return r < 0 ? r : profile_apply(&bake->profile, request->options, &bake->failure);
}

static void report_secured(Bake *bake)
{
        json_t *snapshots = json_array();

        for (size_t i = 0; snapshots && i < bake->record.snapshots.count; i++)
                (void)json_array_append_new(
                        snapshots, json_string(bake->record.snapshots.items[i]));
        observer_send(bake->observer, "secured",
                json_pack("{s:s*,s:o,s:s}", "image", bake->record.image_id, "snapshots", snapshots,
                        "consistency", consistency_names[bake->record.reached]));
}

static int begin(Bake *bake, const BakeRequest *request)
{
        int r = load_profile(bake, request);

        return r < 0 ? r : step_identity(bake);
}

static int survey_and_plan(Bake *bake, const BakeRequest *request)
{
        int r = step_topology(bake, /* strict= */ true);

        return r < 0 ? r : step_plan(bake, request);
}

/* Steps 4 to 6. Whatever happens in between, the thaw comes next. */
static int take_point_in_time(Bake *bake)
{
        Retry retry;
        int r;

        retry_init(&retry, clock_usec(), /* retries_not_found= */ false);
        do {
                r = step_quiesce(bake);
                if (r < 0)
                        return r;
                step_cut(bake);
                r = step_thaw(bake);
                bake_pause_point("thawed");
                if (r >= 0)
                        r = cut_try_again(bake, &retry);
        } while (r > 0);
        if (r < 0)
                return r;
        survey_confirm(bake);
        rest_confirm(bake);
        return cut_resolve(bake);
}

/* Its class is seen in the next boot, as a rule by the worker that resumes the job there. */
static bool awaits_reboot(const Bake *bake)
{
        return bake->record.method == METHOD_REBOOT && bake->record.state == RECORD_CUTTING;
}

/* What retention has left half gone keeps the record open, until somebody may delete the rest. */
static int end_done(Bake *bake)
{
        bool is_half = removal_keep_half(bake->record.removal);

        bake->record.state = is_half ? RECORD_REMOVING : RECORD_DONE;
        bake->record.finished_usec = is_half ? 0 : clock_realtime_usec();
        return bake_save(bake);
}

/* What is made is good: from here on nothing takes it back. */
static int hand_over(Bake *bake)
{
        int r = step_verify(bake);

        if (r >= 0)
                r = step_publish(bake);
        if (r >= 0)
                r = step_retain(bake);
        return r < 0 ? r : end_done(bake);
}

static int finish(Bake *bake)
{
        int r = 0;

        bake_pause_point("cut");
        if (awaits_reboot(bake))
                r = reboot_await(bake);
        if (r >= 0)
                r = cut_demand_class(bake);
        if (r < 0)
                return r;
        report_secured(bake);
        r = step_complete(bake);
        return r < 0 ? r : hand_over(bake);
}

/*
 * A copy of this host that was launched to prove an image has its timers too, and makes nothing: 1 for
 * one of them, which must not make a failed unit of what is well; a failure for whoever asks by hand.
 */
static int stay_idle(Bake *bake, const BakeRequest *request)
{
        _cleanup_(freep) char *image_id = NULL;

        if (bake_find_trial(bake, &image_id) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        if (!image_id)
                return 0;
        if (!request->profile)
                return failure_set(&bake->failure, FAILURE_PLAN_REFUSED, -EPERM,
                        "This instance was launched to verify %s, and is terminated after that: "
                        "nothing is made of it",
                        image_id);
        log_notice("Nothing is baked: this instance was launched to verify %s", image_id);
        return 1;
}

int run_bake(Bake *bake, const BakeRequest *request)
{
        int r;

        bake_pause_point("before-identity");
        r = begin(bake, request);
        if (r >= 0)
                r = stay_idle(bake, request);
        if (r > 0)
                return 0;
        pace_be_patient(bake, true);
        if (r >= 0)
                r = survey_and_plan(bake, request);
        if (r >= 0)
                r = bake_check_cancelled(bake);
        if (r >= 0)
                r = plan_permit(bake, request);
        if (r >= 0)
                r = plan_record(bake, request);
        if (r >= 0)
                r = pace_await(bake);
        if (r >= 0)
                r = cut_prepare(bake);
        if (r >= 0 && bake->record.method == METHOD_REBOOT)
                r = reboot_prepare(bake);
        if (r >= 0)
                r = take_point_in_time(bake);
        if (r >= 0)
                r = finish(bake);
        pace_be_patient(bake, false);
        if (r < 0)
                (void)bake_undo(bake);
        reboot_forget(bake);
        return r;
}

int run_plan(Bake *bake, const BakeRequest *request)
{
        int r = begin(bake, request);

        if (r >= 0)
                r = survey_and_plan(bake, request);
        /* A refusal is what the plan says, and no failure of saying it. */
        if (r < 0 && bake->plan.refusals.count > 0)
                return 0;
        return r;
}

int run_survey(Bake *bake, const BakeRequest *request)
{
        int r = step_identity(bake);

        return r < 0 ? r : step_topology(bake, /* strict= */ false);
}

/* A freeze needs no cloud: without its answers the volumes are those that this host shows. */
static int plan_freeze(Bake *bake, const BakeRequest *request)
{
        int r;

        r = load_profile(bake, request);
        if (r < 0)
                return r;
        bake->profile.consistency = CONSISTENCY_CRASH; /* nothing is labelled, nothing refused */
        if (step_identity(bake) < 0)
                failure_done(&bake->failure);
        r = step_topology(bake, /* strict= */ false);
        if (r >= 0)
                r = step_plan(bake, request);
        if (r >= 0 && bake->plan.n_mounts == 0)
                r = failure_set(&bake->failure, FAILURE_PLAN_REFUSED, -EINVAL,
                        "There is no file system to freeze: see quiescectl volumes");
        return r;
}

/* The freezer speaks unasked only when one of its nets has thawed. */
static bool has_thawed(const Bake *bake)
{
        struct pollfd freezer = { .fd = freezer_client_fd(bake->freezer), .events = POLLIN };

        return poll(&freezer, 1, 0) != 0;
}

typedef enum HoldEnd {
        HOLD_GIVEN_BACK,
        HOLD_CANCELLED,
        HOLD_LOST, /* to its budget, or to one of the nets */
} HoldEnd;

static HoldEnd hold_freeze(Bake *bake)
{
        const Observer *observer = bake->observer;

        observer_say(observer, "frozen");
        for (;;) {
                uint64_t now = clock_usec();

                if (has_thawed(bake) || now >= bake->send_deadline_usec)
                        return HOLD_LOST;
                if (observer->given_back(observer->userdata))
                        return HOLD_GIVEN_BACK;
                if (observer->cancelled(observer->userdata))
                        return HOLD_CANCELLED;
                observer->wait(observer->userdata, bake->send_deadline_usec - now,
                        freezer_client_fd(bake->freezer));
        }
}

/* Done means that it held for as long as it was wanted: whoever used it has no other witness. */
int run_freeze(Bake *bake, const BakeRequest *request)
{
        HoldEnd end;
        int r = plan_freeze(bake, request);

        if (r >= 0)
                r = step_quiesce(bake);
        if (r < 0)
                return r;
        end = hold_freeze(bake);
        r = step_thaw(bake);
        if (r < 0)
                return r;
        if (end == HOLD_CANCELLED)
                return bake_check_cancelled(bake);
        if (end == HOLD_GIVEN_BACK && bake->evidence.thawed_by_us)
                return 0;
        return failure_set(&bake->failure, FAILURE_FREEZE_TIMEOUT, -ETIMEDOUT,
                "The freeze ended before it was given back: throw away what was made under it, and "
                "be quicker or set a longer budget");
}

static int load_record(Bake *bake, const char *job)
{
        int r = record_load(bake->settings->job_folder, job, &bake->record);

        if (r == -ENOENT)
                return failure_set(&bake->failure, FAILURE_NO_SUCH_JOB, r, "There is no job '%s'", job);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r,
                        "The record of job '%s' in %s cannot be read: %s; remove it once you have "
                        "looked for what carries the tag quiesced:job=%s",
                        job, bake->settings->job_folder, strerror(-r), job);
        return 0;
}

/* What happened in the window died with the worker: the class is the least that it can be. */
static int resume_cutting(Bake *bake)
{
        int r;

        if (bake->record.method == METHOD_BUNDLE)
                return failure_set(&bake->failure, FAILURE_WORKER_DIED, -ECANCELED,
                        "The job was interrupted before the image of the disk was whole; start it "
                        "again");
        bake->cut_outcome = EC2_E_LOST;
        r = cut_resolve(bake);
        return r < 0 ? r : finish(bake);
}

/* A removal of its own, or the last step of a bake. */
static int resume_removing(Bake *bake)
{
        _cleanup_(closep) int turn = -EBADF;
        bool is_bake = bake->record.cutting_usec > 0;
        bool is_retention = is_bake || streq(bake->record.kind, "prune");
        int r;

        if (is_bake)
                report_secured(bake);
        r = turn_await(bake, TURN_REMOVAL, &turn);
        if (r < 0)
                r = removal_give_up(bake, is_retention, r);
        else if (is_retention)
                r = prune_resume(bake);
        else if (streq(bake->record.kind, "orphans"))
                r = orphans_resume(bake);
        else
                r = removal_run(bake, /* is_retention= */ false);
        if (!is_bake)
                return r;
        r = prune_end_after_bake(bake, r);
        return r < 0 ? r : end_done(bake);
}

/* Of a bake, or of a job that proves or publishes what was made before. */
static int resume_made(Bake *bake)
{
        const Record *record = &bake->record;

        if (publish_is_undoing(record))
                return failure_set(&bake->failure, record->error, -ECANCELED, "%s",
                        record->message ? record->message : "The job failed");
        if (streq(record->kind, "verify"))
                return verify_finish(bake);
        if (streq(record->kind, "publish"))
                return publish_finish(bake);
        report_secured(bake);
        return hand_over(bake);
}

static int resume_state(Bake *bake)
{
        switch (bake->record.state) {
        case RECORD_PLANNED:
                return failure_set(&bake->failure, FAILURE_WORKER_DIED, -ECANCELED,
                        "The job was interrupted before anything was made; start it again");
        case RECORD_CUTTING:
                return resume_cutting(bake);
        case RECORD_CUT:
                return finish(bake);
        case RECORD_MADE:
                return resume_made(bake);
        case RECORD_REMOVING:
                return resume_removing(bake);
        case RECORD_UNDOING:
                return failure_set(&bake->failure, bake->record.error, -EREMOTEIO, "%s",
                        bake->record.message ? bake->record.message : "The job failed");
        default:
                return 0;
        }
}

/*
 * A snapshot of the root holds the record of its own job as it was in the window: unfinished. On an
 * instance launched from that image, or whose root was restored from it, the job would be found to
 * have come to nothing, and the very image would be deleted. 1 if the record is such a copy.
 */
static int is_copy(Bake *bake)
{
        const Record *record = &bake->record;
        const char *self = bake->identity.instance_id;
        bool labelled = false;
        int r;

        if (record->instance_id && !streq(record->instance_id, self)) {
                (void)failure_set(&bake->failure, FAILURE_WORKER_DIED, -ECANCELED,
                        "The job is that of %s, from whose image this instance was launched: nothing "
                        "of it was touched", record->instance_id);
                return 1;
        }
        r = bake_connect(bake, record->region, record->domain);
        if (r < 0 || record->state != RECORD_CUTTING)
                return r;
        r = cut_look_up_label(bake, &labelled);
        if (r < 0 || !labelled)
                return r;
        (void)failure_set(&bake->failure, FAILURE_WORKER_DIED, -ECANCELED,
                "The job had ended when this root was restored from what it made: nothing of that "
                "was touched");
        return 1;
}

/* The record stays, for a better day. */
static int put_off(Bake *bake, int error)
{
        _cleanup_(freep) char *message = NULL;

        if (string_printf(&message,
                    "%s; quiesced takes the job up again later, and until then what carries the tag "
                    LABEL_JOB "=%s is left as it is",
                    bake->failure.message ? bake->failure.message : strerror(-error),
                    bake->record.id) >= 0) {
                free(bake->failure.message);
                bake->failure.message = TAKE_PTR(message);
        }
        return error;
}

int run_resume(Bake *bake, const BakeRequest *request)
{
        int r;

        r = load_record(bake, request->job);
        if (r < 0 || record_is_finished(&bake->record))
                return r;
        bake->resumed = true;
        cut_stamp_earlier(bake);
        log_notice("Resuming a job that was interrupted");
        bake->deaf = true; /* whoever cancels it wants to have taken back what was made */
        r = bake_identify(bake);
        if (r >= 0)
                r = is_copy(bake);
        bake->deaf = false;
        if (r < 0)
                return put_off(bake, r);
        if (r > 0) {
                (void)bake_disown(bake);
                reboot_forget(bake);
                return -ECANCELED;
        }
        r = resume_state(bake);
        if (r < 0)
                (void)bake_undo(bake);
        reboot_forget(bake);
        return r;
}
