/* SPDX-License-Identifier: Apache-2.0 */
/* Copies in other regions that go away again. */

#include "flow/publish-undo.h"

#include "aws/ec2-registration.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/identify.h"
#include "flow/labels.h"
#include "flow/publication.h"
#include "flow/publish-copy.h"

/* Between two looks at what EC2 shows by now. */
#define ROUND_USEC USEC_PER_SEC

#define UNDOING "undoing"
#define TAKEN_BACK "it was taken back, since the job ended before it was complete"

const char *publish_job(const Record *record)
{
        return json_get_string(record->tags, LABEL_JOB, record->id);
}

bool publish_is_copy(const Record *record, const TagList *tags)
{
        return streq_ptr(tag_list_get(tags, LABEL_JOB), publish_job(record)) &&
                streq_ptr(tag_list_get(tags, LABEL_COPY_OF), record->image_id);
}

static int deregister(const Record *record, AwsClient *client, const char *id, size_t *n_deleted,
        ApiError *reterr)
{
        _cleanup_(string_list_done) StringList deleted = STRING_LIST_INIT;
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        const Ec2ImageFilter filter = { .id = id };
        int r = ec2_describe_images(client, &filter, 0, &images, reterr);

        if (r != 0)
                return r == EC2_E_NOT_FOUND ? 0 : r;
        if (!publish_is_copy(record, &images.items[0].tags))
                return -EPERM;
        r = ec2_deregister_image(client, id, &deleted, reterr);
        *n_deleted += deleted.count;
        return r;
}

/* EC2's description of each names the copy that it was made for. */
static int delete_snapshots(const Record *record, AwsClient *client, const char *id,
        size_t *n_deleted, ApiError *reterr)
{
        const Ec2SnapshotFilter filter = { .tag_key = LABEL_JOB, .tag_value = publish_job(record) };
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
        int r = ec2_describe_snapshots(client, &filter, 0, &snapshots, reterr);

        for (size_t i = 0; r == 0 && i < snapshots.count; i++) {
                const Ec2Snapshot *snapshot = &snapshots.items[i];

                if (!publish_is_copy(record, &snapshot->tags) || !snapshot->description ||
                        !strstr(snapshot->description, id))
                        continue;
                r = ec2_delete_snapshot(client, snapshot->id, 0, reterr);
                *n_deleted += r == 0;
        }
        return r;
}

int publish_delete_copy(const Record *record, AwsClient *client, const char *id,
        size_t *n_deleted, ApiError *reterr)
{
        int r = deregister(record, client, id, n_deleted, reterr);

        return r != 0 ? r : delete_snapshots(record, client, id, n_deleted, reterr);
}

/* --- Those that are under way ----------------------------------------------------------------- */

bool publish_is_undoing(const Record *record)
{
        return json_get_bool(record->publication, UNDOING, false);
}

/* Of one copy, from one round to the next. */
typedef struct Undoing {
        Bake *bake;
        const char *region;
        json_t *entry;
        char *step;
        AwsClient *client;
        size_t n_deleted; /* of its snapshots */
        int outcome; /* of the last round: what it could not do; 0: nothing failed */
        ApiError error;
} Undoing;

typedef struct UndoingList {
        Undoing *items;
        size_t count;
} UndoingList;

static void undoing_list_done(UndoingList *list)
{
        for (size_t i = 0; i < list->count; i++) {
                (void)aws_client_free(list->items[i].client);
                api_error_done(&list->items[i].error);
                free(list->items[i].step);
        }
        free(list->items);
}

/* What this job has not asked for is a copy of an earlier one, which stays. */
static bool is_open(const Bake *bake, const json_t *entry, const char *step)
{
        return json_get_bool(entry, "asked", false) && !publication_is_over(bake, step);
}

static int list_open(Bake *bake, UndoingList *ret)
{
        const char *region;
        json_t *entry;

        json_object_foreach(json_object_get(bake->record.publication, "copies"), region, entry) {
                _cleanup_(freep) char *step = NULL;
                Undoing *one;

                if (publish_copy_step(region, &step) < 0)
                        return -ENOMEM;
                if (!is_open(bake, entry, step))
                        continue;
                one = ARRAY_ADD(ret->items, ret->count);
                if (!one)
                        return -ENOMEM;
                *one = (Undoing){ .bake = bake, .region = region, .entry = entry,
                        .step = TAKE_PTR(step) };
        }
        return 0;
}

/* The answer that had its id may have been lost, or the worker killed before it was on record. */
static int find_copy(Undoing *undoing)
{
        const Record *record = &undoing->bake->record;
        const Ec2ImageFilter filter = { .tag_key = LABEL_JOB, .tag_value = publish_job(record) };
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        int r = ec2_describe_images(undoing->client, &filter, 0, &images, &undoing->error);

        for (size_t i = 0; r == 0 && i < images.count; i++)
                if (publish_is_copy(record, &images.items[i].tags)) {
                        if (json_object_set_new(undoing->entry, "image",
                                    json_string(images.items[i].id)) < 0)
                                return -ENOMEM;
                        return bake_save(undoing->bake);
                }
        return r;
}

static int undo_round(Undoing *undoing)
{
        Bake *bake = undoing->bake;
        int r = 0;

        api_error_done(&undoing->error);
        if (!undoing->client)
                r = bake_open_client(bake, "ec2", undoing->region, &undoing->client);
        if (r == 0 && !json_object_get(undoing->entry, "image"))
                r = find_copy(undoing);
        if (r == 0 && json_object_get(undoing->entry, "image"))
                r = publish_delete_copy(&bake->record, undoing->client,
                        json_get_string(undoing->entry, "image", ""), &undoing->n_deleted,
                        &undoing->error);
        undoing->outcome = r;
        return r == -ENOMEM ? r : 0;
}

static bool is_over(const Undoing *undoing, bool settled)
{
        if (undoing->outcome != 0)
                return settled || undoing->outcome < 0 ||
                        !bake_outcome_passes(undoing->outcome, &undoing->error);
        return settled ||
                (json_object_get(undoing->entry, "image") &&
                        undoing->n_deleted >= undoing->bake->record.snapshots.count);
}

static int conclude(Undoing *undoing)
{
        Bake *bake = undoing->bake;
        json_t *steps = json_object_get(bake->record.publication, "steps");
        const char *id = json_get_string(undoing->entry, "image", NULL);

        if (undoing->outcome != 0)
                return undoing->outcome;
        if (id)
                log_notice("Took back %s, the copy in %s", id, undoing->region);
        (void)json_object_del(undoing->entry, "image");
        if (json_object_set_new(steps, undoing->step, json_string(TAKEN_BACK)) < 0)
                return -ENOMEM;
        return bake_save(bake);
}

/* The failure that ended the job, with what is left. */
static int name_left(Bake *bake, const Undoing *undoing)
{
        _cleanup_(freep) char *message = NULL, *reason = NULL;

        if (undoing->outcome > 0 && api_error_format(&undoing->error, &reason) < 0)
                return -ENOMEM;
        if (string_printf(&message,
                    "%s; what carries the tag " LABEL_JOB "=%s in %s could not all be deleted "
                    "(%s): quiesced tries again later",
                    bake->failure.message ? bake->failure.message : "Failed",
                    publish_job(&bake->record), undoing->region,
                    reason                     ? reason :
                    undoing->outcome == -EPERM ? "it is not of this job" :
                                                 strerror(-undoing->outcome)) < 0)
                return -ENOMEM;
        free(bake->failure.message);
        bake->failure.message = TAKE_PTR(message);
        return -EREMOTEIO;
}

static int put_on_record(Bake *bake)
{
        Record *record = &bake->record;

        record->error = bake->failure.kind;
        if (bake->failure.message && string_replace(&record->message, bake->failure.message) < 0)
                return -ENOMEM;
        if (json_object_set_new(record->publication, UNDOING, json_true()) < 0)
                return -ENOMEM;
        return record_save(record);
}

/* One round over all; 0 when each is over. 1 as long as one is not. */
static int undo_all(UndoingList *list, bool settled)
{
        bool over = true;

        for (size_t i = 0; i < list->count; i++) {
                Undoing *one = &list->items[i];

                if (publication_is_over(one->bake, one->step))
                        continue;
                if (undo_round(one) < 0)
                        return -ENOMEM;
                if (!is_over(one, settled))
                        over = false;
                else if (one->outcome == 0 && conclude(one) < 0)
                        return -ENOMEM;
        }
        return !over;
}

static int undo_listed(Bake *bake, UndoingList *list)
{
        uint64_t settled_usec = clock_usec() + bake->settings->settle_usec;

        for (;;) {
                int r = undo_all(list, clock_usec() >= settled_usec);

                if (r < 0)
                        return r;
                if (bake->observer->gone(bake->observer->userdata))
                        return -EPIPE; /* it is on record */
                if (r == 0)
                        break;
                (void)bake_cancelled(bake); /* shows that we are alive */
                clock_sleep_usec(ROUND_USEC);
        }
        for (size_t i = 0; i < list->count; i++)
                if (!publication_is_over(bake, list->items[i].step))
                        return name_left(bake, &list->items[i]);
        return 0;
}

int publish_undo(Bake *bake)
{
        _cleanup_(undoing_list_done) UndoingList list = { 0 };
        bool was_deaf = bake->deaf;
        int r = list_open(bake, &list);

        if (r < 0 || list.count == 0)
                return r;
        bake->deaf = true;
        r = put_on_record(bake);
        bake_pause_point("taking-back");
        if (r >= 0)
                r = undo_listed(bake, &list);
        bake->deaf = was_deaf;
        return r;
}
