/* SPDX-License-Identifier: Apache-2.0 */
/* One bake from its request to its result: what the eight steps hand on to each other. */

#include "flow/bake.h"

#include <signal.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/quiesce.h"

#define ALIVE_USEC USEC_PER_SEC

void bake_init(Bake *bake, const Settings *settings, const Observer *observer)
{
        *bake = (Bake){ .settings = settings, .observer = observer, .mountinfo_fd = -EBADF };
}

void bake_done(Bake *bake)
{
        if (bake->undo_freeze)
                (void)step_thaw(bake);
        if (bake->undo_log_hold)
                log_release();
        (void)freezer_client_free(bake->freezer);
        (void)capture_free(bake->capture);
        closep(&bake->mountinfo_fd);
        (void)ec2_request_free(bake->request);
        (void)aws_client_free(bake->aws);
        (void)credentials_provider_free(bake->credentials);
        (void)imds_free(bake->imds);
        api_error_done(&bake->cut_error);
        watch_done(&bake->watch);
        free(bake->disturbance);
        plan_done(&bake->plan);
        topology_done(&bake->topology);
        host_facts_done(&bake->facts);
        ec2_instance_done(&bake->instance);
        identity_done(&bake->identity);
        record_done(&bake->record);
        profile_done(&bake->profile);
        failure_done(&bake->failure);
}

/* EC2 may take its time without anything to tell; the daemon ends a worker that says nothing. */
static void show_alive(Bake *bake)
{
        uint64_t now_usec = clock_usec();

        if (bake->undo_freeze || now_usec < bake->alive_usec + ALIVE_USEC)
                return;
        bake->alive_usec = now_usec;
        observer_say(bake->observer, "alive");
}

bool bake_cancelled(void *userdata)
{
        Bake *bake = userdata;

        show_alive(bake);
        if (bake->send_deadline_usec > 0)
                return clock_usec() >= bake->send_deadline_usec;
        return !bake->deaf && bake->observer->cancelled(bake->observer->userdata);
}

int bake_check_cancelled(Bake *bake)
{
        if (bake->observer->gone(bake->observer->userdata))
                return failure_set(&bake->failure, FAILURE_WORKER_DIED, -EPIPE,
                        "quiesced has ended; what is on record is resumed when it starts again");
        if (!bake->observer->cancelled(bake->observer->userdata))
                return 0;
        return failure_set(&bake->failure, FAILURE_CANCELLED, -ECANCELED, "The job was cancelled");
}

static int judge_save(Bake *bake, int r)
{
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r,
                        "The job record in %s cannot be written: %s", bake->record.folder,
                        strerror(-r));
        return 0;
}

int bake_save(Bake *bake)
{
        return judge_save(bake, record_save(&bake->record));
}

int bake_append(Bake *bake, const char *kind, size_t start, size_t count)
{
        return judge_save(bake, record_append(&bake->record, kind, start, count));
}

int bake_begin_record(Bake *bake, const char *job, const char *kind)
{
        const Identity *identity = &bake->identity;
        Record *record = &bake->record;

        record->reached = CONSISTENCY_CRASH; /* nothing is measured */
        record->started_usec = clock_realtime_usec();
        if (string_replace(&record->folder, bake->settings->job_folder) < 0 ||
                string_replace(&record->id, job) < 0 || string_replace(&record->kind, kind) < 0 ||
                string_replace(&record->instance_id, identity->instance_id) < 0 ||
                string_replace(&record->region, aws_client_region(bake->aws)) < 0 ||
                (identity->domain && string_replace(&record->domain, identity->domain) < 0))
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        return 0;
}

bool bake_outcome_passes(int outcome, const ApiError *error)
{
        if (outcome == EC2_E_REFUSED)
                switch (api_error_classify(error)) {
                case API_ERROR_TRANSIENT:
                case API_ERROR_THROTTLED:
                case API_ERROR_VOLUME_RATE:
                        return true;
                default:
                        return false;
                }
        return outcome == EC2_E_TIMEOUT || outcome == EC2_E_LOST || outcome == EC2_E_UNREACHABLE ||
                outcome == EC2_E_NO_CREDENTIALS;
}

int bake_fail_api(Bake *bake, const char *what, int error, const ApiError *api)
{
        return failure_set_api(&bake->failure, what, error, api);
}

void bake_pause_point(const char *point)
{
        const char *wanted = getenv("QUIESCED_TEST_PAUSE");

        if (wanted && streq(wanted, point))
                (void)raise(SIGSTOP);
}
