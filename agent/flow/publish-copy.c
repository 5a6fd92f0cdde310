/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of the image in other regions: started all at once, and followed to their end. */

#include "flow/publish-copy.h"

#include "aws/ec2-copy.h"
#include "aws/ec2-tagging.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/follow.h"
#include "flow/identify.h"
#include "flow/labels.h"
#include "flow/publication.h"
#include "flow/publish-undo.h"

typedef struct Copy {
        char *step;
        const char *region;
        json_t *entry; /* of the record */
        AwsClient *client;
        uint64_t since_usec; /* when we began to look at it */
} Copy;

/* Of one image; `bake` is used by all that goes out. */
typedef struct Copies {
        Bake *bake;
        Copy *items;
        size_t count;
        TagList image_tags, snapshot_tags; /* from the first call on */
} Copies;

static void copies_done(Copies *copies)
{
        for (size_t i = 0; i < copies->count; i++) {
                (void)aws_client_free(copies->items[i].client);
                free(copies->items[i].step);
        }
        free(copies->items);
        tag_list_done(&copies->image_tags);
        tag_list_done(&copies->snapshot_tags);
}

int publish_copy_step(const char *region, char **ret)
{
        return string_printf(ret, "copy %s", region);
}

static int fail_memory(Bake *bake)
{
        return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
}

/* --- What is left of a copy that failed ------------------------------------------------------- */

static int delete_remains(const Copies *copies, const Copy *copy)
{
        const char *id = json_get_string(copy->entry, "image", NULL);
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        size_t n_deleted = 0;

        return publish_delete_copy(&copies->bake->record, copy->client, id, &n_deleted, &error);
}

/* The failure gains what has to be known of the remains. */
static void name_remains(Copies *copies, const Copy *copy)
{
        Failure *failure = &copies->bake->failure;
        _cleanup_(freep) char *message = NULL;

        if (string_printf(&message,
                    "%s; what carries the tag " LABEL_JOB "=%s in %s could not all be deleted: "
                    "look for it there",
                    failure->message, publish_job(&copies->bake->record), copy->region) < 0)
                return;
        free(failure->message);
        failure->message = TAKE_PTR(message);
}

/* With a failure in the bake: the end of this copy, unless it is the end of the job. */
static int give_up(Copies *copies, Copy *copy, int error)
{
        Bake *bake = copies->bake;

        if (bake->failure.kind == FAILURE_CANCELLED || bake->failure.kind == FAILURE_INTERNAL)
                return error;
        if (json_object_get(copy->entry, "image")) {
                if (delete_remains(copies, copy) != 0)
                        name_remains(copies, copy);
                else
                        (void)json_object_del(copy->entry, "image");
        }
        return publication_note(bake, copy->step, error);
}

/* --- Its beginning ---------------------------------------------------------------------------- */

/* Those of the image as it is now: whoever proved or marked it has said so of the copy, too. */
static int collect_tags(Copies *copies)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Record *record = &copies->bake->record;
        const Ec2ImageFilter filter = { .id = record->image_id };
        int r;

        if (copies->image_tags.count > 0)
                return 0;
        r = ec2_describe_images(copies->bake->aws, &filter, EC2_FRESH, &images, &error);
        if (r != 0)
                return follow_judge(copies->bake, "DescribeImages", r, &error);
        for (size_t i = 0; i < images.items[0].tags.count; i++) {
                const Tag *tag = &images.items[0].tags.items[i];

                if (!startswith(tag->key, "aws:") &&
                        tag_list_set(&copies->image_tags, tag->key, tag->value) < 0)
                        return fail_memory(copies->bake);
        }
        if (labels_add(&copies->image_tags, record->tags) < 0 ||
                labels_add(&copies->snapshot_tags, record->tags) < 0 ||
                labels_of_result(record, &copies->snapshot_tags) < 0 ||
                tag_list_set(&copies->image_tags, LABEL_COPY_OF, record->image_id) < 0 ||
                tag_list_set(&copies->snapshot_tags, LABEL_COPY_OF, record->image_id) < 0)
                return fail_memory(copies->bake);
        return 0;
}

/* The client token does that for as long as EC2 knows it, and a job may go on after days. */
static int adopt(Copies *copies, Copy *copy, char **ret_id)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const char *job = publish_job(&copies->bake->record);
        bool is_again = streq(copies->bake->record.kind, "publish"); /* what failed is made anew */
        const Ec2ImageFilter filter = { .tag_key = LABEL_JOB, .tag_value = job };
        int r;

        if (!copies->bake->resumed && !is_again)
                return 0;
        r = ec2_describe_images(copy->client, &filter, 0, &images, &error);
        if (r != 0)
                return follow_judge(copies->bake, "DescribeImages", r, &error);
        for (size_t i = 0; i < images.count; i++)
                if (publish_is_copy(&copies->bake->record, &images.items[i].tags) &&
                        (!is_again || images.items[i].state != EC2_IMAGE_FAILED))
                        return string_replace(ret_id, images.items[i].id);
        return 0;
}

/* EC2's error codes page: "you might have too many snapshot copies in progress"; others end. */
static bool is_crowded(int outcome, const ApiError *error)
{
        return outcome == EC2_E_REFUSED && streq_ptr(error->code, "ResourceLimitExceeded");
}

/* From here on there may be a copy, whatever the answer. */
static int note_asked(Copies *copies, Copy *copy)
{
        if (json_get_bool(copy->entry, "asked", false))
                return 0;
        if (json_object_set_new(copy->entry, "asked", json_true()) < 0)
                return fail_memory(copies->bake);
        return bake_save(copies->bake);
}

static int request(Copies *copies, Copy *copy, char **ret_id)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const Record *record = &copies->bake->record;
        const Ec2CopyImage arguments = {
                .source_region = record->region,
                .source_image_id = record->image_id,
                .name = record->name,
                .description = record->description,
                .kms_key_id = json_get_string(copy->entry, "key", NULL),
                .client_token = record->id,
                .image_tags = &copies->image_tags,
                .snapshot_tags = &copies->snapshot_tags,
        };
        int r = note_asked(copies, copy);

        if (r < 0)
                return r;
        r = ec2_copy_image(copy->client, &arguments, ret_id, &error);
        if (is_crowded(r, &error))
                return r;
        return follow_judge(copies->bake, "CopyImage", r, &error);
}

/* 0 also where it has to be tried again. */
static int begin(Copies *copies, Copy *copy)
{
        _cleanup_(freep) char *id = NULL;
        int r = collect_tags(copies);

        if (r == 0)
                r = adopt(copies, copy, &id);
        if (r == 0 && !id)
                r = request(copies, copy, &id);
        if (r != 0)
                return r < 0 ? give_up(copies, copy, r) : 0;
        bake_pause_point("copying");
        if (json_object_set_new(copy->entry, "image", json_string(id)) < 0)
                return fail_memory(copies->bake);
        copy->since_usec = clock_usec();
        return bake_save(copies->bake);
}

/* --- Its end ---------------------------------------------------------------------------------- */

/* What the volume at this device holds, as it stands on the snapshot that the image is made of. */
static const json_t *contents_of(const Record *record, const char *device)
{
        const char *volume;
        json_t *labels;

        json_object_foreach(record->contents, volume, labels)
                if (streq_ptr(json_get_string(labels, LABEL_DEVICE, NULL), device))
                        return labels;
        return NULL;
}

static int tag_snapshot(Copies *copies, const Copy *copy, const Ec2BlockDevice *device)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        int r;

        if (string_list_add(&ids, device->snapshot_id) < 0 ||
                labels_add(&tags, contents_of(&copies->bake->record, device->device_name)) < 0)
                return fail_memory(copies->bake);
        r = ec2_create_tags(copy->client, &ids, &tags, EC2_FRESH, &error);
        return follow_judge(copies->bake, "CreateTags", r, &error);
}

static int finish(Copies *copies, Copy *copy, const Ec2Image *image)
{
        _cleanup_(json_decrefp) json_t *snapshots = json_array();
        int r = 0;

        for (size_t i = 0; r == 0 && i < image->n_devices; i++) {
                if (!image->devices[i].snapshot_id)
                        continue;
                r = tag_snapshot(copies, copy, &image->devices[i]);
                if (r == 0 && json_array_append_new(snapshots,
                                      json_string(image->devices[i].snapshot_id)) < 0)
                        r = fail_memory(copies->bake);
        }
        if (r != 0) /* it is complete, and stays */
                return r < 0 ? publication_note(copies->bake, copy->step, r) : 0;
        if (json_object_set(copy->entry, "snapshots", snapshots) < 0)
                return fail_memory(copies->bake);
        bake_pause_point("copied");
        return publication_note(copies->bake, copy->step, 0);
}

static int fail_copy(Copies *copies, Copy *copy, const char *reason)
{
        int r = failure_set(&copies->bake->failure, FAILURE_IMAGE_FAILED, -EIO, "%s%s",
                reason ? reason : "EC2 gives no reason",
                json_object_get(copy->entry, "key") ? "; can the key of CopyTo= be used there?" :
                                                      "");

        return give_up(copies, copy, r);
}

static int look_at(Copies *copies, Copy *copy)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const Ec2ImageFilter filter = { .id = json_get_string(copy->entry, "image", NULL) };
        uint64_t shown_usec = copy->since_usec + copies->bake->settings->settle_usec;
        int r = ec2_describe_images(copy->client, &filter, 0, &images, &error);

        if (r == EC2_E_NOT_FOUND && clock_usec() < shown_usec)
                return 0;
        if (r != 0) {
                r = follow_judge(copies->bake, "DescribeImages", r, &error);
                return r < 0 ? give_up(copies, copy, r) : 0;
        }
        switch (images.items[0].state) {
        case EC2_IMAGE_AVAILABLE:
                return finish(copies, copy, &images.items[0]);
        case EC2_IMAGE_FAILED:
                return fail_copy(copies, copy, images.items[0].state_message);
        default:
                return 0;
        }
}

/* --- All of them ------------------------------------------------------------------------------ */

/* A round: what has no answer yet is asked again in the next one. */
static int advance(Bake *bake, Attempt *ret)
{
        Copies *copies = ret->userdata;
        size_t n_over = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < copies->count; i++) {
                Copy *copy = &copies->items[i];

                if (!publication_is_over(bake, copy->step))
                        r = json_object_get(copy->entry, "image") ? look_at(copies, copy) :
                                                                    begin(copies, copy);
                n_over += publication_is_over(bake, copy->step);
        }
        ret->complete = n_over == copies->count;
        ret->percent = (unsigned)(n_over * 100 / copies->count);
        return r;
}

static int open_copies(Copies *copies)
{
        Bake *bake = copies->bake;
        const char *region;
        json_t *entry;
        int r;

        json_object_foreach(json_object_get(bake->record.publication, "copies"), region, entry) {
                Copy *copy = ARRAY_ADD(copies->items, copies->count);

                if (!copy || publish_copy_step(region, &copy->step) < 0)
                        return fail_memory(bake);
                copy->region = region;
                copy->entry = entry;
                copy->since_usec = clock_usec();
                r = bake_open_client(bake, "ec2", region, &copy->client);
                if (r < 0)
                        return r;
        }
        return 0;
}

int publish_copies(Bake *bake)
{
        _cleanup_(copies_done) Copies copies = { .bake = bake };
        int r;

        if (json_object_size(json_object_get(bake->record.publication, "copies")) == 0)
                return 0;
        r = open_copies(&copies);
        return r < 0 ? r : follow_with(bake, advance, &copies);
}
