/* SPDX-License-Identifier: Apache-2.0 */
/* An image that was made earlier is published. */

#include "flow/publish-again.h"

#include "aws/ec2-tagging.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/claims.h"
#include "flow/follow.h"
#include "flow/identify.h"
#include "flow/labels.h"
#include "flow/publication.h"
#include "flow/publish.h"
#include "flow/publish-keys.h"
#include "flow/turn.h"
#include "flow/undo.h"

static int fail_memory(Bake *bake)
{
        return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
}

/* --- The image -------------------------------------------------------------------------------- */

static int read_id(Bake *bake, const BakeRequest *request, const char **ret)
{
        const char *id = json_string_value(json_array_get(request->ids, 0));

        if (json_array_size(request->ids) != 1 || !id || !ec2_id_is_valid(id, "ami-"))
                return failure_set(&bake->failure, FAILURE_INVALID_ARGUMENT, -EINVAL,
                        "'%s' is no image: publish takes the id of one, as ami-0123456789abcdef0",
                        id ? id : "");
        *ret = id;
        return 0;
}

static int judge_image(Bake *bake, const Ec2Image *image)
{
        const char *account = bake->identity.account_id;

        if (account && !streq_ptr(image->owner_id, account))
                return failure_set(&bake->failure, FAILURE_INVALID_ARGUMENT, -EINVAL,
                        "Image %s belongs to account %s: only one of our own can be published",
                        image->id, image->owner_id ? image->owner_id : "of nobody");
        if (!tag_list_get(&image->tags, LABEL_JOB))
                return failure_set(&bake->failure, FAILURE_INVALID_ARGUMENT, -EINVAL,
                        "Image %s was not made by quiesced, since it carries no tag " LABEL_JOB
                        ": publish it by hand",
                        image->id);
        if (image->state != EC2_IMAGE_AVAILABLE)
                return failure_set(&bake->failure, FAILURE_INVALID_ARGUMENT, -EINVAL,
                        "Image %s is not available: only one that can be launched is published",
                        image->id);
        if (streq_ptr(tag_list_get(&image->tags, LABEL_VERIFIED), "no"))
                return failure_set(&bake->failure, FAILURE_VERIFY_FAILED, -EINVAL,
                        "Image %s did not verify: verify it again before it is published",
                        image->id);
        return 0;
}

static int read_image(Bake *bake, const char *id, Ec2ImageList *ret)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const Ec2ImageFilter filter = { .id = id };
        int r = ec2_describe_images(bake->aws, &filter, 0, ret, &error);

        if (r == EC2_E_NOT_FOUND)
                return failure_set(&bake->failure, FAILURE_NO_SUCH_IMAGE, -ENOENT,
                        "There is no image %s in region %s", id, aws_client_region(bake->aws));
        return r == 0 ? judge_image(bake, &ret->items[0]) :
                        bake_fail_api(bake, "DescribeImages", r, &error);
}

/* One that is being made, proved, published or removed belongs to the job that does it. */
static int check_claims(Bake *bake, const char *id)
{
        _cleanup_(string_list_done) StringList claims = STRING_LIST_INIT;
        int r = claims_read(bake->settings, bake->record.id, &claims, &bake->failure);

        if (r < 0 || !string_list_has_sorted(&claims, id))
                return r;
        return failure_set(&bake->failure, FAILURE_IN_USE, -EBUSY,
                "Image %s belongs to a job of this host that has not ended, see quiescectl jobs: "
                "wait for it, or cancel it",
                id);
}

static int find_profile(Bake *bake, const BakeRequest *request, const Ec2Image *image)
{
        const char *name = request->profile ? request->profile :
                                              tag_list_get(&image->tags, LABEL_PROFILE);

        if (!name)
                return failure_set(&bake->failure, FAILURE_INVALID_ARGUMENT, -EINVAL,
                        "Image %s was made without a profile: name the one whose [Publish] counts",
                        image->id);
        return profile_load(bake->settings, name, &bake->profile, &bake->failure);
}

/* --- The record ------------------------------------------------------------------------------- */

/* What the bake has measured, as the image says it: the copies say the same of themselves. */
static int note_result(Record *record, const TagList *tags)
{
        const char *class = tag_list_get(tags, LABEL_CONSISTENCY);
        const char *frozen = tag_list_get(tags, LABEL_FROZEN);
        const char *at_rest = tag_list_get(tags, LABEL_AT_REST);

        for (int i = 0; class && i < CONSISTENCY_MAX; i++)
                if (streq(consistency_names[i], class))
                        record->reached = i;
        if (frozen)
                (void)parse_u64(frozen, &record->frozen_usec);
        return at_rest ? string_replace(&record->at_rest, at_rest) : 0;
}

/* Those of the job that made it: whether it was verified is the image's own affair. */
static int note_tags(Bake *bake, const Ec2Image *image)
{
        Record *record = &bake->record;

        record->tags = json_object();
        for (size_t i = 0; i < image->tags.count; i++) {
                const Tag *tag = &image->tags.items[i];

                if (!startswith(tag->key, "aws:") && !streq(tag->key, LABEL_VERIFIED) &&
                        json_object_set_new(record->tags, tag->key, json_string(tag->value)) < 0)
                        return -ENOMEM;
        }
        return record->tags ? 0 : -ENOMEM;
}

static int note_snapshots(Record *record, const Ec2Image *image)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < image->n_devices; i++)
                if (image->devices[i].snapshot_id)
                        r = string_list_add(&record->snapshots, image->devices[i].snapshot_id);
        return r;
}

static int note_content(Record *record, const Ec2Snapshot *snapshot)
{
        static const char *const keys[] = { LABEL_MOUNTS, LABEL_TOPOLOGY, LABEL_DEVICE };
        json_t *labels = json_object();

        if (json_object_set_new(record->contents, snapshot->id, labels) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                const char *value = tag_list_get(&snapshot->tags, keys[i]);

                if (value && json_object_set_new(labels, keys[i], json_string(value)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* What each snapshot holds stands on itself alone. */
static int note_contents(Bake *bake)
{
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Record *record = &bake->record;
        const Ec2SnapshotFilter filter = { .ids = &record->snapshots };
        int r = 0;

        record->contents = json_object();
        if (record->snapshots.count > 0)
                r = ec2_describe_snapshots(bake->aws, &filter, 0, &snapshots, &error);
        if (r != 0)
                return bake_fail_api(bake, "DescribeSnapshots", r, &error);
        for (size_t i = 0; i < snapshots.count; i++)
                if (note_content(record, &snapshots.items[i]) < 0)
                        return fail_memory(bake);
        return record->contents ? 0 : fail_memory(bake);
}

static int fill_record(Bake *bake, const BakeRequest *request, const Ec2Image *image)
{
        Record *record = &bake->record;
        int r = bake_begin_record(bake, request->job, "publish");

        if (r < 0)
                return r;
        record->state = RECORD_MADE;
        if (string_replace(&record->image_id, image->id) < 0 ||
                string_replace(&record->profile, bake->profile.name) < 0 ||
                string_replace(&record->name, image->name ? image->name : image->id) < 0 ||
                (image->description &&
                        string_replace(&record->description, image->description) < 0) ||
                note_result(record, &image->tags) < 0 || note_tags(bake, image) < 0 ||
                note_snapshots(record, image) < 0)
                return fail_memory(bake);
        return note_contents(bake);
}

/* --- What is wanted --------------------------------------------------------------------------- */

/* Retention asks those that the image names: one that named it before may do so still. */
static int add_parameter(Bake *bake, const char *parameter)
{
        json_t *tags = bake->record.tags;
        const char *before = json_get_string(tags, LABEL_PARAMETER, NULL);
        _cleanup_(string_list_done) StringList names = STRING_LIST_INIT;
        _cleanup_(freep) char *all = NULL;

        if (before && string_list_split(&names, before, " ") < 0)
                return fail_memory(bake);
        if (string_list_contains(&names, parameter))
                return 0;
        if (string_list_add(&names, parameter) < 0 || string_list_join(&names, " ", &all) < 0)
                return fail_memory(bake);
        if (strlen(all) > LABEL_VALUE_MAX)
                return failure_set(&bake->failure, FAILURE_INVALID_ARGUMENT, -E2BIG,
                        "Image %s is published under as many parameters as its tag "
                        LABEL_PARAMETER " can name: take those out that name it no more",
                        bake->record.image_id);
        if (json_object_set_new(tags, LABEL_PARAMETER, json_string(all)) < 0)
                return fail_memory(bake);
        return 0;
}

static int check_wishes(Bake *bake, const Ec2Image *image)
{
        _cleanup_(freep) char *reason = NULL;
        const char *key = NULL;
        int r = 0;

        if (streq_ptr(image->root_device_type, "instance-store"))
                r = publish_check_bundle(&bake->profile, &key, &reason);
        if (r >= 0)
                return 0;
        return failure_set(&bake->failure, FAILURE_NOT_SUPPORTED, r,
                "%s= in [Publish] of the profile '%s': %s", key, bake->profile.name,
                reason ? reason : strerror(-r));
}

static int plan(Bake *bake, const Ec2Image *image)
{
        Record *record = &bake->record;
        int r = publication_plan(bake, record->region);

        if (r < 0)
                return r;
        if (!record->publication)
                return failure_set(&bake->failure, FAILURE_CONFIG_INVALID, -EINVAL,
                        "The profile '%s' wants nothing published: give it a section [Publish], or "
                        "name another profile",
                        bake->profile.name);
        if (json_object_set_new(record->publication, "made-usec",
                    json_integer((json_int_t)image->created_usec)) < 0)
                return fail_memory(bake);
        return bake->profile.ssm_parameter ? add_parameter(bake, bake->profile.ssm_parameter) : 0;
}

static int tag_parameter(Bake *bake, Attempt *ret)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const Record *record = &bake->record;
        int r;

        if (string_list_add(&ids, record->image_id) < 0 ||
                tag_list_set(&tags, LABEL_PARAMETER,
                        json_get_string(record->tags, LABEL_PARAMETER, "")) < 0)
                return fail_memory(bake);
        r = ec2_create_tags(bake->aws, &ids, &tags, /* flags= */ 0, &error);
        ret->complete = r == 0;
        return follow_judge(bake, "CreateTags", r, &error);
}

/* --- All of it -------------------------------------------------------------------------------- */

int publish_finish(Bake *bake)
{
        int r = 0;

        if (json_object_get(bake->record.publication, "parameter"))
                r = follow(bake, tag_parameter);
        if (r >= 0)
                r = step_publish(bake);
        if (r < 0)
                return r;
        bake->record.state = RECORD_DONE;
        bake->record.finished_usec = clock_realtime_usec();
        r = bake_save(bake);
        if (r >= 0)
                log_notice("%s is published", bake->record.image_id);
        return r;
}

static int fill_and_plan(Bake *bake, const BakeRequest *request, const char *id)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        int r = read_image(bake, id, &images);

        if (r >= 0)
                r = check_claims(bake, id);
        if (r >= 0)
                r = find_profile(bake, request, &images.items[0]);
        if (r >= 0)
                r = check_wishes(bake, &images.items[0]);
        if (r >= 0)
                r = fill_record(bake, request, &images.items[0]);
        return r < 0 ? r : plan(bake, &images.items[0]);
}

/* On record between two removals: each sees either the image gone, or that it is being published. */
static int begin(Bake *bake, const BakeRequest *request, const char *id)
{
        _cleanup_(closep) int turn = -EBADF;
        int r = turn_await(bake, TURN_REMOVAL, &turn);

        if (r >= 0)
                r = fill_and_plan(bake, request, id);
        if (r < 0)
                return r;
        r = bake_save(bake);
        if (r < 0)
                (void)bake_undo(bake);
        return r;
}

int run_publish(Bake *bake, const BakeRequest *request)
{
        const char *id = NULL;
        int r = read_id(bake, request, &id);

        if (r >= 0)
                r = step_identity(bake);
        if (r < 0)
                return r;
        observer_say(bake->observer, "followed"); /* what it does from now on, EC2 does */
        r = begin(bake, request, id);
        if (r < 0)
                return r;
        r = publish_finish(bake);
        if (r < 0)
                (void)bake_undo(bake);
        return r;
}
