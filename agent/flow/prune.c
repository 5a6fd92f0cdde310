/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: what the policy of a profile gives up goes away. */

#include "flow/prune.h"

#include "base/log.h"
#include "base/text.h"
#include "flow/choice.h"
#include "flow/guard.h"
#include "flow/identify.h"
#include "flow/removal-entry.h"
#include "flow/removal.h"

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
                r = choice_make(bake, &choice);
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
                r = json_object_set_new(record->details, "kept",
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
        int r = choice_make(bake, &choice);

        if (r >= 0)
                r = record_choice(bake, &choice);
        if (r >= 0)
                r = bake_check_cancelled(bake);
        if (r < 0)
                return r;
        bake_pause_point("chosen");
        return removal_run(bake);
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

/* The bake is done; and what could not be removed is for the next one, or for whoever may. */
static int end_after_bake(Bake *bake, int r)
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
                return end_after_bake(bake, r);
        if (!bake->profile.name || !retention_follows_bake(&bake->profile.retention))
                return 0;
        observer_step(bake->observer, STEP_RETAIN);
        return end_after_bake(bake, prune(bake));
}

/* --- After an interruption -------------------------------------------------------------------- */

/* Days later, perhaps: what somebody uses by now, or has made his own, was chosen in vain. */
static int drop_entry(json_t *entries, const char *id, const char *reason)
{
        for (size_t i = json_array_size(entries); i > 0; i--)
                if (streq(entry_id(json_array_get(entries, i - 1)), id)) {
                        log_notice("%s stays after all: %s", id, reason);
                        return json_array_remove(entries, i - 1);
                }
        return 0;
}

static const char *find_reason(const Bake *bake, const Stock *stock, const char *id)
{
        const StockObject *object = stock_find(stock, id);

        if (!bake->profile.name)
                return "the profile that gave it up cannot be read any more";
        return object ? object->guard : "it is not quiesced's any more";
}

static int drop_held(
        const Bake *bake, json_t *entries, const Ec2ImageList *images, const Stock *stock)
{
        for (size_t i = 0; i < images->count; i++) {
                const char *reason = find_reason(bake, stock, images->items[i].id);

                if (reason && drop_entry(entries, images->items[i].id, reason) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Those that are there still; of one that is gone the snapshots have to go in any case. */
static int check_some(Bake *bake, json_t *entries, const StringList *ids)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(stock_done) Stock stock = { 0 };
        Ec2ImageFilter filter = { .ids = ids };
        int r = ec2_describe_images(bake->aws, &filter, /* flags= */ 0, &images, &error);

        if (r != 0)
                return bake_fail_api(bake, "DescribeImages", r, &error);
        stock.now_usec = aws_client_realtime_usec(bake->aws);
        if (stock_add_images(&stock, &images) < 0 || stock_finish(&stock) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        for (size_t i = 0; i < stock.count; i++)
                stock.items[i].retain.reason = RETAIN_BECAUSE_UNWANTED;
        if (bake->profile.name)
                r = guard_stock(bake, &stock);
        return r < 0 ? r : drop_held(bake, entries, &images, &stock);
}

static int list_untouched(const json_t *entries, StringList *ret)
{
        const json_t *entry;
        size_t i;

        json_array_foreach(entries, i, entry)
                if (!entry_is_settled(entry) && !entry_is_half(entry) &&
                        string_list_add(ret, entry_id(entry)) < 0)
                        return -ENOMEM;
        return 0;
}

static int choose_again(Bake *bake)
{
        json_t *entries = json_object_get(bake->record.removal, "images");
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        int r;

        if (find_policy(bake) < 0)
                failure_done(&bake->failure); /* what is half gone still has to go */
        r = list_untouched(entries, &ids);
        for (size_t i = 0; r >= 0 && i < ids.count; i += EC2_FILTER_VALUES_MAX) {
                StringList some = { ids.items + i, ids.count - i };

                if (some.count > EC2_FILTER_VALUES_MAX)
                        some.count = EC2_FILTER_VALUES_MAX;
                r = check_some(bake, entries, &some);
        }
        return r;
}

int prune_resume(Bake *bake)
{
        int r = choose_again(bake);

        return r < 0 ? r : removal_run(bake);
}

int prune_resume_after_bake(Bake *bake)
{
        return end_after_bake(bake, prune_resume(bake));
}
