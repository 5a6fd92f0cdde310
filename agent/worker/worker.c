/* SPDX-License-Identifier: Apache-2.0 */
/* quiesced-worker: one job for the daemon, which started it; blocking, step after step. */

#include <signal.h>

#include "base/log.h"
#include "base/text.h"
#include "flow/deregister.h"
#include "flow/doctor.h"
#include "flow/inventory.h"
#include "flow/look.h"
#include "flow/orphans-find.h"
#include "flow/prune.h"
#include "flow/publish-again.h"
#include "flow/run.h"
#include "flow/verify.h"
#include "image/locked.h"
#include "worker/report.h"

/* Where the daemon puts its end, see base/spawn.h. */
#define DAEMON_FD 3

static const struct {
        const char *name;
        bool is_job; /* with an id, under which it is on record */
        int (*run)(Bake *bake, const BakeRequest *request);
} verbs[] = {
        { "bake", true, run_bake },
        { "delete-orphans", true, run_delete_orphans },
        { "deregister", true, run_deregister },
        { "doctor", false, run_doctor },
        { "freeze", false, run_freeze },
        { "list-images", false, run_list_images },
        { "list-snapshots", false, run_list_snapshots },
        { "look", false, run_look },
        { "orphans", false, run_orphans },
        { "plan", false, run_plan },
        { "plan-prune", false, run_plan_prune },
        { "prune", true, run_prune },
        { "publish", true, run_publish },
        { "resume", true, run_resume },
        { "survey", false, run_survey },
        { "verify", true, run_verify },
};

/* The daemon that comes after a restart lists the job by it. */
static int note_subject(Bake *bake, const BakeRequest *what)
{
        if (!what->ids || !what->name)
                return 0;
        return string_replace(&bake->record.subject, what->name);
}

static int run_verb(Bake *bake, const json_t *request)
{
        const char *verb = json_get_string(request, "verb", "");
        BakeRequest what = {
                .job = json_get_string(request, "job", ""),
                .kind = json_get_string(request, "kind", "snapshots"),
                .profile = json_get_string(request, "profile", NULL),
                .name = json_get_string(request, "name", NULL),
                .ids = json_object_get(request, "ids"),
                .options = json_object_get(request, "options"),
                .may_reboot = json_get_bool(request, "may-reboot", false),
        };

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                if (!streq(verbs[i].name, verb))
                        continue;
                if (verbs[i].is_job && !record_id_is_valid(what.job))
                        return failure_set(&bake->failure, FAILURE_INVALID_ARGUMENT, -EINVAL,
                                "'%s' is no job id", what.job);
                if (verbs[i].run != run_resume && note_subject(bake, &what) < 0)
                        return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
                return verbs[i].run(bake, &what);
        }
        return failure_set(
                &bake->failure, FAILURE_INVALID_ARGUMENT, -EINVAL, "Unknown verb '%s'", verb);
}

static int add_field(StringList *fields, const char *key, const char *value)
{
        _cleanup_(freep) char *field = NULL;

        if (!value)
                return 0;
        return string_printf(&field, "%s=%s", key, value) < 0 ? -ENOMEM :
                                                                string_list_add(fields, field);
}

/* What the journal keeps of a job that made something, to be found by any of its ids. */
static int log_done(const Bake *bake)
{
        _cleanup_(string_list_done) StringList fields = STRING_LIST_INIT;
        _cleanup_(freep) char *frozen = NULL;
        const Record *record = &bake->record;

        for (size_t i = 0; i < record->volumes.count; i++)
                if (add_field(&fields, "VOLUME_ID", record->volumes.items[i]) < 0)
                        return -ENOMEM;
        for (size_t i = 0; i < record->snapshots.count; i++)
                if (add_field(&fields, "SNAPSHOT_ID", record->snapshots.items[i]) < 0)
                        return -ENOMEM;
        if (add_field(&fields, "IMAGE_ID", record->image_id) < 0 ||
                format_usec(record->frozen_usec, &frozen) < 0)
                return -ENOMEM;
        log_struct(LOG_NOTICE, 0, (const char *const *)fields.items,
                "%zu snapshots%s%s, %s consistency, frozen for %s", record->snapshots.count,
                record->image_id ? ", image " : "", record->image_id ? record->image_id : "",
                consistency_names[record->reached], frozen);
        return 0;
}

static int run(Line *line, const json_t *request)
{
        _cleanup_(settings_done) Settings settings = { 0 };
        _cleanup_(bake_done) Bake bake = { 0 };
        int r;

        bake_init(&bake, &settings, &line->observer);
        r = settings_load(&settings, &bake.failure);
        if (r >= 0)
                r = run_verb(&bake, request);
        if (r < 0)
                log_error("%s: %s", failure_name(bake.failure.kind),
                        bake.failure.message ? bake.failure.message : strerror(-r));
        else if (bake.record.volumes.count > 0 || bake.record.bundle)
                (void)log_done(&bake);
        line_send_result(line, r, &bake);
        return r;
}

int main(void)
{
        _cleanup_(json_decrefp) json_t *request = NULL;
        _cleanup_(line_done) Line line = { 0 };
        int r;

        (void)signal(SIGPIPE, SIG_IGN);
        (void)locked_forbid_dumps();
        line_init(&line, DAEMON_FD);
        r = line_read_request(&line, &request);
        if (r < 0) {
                (void)log_error_errno(r,
                        "quiesced-worker is started by quiesced, with a request on descriptor 3: %m");
                return EXIT_FAILURE;
        }
        log_set_field("JOB_ID", json_get_string(request, "job", NULL));
        return run(&line, request) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
