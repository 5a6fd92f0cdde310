/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: what the policy of a profile gives up goes away. */

#include "flow/prune.h"

#include "base/log.h"
#include "base/text.h"
#include "flow/choice.h"
#include "flow/identify.h"
#include "flow/removal.h"
#include "flow/turn.h"

static int prepare(Bake *bake, const BakeRequest *request)
{
        int r;

        if (!request->profile)
                return failure_set(&bake->failure, FAILURE_INVALID_ARGUMENT, -EINVAL,
                        "Retention is that of a profile: name one");
        r = profile_load(bake->settings, request->profile, &bake->profile, &bake->failure);
        return r < 0 ? r : step_identity(bake);
}

int run_plan_prune(Bake *bake, const BakeRequest *request)
{
        _cleanup_(choice_done) Choice choice = { 0 };
        json_t *answer = NULL;
        int r = prepare(bake, request);

        if (r >= 0)
                r = choice_make(bake, /* max_ids= */ 0, &choice);
        if (r < 0)
                return r;
        r = choice_to_json(&choice, &bake->profile, &answer);
        if (r >= 0)
                r = observer_answer(bake->observer, answer);
        return r < 0 ? failure_set(&bake->failure, FAILURE_INTERNAL, r, "Out of memory") : 0;
}

/* What goes is on record, and how much stays is in the details. */
static int record_choice(Bake *bake, const Choice *choice)
{
        Record *record = &bake->record;
        size_t n_later = 0;
        int r = choice_to_removal(
                choice, &bake->profile.retention, REMOVAL_IDS_MAX, &record->removal, &n_later);

        if (r >= 0 && !record->details) {
                record->details = json_object();
                r = record->details ? 0 : -ENOMEM;
        }
        if (r >= 0)
                r = json_object_set_new(record->removal, "kept",
                        json_integer((json_int_t)(choice->stock.count - choice->n_deleted)));
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        if (n_later > 0)
                log_notice("%zu more have to go than one job removes: the next one does", n_later);
        return 0;
}

static int prune(Bake *bake)
{
        _cleanup_(choice_done) Choice choice = { 0 };
        _cleanup_(closep) int turn = -EBADF;
        int r = turn_await(bake, TURN_REMOVAL, &turn);

        if (r >= 0)
                r = choice_make(bake, REMOVAL_IDS_MAX, &choice);
        if (r >= 0)
                r = record_choice(bake, &choice);
        if (r >= 0)
                r = bake_check_cancelled(bake);
        if (r < 0)
                return r;
        bake_pause_point("chosen");
        return removal_run(bake, /* is_retention= */ true);
}

int run_prune(Bake *bake, const BakeRequest *request)
{
        int r = prepare(bake, request);

        if (r >= 0)
                r = bake_begin_record(bake, request->job, "prune");
        if (r >= 0 && string_replace(&bake->record.profile, request->profile) < 0)
                r = failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        if (r < 0)
                return r;
        observer_step(bake->observer, STEP_RETAIN);
        return prune(bake);
}

/* --- After a bake ----------------------------------------------------------------------------- */

int prune_end_after_bake(Bake *bake, int r)
{
        Record *record = &bake->record;

        if (r < 0 && bake->observer->gone(bake->observer->userdata))
                return r;
        if (r < 0)
                log_warning("What this bake has made is good, but retention failed: %s",
                        bake->failure.message ? bake->failure.message : strerror(-r));
        if (r < 0 && record->details)
                (void)json_object_set_new(
                        record->details, "retention", json_text(bake->failure.message));
        failure_done(&bake->failure);
        record->error = FAILURE_NONE;
        free(record->message);
        record->message = NULL;
        return 0;
}

/* One that was resumed works from its record, which does not hold the policy. */
static int find_policy(Bake *bake)
{
        Profile profile = { 0 };
        int r;

        if (bake->profile.name || !bake->record.profile)
                return 0;
        r = profile_load(bake->settings, bake->record.profile, &profile, &bake->failure);
        if (r < 0)
                return r;
        profile_done(&bake->profile);
        bake->profile = profile;
        return 0;
}

int step_retain(Bake *bake)
{
        int r;

        if (bake->record.cutting_usec == 0) /* it was made earlier, and is only verified */
                return 0;
        r = find_policy(bake);
        if (r < 0)
                return prune_end_after_bake(bake, r);
        if (!bake->profile.name || !retention_follows_bake(&bake->profile.retention))
                return 0;
        observer_step(bake->observer, STEP_RETAIN);
        return prune_end_after_bake(bake, prune(bake));
}

/* --- After an interruption -------------------------------------------------------------------- */

int prune_resume(Bake *bake)
{
        if (find_policy(bake) < 0)
                failure_done(&bake->failure); /* what is half gone still has to go */
        return removal_run(bake, /* is_retention= */ true);
}
