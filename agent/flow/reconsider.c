/* SPDX-License-Identifier: Apache-2.0 */
/* What retention gave up, looked at again shortly before it goes. */

#include "flow/reconsider.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/choice.h"
#include "flow/guard.h"
#include "flow/removal-image.h"
#include "flow/removal.h"
#include "flow/stock.h"

#define NOT_OURS "it is not quiesced's any more"
#define NOT_SELECTED "the profile that gave it up is not about it any more"
#define NO_PROFILE "the profile that gave it up cannot be read any more"

/* What is asked about together. */
typedef struct Batch {
        Removal *removal;
        json_t *entries;
        size_t start, end;
        Stock stock;
        StringList listed; /* that EC2 shows, sorted */
        StringList strange; /* of these: what the profile is not about */
} Batch;

static void batch_done(Batch *batch)
{
        stock_done(&batch->stock);
        string_list_done(&batch->listed);
        string_list_done(&batch->strange);
}

static json_t *entry_at(const Batch *batch, size_t i)
{
        return json_array_get(batch->entries, i);
}

/*
 * The job that made the snapshot, by which it goes together with others; "" for one alone, and
 * for images.
 */
static const char *set_at(const Batch *batch, size_t i)
{
        return json_get_string(entry_at(batch, i), "set", "");
}

static bool is_same_set(const Batch *batch, size_t i, size_t j)
{
        return entries_are_of_one_set(batch->entries, i, j);
}

/* Half a set would be taken for a whole one, which is smaller: it goes on to the end. */
static bool is_begun(const Batch *batch, size_t i)
{
        return entry_is_half(entry_at(batch, i)) || entry_set_is_begun(batch->entries, i);
}

static bool is_open(const Batch *batch, size_t i)
{
        return !entry_is_settled(entry_at(batch, i)) && !is_begun(batch, i);
}

static int list_open(const Batch *batch, StringList *ret)
{
        int r = 0;

        for (size_t i = batch->start; r >= 0 && i < batch->end; i++)
                if (is_open(batch, i))
                        r = string_list_add(ret, entry_id(entry_at(batch, i)));
        return r;
}

/* --- What becomes of it ----------------------------------------------------------------------- */

/* With all that goes together with it. */
static int keep(const Batch *batch, size_t i, const char *reason)
{
        const char *set = set_at(batch, i);
        size_t first = i;

        log_notice("%s stays after all: %s", *set ? set : entry_id(entry_at(batch, i)), reason);
        while (first > batch->start && is_same_set(batch, i, first - 1))
                first--;
        for (size_t j = first; j < batch->end && is_same_set(batch, i, j); j++)
                if (entry_stay(entry_at(batch, j), reason) < 0)
                        return -ENOMEM;
        return 0;
}

static int leave_all(const Batch *batch, const char *call, int outcome, const ApiError *error)
{
        int r = 0;

        for (size_t i = batch->start; r >= 0 && i < batch->end; i++)
                if (is_open(batch, i))
                        r = removal_leave_api(
                                batch->removal, entry_at(batch, i), call, outcome, error);
        return r;
}

static const StockObject *find_object(const Stock *stock, const char *id)
{
        for (size_t i = 0; i < stock->count; i++)
                if (streq(stock->items[i].id, id) ||
                        (stock->items[i].kind == STOCK_SNAPSHOTS &&
                                string_list_contains(&stock->items[i].snapshots, id)))
                        return &stock->items[i];
        return NULL;
}

/* What EC2 does not show is gone, or is found to be so when its turn comes. */
static const char *find_reason(const Batch *batch, const char *id)
{
        const StockObject *object = find_object(&batch->stock, id);

        if (!string_list_has_sorted(&batch->listed, id))
                return NULL;
        if (!batch->removal->bake->profile.name)
                return NO_PROFILE;
        if (string_list_contains(&batch->strange, id))
                return NOT_SELECTED;
        return object ? object->guard : NOT_OURS;
}

static int note_listed(Batch *batch, const char *id, const TagList *tags)
{
        if (string_list_add(&batch->listed, id) < 0)
                return -ENOMEM;
        return stock_is_selected(batch->removal->bake, tags) ? 0
                                                              : string_list_add(&batch->strange, id);
}

static int judge(Batch *batch)
{
        Bake *bake = batch->removal->bake;
        int r = 0;

        batch->stock.now_usec = aws_client_realtime_usec(bake->aws);
        string_list_sort(&batch->listed);
        if (stock_finish(&batch->stock) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < batch->stock.count; i++)
                batch->stock.items[i].retain.reason = RETAIN_BECAUSE_UNWANTED;
        if (bake->profile.name)
                r = guard_stock(bake, &batch->stock);
        for (size_t i = batch->start; r >= 0 && i < batch->end; i++) {
                const char *reason = find_reason(batch, entry_id(entry_at(batch, i)));

                if (reason && is_open(batch, i))
                        r = keep(batch, i, reason);
        }
        return r;
}

/* --- Images ----------------------------------------------------------------------------------- */

/* What stays is of no interest, and the others need not be asked for one by one. */
static int learn_images(const Batch *batch, const Ec2ImageList *images)
{
        for (size_t i = 0; i < images->count; i++)
                for (size_t j = batch->start; j < batch->end; j++) {
                        json_t *entry = entry_at(batch, j);

                        if (is_open(batch, j) && streq(entry_id(entry), images->items[i].id) &&
                                removal_learn_image(batch->removal, entry, &images->items[i]) < 0)
                                return -ENOMEM;
                }
        return 0;
}

static int ask_images(Batch *batch, const StringList *ids)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Ec2ImageFilter filter = { .ids = ids };
        int r = ec2_describe_images(
                batch->removal->bake->aws, &filter, /* flags= */ 0, &images, &error);

        if (r != 0)
                return r < 0 ? r : leave_all(batch, "DescribeImages", r, &error);
        for (size_t i = 0; i < images.count; i++)
                if (note_listed(batch, images.items[i].id, &images.items[i].tags) < 0)
                        return -ENOMEM;
        if (stock_add_images(&batch->stock, &images) < 0)
                return -ENOMEM;
        r = judge(batch);
        return r < 0 ? r : learn_images(batch, &images);
}

/* --- Snapshot sets ---------------------------------------------------------------------------- */

static int ask_snapshots(Batch *batch, const StringList *ids)
{
        for (size_t i = 0; i < ids->count; i += EC2_FILTER_VALUES_MAX) {
                _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
                _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
                StringList some = { ids->items + i, ids->count - i };
                const Ec2SnapshotFilter filter = { .among = &some };
                int r;

                if (some.count > EC2_FILTER_VALUES_MAX)
                        some.count = EC2_FILTER_VALUES_MAX;
                r = ec2_describe_snapshots(
                        batch->removal->bake->aws, &filter, /* flags= */ 0, &snapshots, &error);
                if (r != 0)
                        return r < 0 ? r : leave_all(batch, "DescribeSnapshots", r, &error);
                for (size_t j = 0; j < snapshots.count; j++)
                        if (note_listed(batch, snapshots.items[j].id,
                                    &snapshots.items[j].tags) < 0)
                                return -ENOMEM;
                if (stock_add_snapshots(&batch->stock, &snapshots) < 0)
                        return -ENOMEM;
        }
        return judge(batch);
}

/* --- The policy ------------------------------------------------------------------------------- */

static Batch all_of(Removal *removal, const char *kind)
{
        json_t *entries = removal_entries(removal, kind);

        return (Batch){
                .removal = removal, .entries = entries, .end = json_array_size(entries)
        };
}

/* What EC2 does not show any more is found to be gone when its turn comes. */
static int keep_chosen(const Batch *batch, const Choice *choice)
{
        const RetainPolicy *policy = &batch->removal->bake->profile.retention.policy;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < batch->end; i++) {
                const StockObject *object =
                        find_object(&choice->stock, entry_id(entry_at(batch, i)));
                _cleanup_(freep) char *reason = NULL;

                if (!object || !retain_is_kept(&object->retain) || !is_open(batch, i))
                        continue;
                r = retain_format_reason(&object->retain, policy, &reason);
                if (r >= 0)
                        r = keep(batch, i, reason);
        }
        return r;
}

/* Of what is half gone nobody has to ask. */
static int leave_open(const Batch *batch, const char *reason)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < batch->end; i++)
                if (is_open(batch, i))
                        r = entry_leave(entry_at(batch, i), reason);
        return r;
}

static const char *const chosen_kinds[] = { "images", "snapshots" };

static int leave_undecided(Removal *removal)
{
        Failure *failure = &removal->bake->failure;
        _cleanup_(freep) char *reason = NULL;
        int r = string_printf(&reason, "what the policy keeps by now is not known: %s",
                failure->message ? failure->message : failure_name(failure->kind));

        for (size_t k = 0; r >= 0 && k < ELEMENTSOF(chosen_kinds); k++) {
                const Batch batch = all_of(removal, chosen_kinds[k]);

                r = leave_open(&batch, reason);
        }
        if (r >= 0)
                failure_done(failure);
        return r;
}

int reconsider_choice(Removal *removal)
{
        _cleanup_(choice_done) Choice choice = { 0 };
        Bake *bake = removal->bake;
        int r;

        if (!removal->is_retention || !bake->resumed || !bake->profile.name)
                return 0;
        r = choice_make(bake, REMOVAL_IDS_MAX, &choice);
        if (r < 0)
                return bake->failure.kind == FAILURE_CANCELLED ? r : leave_undecided(removal);
        for (size_t k = 0; r >= 0 && k < ELEMENTSOF(chosen_kinds); k++) {
                const Batch batch = all_of(removal, chosen_kinds[k]);

                r = keep_chosen(&batch, &choice);
        }
        return r;
}

/* --- Both ------------------------------------------------------------------------------------- */

/* A set is not divided. */
static size_t find_end(const Batch *batch)
{
        size_t count = json_array_size(batch->entries), end = batch->start + 1;

        while (end < count &&
                (end < batch->start + RECONSIDER_BATCH || is_same_set(batch, end - 1, end)))
                end++;
        return end;
}

static int ask(Batch *batch, const char *kind)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        int r = list_open(batch, &ids);

        if (r < 0 || ids.count == 0)
                return r;
        return streq(kind, "images") ? ask_images(batch, &ids) : ask_snapshots(batch, &ids);
}

static bool is_fresh(const Removal *removal, const char *kind, size_t index)
{
        return streq_ptr(removal->asked_kind, kind) && index < removal->asked_end &&
                clock_usec() < removal->asked_usec + RECONSIDER_USEC;
}

int reconsider(Removal *removal, const char *kind, size_t index)
{
        _cleanup_(batch_done) Batch batch = {
                .removal = removal, .entries = removal_entries(removal, kind), .start = index
        };
        Bake *bake = removal->bake;
        int r;

        if (!removal->is_retention || is_fresh(removal, kind, index))
                return 0;
        batch.end = find_end(&batch);
        removal->asked_kind = kind;
        removal->asked_end = batch.end;
        removal->asked_usec = clock_usec();
        r = ask(&batch, kind);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r, "%s", strerror(-r));
        return bake_append(bake, kind, batch.start, batch.end - batch.start);
}
