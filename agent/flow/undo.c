/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a job that came to nothing. */

#include "flow/undo.h"

#include "aws/ec2-registration.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/bundling.h"
#include "flow/cut.h"
#include "flow/labels.h"
#include "flow/trial.h"

/* Between two looks at what EC2 shows by now. */
#define ROUND_USEC USEC_PER_SEC

static int note_failure(Bake *bake)
{
        Record *record = &bake->record;

        record->error = bake->failure.kind;
        if (!bake->failure.message)
                return 0;
        return string_replace(&record->message, bake->failure.message);
}

static int record_failure(Bake *bake)
{
        Record *record = &bake->record;
        int r;

        r = note_failure(bake);
        if (r < 0)
                return r;
        if (record->state != RECORD_PLANNED)
                record->state = RECORD_UNDOING;
        return record_save(record);
}

static int finish(Bake *bake)
{
        Record *record = &bake->record;

        record->state = record->error == FAILURE_CANCELLED ? RECORD_CANCELLED : RECORD_FAILED;
        record->finished_usec = clock_realtime_usec();
        return record_save(record);
}

static void remove_item(StringList *list, const char *string)
{
        for (size_t i = 0; i < list->count; i++) {
                if (!streq(list->items[i], string))
                        continue;
                free(list->items[i]);
                memmove(&list->items[i], &list->items[i + 1],
                        (list->count - i) * sizeof(list->items[0])); /* and the NULL behind */
                list->count--;
                return;
        }
}

/* What is being taken back, in one round after the other. */
typedef struct Undo {
        Bake *bake;
        CutSight sight; /* what EC2 lists in this round */
        bool all_known; /* nothing can turn up that is not on record */
        bool settled; /* EC2 shows all that it has: NotFound is to be believed */
        size_t n_gone;
        ApiError error;
} Undo;

static void undo_done(Undo *undo)
{
        cut_sight_done(&undo->sight);
        api_error_done(&undo->error);
}

static void forget(Undo *undo, const char *id)
{
        if (!string_list_contains(&undo->bake->record.snapshots, id))
                return;
        remove_item(&undo->bake->record.snapshots, id);
        undo->n_gone++;
}

/* The snapshots that the image names go on record first: a crash must not lose sight of them. */
static int learn_snapshots(Undo *undo)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        Record *record = &undo->bake->record;
        Ec2ImageFilter filter = { .id = record->image_id };
        int r = ec2_describe_images(undo->bake->aws, &filter, 0, &images, &undo->error);

        if (r != 0)
                return r == EC2_E_NOT_FOUND && undo->settled ? 0 : r;
        for (size_t i = 0; i < images.items[0].n_devices; i++) {
                const char *id = images.items[0].devices[i].snapshot_id;

                if (id && !string_list_contains(&record->snapshots, id) &&
                        string_list_add(&record->snapshots, id) < 0)
                        return -ENOMEM;
        }
        return record_save(record);
}

static int deregister(Undo *undo)
{
        _cleanup_(string_list_done) StringList deleted = STRING_LIST_INIT;
        Record *record = &undo->bake->record;
        int r;

        if (!record->image_id)
                return 0;
        r = learn_snapshots(undo);
        if (r == 0)
                r = ec2_deregister_image(undo->bake->aws, record->image_id, &deleted, &undo->error);
        if (r != 0)
                return r;
        for (size_t i = 0; i < deleted.count; i++)
                forget(undo, deleted.items[i]);
        free(record->image_id);
        record->image_id = NULL;
        undo->n_gone += record->method == METHOD_BUNDLE;
        return 0;
}

static bool is_listed(const Undo *undo, const char *id)
{
        for (size_t i = 0; i < undo->sight.snapshots.count; i++)
                if (streq(undo->sight.snapshots.items[i].id, id))
                        return true;
        return false;
}

static int delete_snapshot(Undo *undo, const char *id)
{
        int r;

        if (!undo->settled && !is_listed(undo, id))
                return EC2_E_NOT_FOUND;
        r = ec2_delete_snapshot(undo->bake->aws, id, 0, &undo->error);
        if (r != 0)
                log_warning("%s cannot be deleted: %s", id,
                        undo->error.message ? undo->error.message : strerror(r < 0 ? -r : 0));
        return r;
}

static int delete_snapshots(Undo *undo)
{
        StringList *snapshots = &undo->bake->record.snapshots;
        int worst = 0;

        for (size_t i = 0; i < snapshots->count;) {
                int r;

                api_error_done(&undo->error);
                r = delete_snapshot(undo, snapshots->items[i]);
                if (r == 0) {
                        forget(undo, snapshots->items[i]);
                        continue;
                }
                worst = r;
                i++;
        }
        return worst;
}

static int delete_round(Undo *undo)
{
        int r;

        cut_sight_done(&undo->sight);
        api_error_done(&undo->error);
        r = cut_look_up(undo->bake, &undo->sight, &undo->error);
        if (r == 0)
                r = deregister(undo);
        return r == 0 ? delete_snapshots(undo) : r;
}

/* What there may be at the most, beside what is on record. */
static size_t count_expected(const Record *record)
{
        if (record->method == METHOD_BUNDLE)
                return json_get_bool(record->bundle, "registering", false);
        return record->volumes.count;
}

/* True when the next round may have another end. */
static bool may_change(const Undo *undo, int r)
{
        if (undo->settled)
                return false;
        if (r == 0)
                return !undo->all_known && undo->n_gone < count_expected(&undo->bake->record);
        return r == EC2_E_NOT_FOUND || r == EC2_E_IN_USE || bake_outcome_passes(r, &undo->error);
}

/*
 * EC2 does not list at once what it has just made, and a create call whose answer did not come may
 * still be carried out: until SettleSec= is over, nothing that is missing counts as gone.
 */
static int delete_all(Bake *bake, bool all_known)
{
        _cleanup_(undo_done) Undo undo = { .bake = bake, .all_known = all_known };

        for (;;) {
                int r;

                undo.settled = clock_usec() >= bake->settled_usec;
                r = delete_round(&undo);
                if (!may_change(&undo, r))
                        return r;
                clock_sleep_usec(ROUND_USEC);
        }
}

/* What is left is named in the message: somebody pays for it. */
static void name_leftovers(Bake *bake)
{
        _cleanup_(string_list_done) StringList left = STRING_LIST_INIT;
        _cleanup_(freep) char *names = NULL, *message = NULL;

        if (string_list_copy(&bake->record.snapshots, &left) < 0 ||
                (bake->record.image_id && string_list_add(&left, bake->record.image_id) < 0) ||
                bundling_name_rest(&bake->record, &left) < 0 ||
                string_list_join(&left, " ", &names) < 0 ||
                string_printf(&message,
                        "%s; what carries the tag " LABEL_JOB "=%s could not all be deleted (%s): "
                        "quiesced tries again later, and needs the second IAM policy of "
                        "the README",
                        bake->record.message ? bake->record.message : "Failed", bake->record.id,
                        left.count > 0 ? names : "EC2 would not list it") < 0)
                return;
        free(bake->failure.message);
        bake->failure.message = TAKE_PTR(message);
}

int bake_disown(Bake *bake)
{
        int r;

        r = note_failure(bake);
        if (r >= 0)
                r = finish(bake);
        return r < 0 ? log_error_errno(r, "Failed to write the job record: %m") : 0;
}

int bake_undo(Bake *bake)
{
        int state = bake->record.state, r;

        if (!bake->record.id || record_is_finished(&bake->record))
                return 0;
        if (bake->observer->gone(bake->observer->userdata)) /* a daemon that died is no cancel */
                return 0;
        if (state == RECORD_REMOVING)
                return 0; /* what is to go was made by others, and goes on going when it is resumed */
        if (state == RECORD_MADE)
                return trial_is_over(&bake->record) ? bake_disown(bake) : 0;
        bake->deaf = true;
        r = record_failure(bake);
        if (r < 0)
                return log_error_errno(r, "Failed to write the job record: %m");
        if (state != RECORD_PLANNED) {
                bake_pause_point("undoing");
                r = delete_all(bake, state == RECORD_CUT && bake->record.method == METHOD_REGISTER);
                if (r == 0)
                        r = bundling_undo(bake);
        }
        if (r != 0) {
                name_leftovers(bake);
                return r < 0 ? r : -EREMOTEIO;
        }
        return finish(bake);
}
