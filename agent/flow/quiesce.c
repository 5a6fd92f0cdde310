/* SPDX-License-Identifier: Apache-2.0 */
/* Steps 4 and 6: bring the file systems to rest, and let them go again. */

#include "flow/quiesce.h"

#include <sys/mman.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/cut.h"
#include "flow/pace.h"
#include "flow/rest.h"
#include "flow/staging.h"

/* The worker thaws this much before the freezer's own deadline, so that its net is the first. */
#define MARGIN_USEC_MIN (100 * USEC_PER_MSEC)

/* While nothing is frozen nobody waits for the answer. */
#define REBOOT_ANSWER_USEC (60 * USEC_PER_SEC)

static const struct {
        FailureKind kind;
        const char *advice;
} outcomes[] = {
        [FREEZER_E_BUSY] = { FAILURE_BUSY, "wait until it ends" },
        [FREEZER_E_DENIED] = { FAILURE_FREEZER_UNAVAILABLE,
                "make the daemon's user the owner of the freezer's socket (SocketUser=)" },
        [FREEZER_E_REFUSED] = { FAILURE_FREEZE_FAILED, "see the journal of quiesced-freezer@" },
        [FREEZER_E_VANISHED] = { FAILURE_MOUNT_VANISHED, "mounts changed meanwhile: try again" },
        [FREEZER_E_FOREIGN] = { FAILURE_FOREIGN_FREEZE,
                "it was left alone; thaw it with fsfreeze -u if its owner forgot it" },
        [FREEZER_E_FAILED] = { FAILURE_FREEZE_FAILED, "everything was thawed again" },
        [FREEZER_E_TIMEOUT] = { FAILURE_FREEZE_TIMEOUT,
                "the others were thawed in time; look for a stuck volume, or raise the budget" },
        [FREEZER_E_BROKEN] = { FAILURE_FREEZE_FAILED, "everything was thawed by a safety net" },
};

static int fail_freezer(Bake *bake, const char *what, int error)
{
        if (error < 0)
                return failure_set(&bake->failure, FAILURE_FREEZER_UNAVAILABLE, error,
                        "The freezer's answer to %s did not come: %s; what was frozen is thawed by its "
                        "safety nets",
                        what, strerror(-error));
        return failure_set(&bake->failure, outcomes[error].kind, -EREMOTEIO, "%s; %s",
                freezer_client_error(bake->freezer), outcomes[error].advice);
}

/* One connection is one freeze: the first was opened for its mountinfo, a second try needs its own. */
static int connect_freezer(Bake *bake)
{
        int r;

        if (bake->freezer)
                return 0;
        r = freezer_client_new(bake->settings->freezer_socket, &bake->freezer);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_FREEZER_UNAVAILABLE, r,
                        "The freezer does not answer on %s: %s; start quiesced-freezer.socket",
                        bake->settings->freezer_socket, strerror(-r));
        return 0;
}

static int hand_over_plan(Bake *bake)
{
        _cleanup_(freep) FreezerMount *mounts = NULL;
        unsigned flags;
        size_t n;
        int r;

        r = connect_freezer(bake);
        if (r < 0)
                return r;
        if (rest_freezer_mounts(&bake->plan, &mounts, &n, &flags) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        r = freezer_client_plan(bake->freezer, mounts, n, bake->profile.budget_usec, flags);
        return r == 0 ? 0 : fail_freezer(bake, "the plan", r);
}

static int sync_file_systems(Bake *bake)
{
        int r;

        if (!rest_needs_freezer(&bake->plan))
                return 0;
        r = freezer_client_sync(bake->freezer);
        return r == 0 ? 0 : fail_freezer(bake, "the sync", r);
}

static int prepare_applications(Bake *bake)
{
        const Observer *observer = bake->observer;
        Evidence *evidence = &bake->evidence;
        int r;

        r = observer->prepare(observer->userdata, &evidence->participants, &evidence->agreed);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r,
                        "The daemon did not say whether the applications are ready: %s",
                        strerror(-r));
        return bake_check_cancelled(bake);
}

static int warm_request(Bake *bake)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r;

        if (!bake->request)
                return 0;
        r = ec2_request_warm(bake->request, &error);
        return r == 0 ? 0 : bake_fail_api(bake, "a dry run of the create call", r, &error);
}

/* Applications and disks take their time, and nobody is frozen for a connection that is closed. */
static int keep_warm(Bake *bake)
{
        return !bake->request || ec2_request_is_warm(bake->request) ? 0 : warm_request(bake);
}

/* From here on the create call may go out: after a crash its tag is looked for. */
static int record_cutting(Bake *bake)
{
        if (!bake->record.id)
                return 0;
        bake->record.state = RECORD_CUTTING;
        cut_stamp_point(bake);
        return bake_save(bake);
}

static void set_send_deadline(Bake *bake, uint64_t start_usec)
{
        uint64_t margin = bake->profile.budget_usec / 10;

        if (margin < MARGIN_USEC_MIN)
                margin = MARGIN_USEC_MIN;
        bake->send_deadline_usec = start_usec + bake->profile.budget_usec - margin;
}

static int freeze(Bake *bake)
{
        const FreezeReport *report;
        int r;

        if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
                log_warning("Memory cannot be locked, see LimitMEMLOCK= in systemd.exec(5): %s",
                        strerror(errno));
        observer_say(bake->observer, "freezing");
        log_hold();
        bake->undo_log_hold = true;
        bake->undo_freeze = true;
        r = freezer_client_freeze(bake->freezer);
        if (r != 0) {
                r = fail_freezer(bake, "the freeze", r);
                (void)step_thaw(bake);
                return r;
        }
        watch_frozen(&bake->watch);
        report = freezer_client_report(bake->freezer);
        set_send_deadline(bake, report->freezing_at_usec - report->warm_up_usec);
        bake_pause_point("frozen");
        return 0;
}

static int open_window(Bake *bake)
{
        if (bake->plan.n_mounts > 0)
                return freeze(bake);
        bake->freezer = freezer_client_free(bake->freezer);
        watch_frozen(&bake->watch);
        set_send_deadline(bake, clock_usec());
        if (bake->record.method == METHOD_REBOOT) {
                observer_say(bake->observer, "rebooting");
                bake->send_deadline_usec = clock_usec() + REBOOT_ANSWER_USEC;
        }
        return 0;
}

/* A second try watches from a start of its own. */
static int begin_watch(Bake *bake)
{
        watch_done(&bake->watch);
        if (watch_open(&bake->plan, "/sys", &bake->watch) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        return 0;
}

/* It may take hours in a fleet that begins together: so long nobody is quiet, and nothing prepared. */
static int await_permission(Bake *bake)
{
        int r;

        pace_be_patient(bake, true);
        r = warm_request(bake);
        pace_be_patient(bake, false);
        return r;
}

int step_quiesce(Bake *bake)
{
        int r;

        observer_step(bake->observer, STEP_QUIESCE);
        bake_pause_point("planned");
        bake->evidence = (Evidence){ 0 };
        r = await_permission(bake);
        if (r >= 0 && bake->record.method == METHOD_BUNDLE)
                r = staging_read(bake);
        if (r >= 0 && rest_needs_freezer(&bake->plan))
                r = hand_over_plan(bake);
        if (r >= 0)
                r = begin_watch(bake);
        if (r >= 0)
                r = sync_file_systems(bake);
        if (r >= 0)
                r = keep_warm(bake);
        if (r >= 0)
                r = prepare_applications(bake);
        bake_pause_point("prepared");
        if (r >= 0)
                r = record_cutting(bake);
        if (r >= 0)
                r = sync_file_systems(bake);
        watch_synced(&bake->watch);
        bake_pause_point("synced");
        if (r >= 0)
                r = keep_warm(bake);
        if (r >= 0) /* once more: the sync may have taken long */
                r = bake_check_cancelled(bake);
        if (r >= 0)
                r = open_window(bake);
        if (r < 0)
                bake->record.state = RECORD_PLANNED; /* nothing was sent */
        bake->evidence.all_frozen =
                r >= 0 && !bake->profile.no_freeze && bake->record.method != METHOD_REBOOT;
        bake->evidence.complete_coverage = bake->plan.complete_coverage;
        return r;
}

static void report_thawed(Bake *bake, const FreezeReport *report)
{
        observer_send(bake->observer, "thawed",
                json_pack("{s:I,s:{s:I,s:I,s:I,s:I,s:I,s:I}}", "frozen-usec",
                        (json_int_t)bake->record.frozen_usec, "phases", "sync-rounds",
                        (json_int_t)report->n_sync_rounds, "sync-usec", (json_int_t)report->sync_usec,
                        "warm-up-usec", (json_int_t)report->warm_up_usec, "freeze-usec",
                        (json_int_t)(report->frozen_at_usec - report->freezing_at_usec), "hold-usec",
                        (json_int_t)(report->thawing_at_usec - report->frozen_at_usec), "thaw-usec",
                        (json_int_t)(report->thawed_at_usec - report->thawing_at_usec)));
}

int step_thaw(Bake *bake)
{
        const FreezeReport *report;
        int r = 0;

        bake->send_deadline_usec = 0;
        watch_thawing(&bake->watch);
        if (!bake->undo_freeze) {
                bake->evidence.thawed_by_us = true;
                /* Whoever was asked to be quiet need not be so until the job ends. */
                observer_send(bake->observer, "thawed", json_pack("{s:i}", "frozen-usec", 0));
                return 0;
        }
        r = freezer_client_thaw(bake->freezer);
        bake->undo_freeze = false;
        bake->evidence.thawed_by_us = r == 0;
        (void)munlockall();
        log_release();
        bake->undo_log_hold = false;

        report = freezer_client_report(bake->freezer);
        if (report->thawed_at_usec > report->freezing_at_usec && report->freezing_at_usec > 0)
                bake->record.frozen_usec = report->thawed_at_usec - report->freezing_at_usec;
        observer_step(bake->observer, STEP_THAW);
        report_thawed(bake, report);
        if (r != 0)
                log_warning("The freeze did not end by our thaw: %s",
                        r < 0 ? strerror(-r) : freezer_client_error(bake->freezer));
        bake->freezer = freezer_client_free(bake->freezer);
        return 0;
}
