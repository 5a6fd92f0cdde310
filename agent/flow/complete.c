/* SPDX-License-Identifier: Apache-2.0 */
/* Step 7: what was cut becomes complete, and an image. */

#include "flow/complete.h"

#include "aws/ec2-registration.h"
#include "aws/ec2-tagging.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/bundling.h"
#include "flow/cut.h"
#include "flow/follow.h"
#include "flow/labels.h"
#include "flow/spec.h"

/* Of the progress of a job that makes an image: the rest takes seconds, these may take hours. */
#define SNAPSHOTS_PERCENT 95

static int fail_snapshot(Bake *bake, const Ec2Snapshot *snapshot)
{
        return failure_set(&bake->failure, FAILURE_SNAPSHOT_FAILED, -EIO,
                "Snapshot %s of volume %s failed: %s", snapshot->id, snapshot->volume_id,
                snapshot->message ? snapshot->message : "EC2 gives no reason");
}

static int look_at_snapshots(Bake *bake, Attempt *ret)
{
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
        size_t n_completed = 0, percents = 0;
        int r = follow_describe_snapshots(bake, &snapshots);

        if (r != 0)
                return r;
        for (size_t i = 0; i < snapshots.count; i++) {
                if (snapshots.items[i].state == EC2_SNAPSHOT_ERROR)
                        return fail_snapshot(bake, &snapshots.items[i]);
                if (snapshots.items[i].state == EC2_SNAPSHOT_COMPLETED)
                        n_completed++;
                percents += snapshots.items[i].state == EC2_SNAPSHOT_COMPLETED ?
                        100 :
                        snapshots.items[i].progress;
        }
        ret->complete = n_completed == bake->record.snapshots.count;
        if (snapshots.count > 0)
                ret->percent = (unsigned)(percents / snapshots.count);
        if (bake->record.name)
                ret->percent = ret->percent * SNAPSHOTS_PERCENT / 100;
        return 0;
}

/* The labels of one snapshot: of its volume's contents, and of the result. */
static int tag_snapshot(Bake *bake, const Ec2Snapshot *snapshot)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const json_t *contents = json_object_get(bake->record.contents, snapshot->volume_id);
        int r;

        if (string_list_add(&ids, snapshot->id) < 0 || labels_add(&tags, contents) < 0 ||
                labels_add(&tags, bake->record.tags) < 0 ||
                labels_of_result(&bake->record, &tags) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        r = ec2_create_tags(bake->aws, &ids, &tags, EC2_FRESH, &error);
        return follow_judge(bake, "CreateTags", r, &error);
}

static int tag_snapshots(Bake *bake, Attempt *ret)
{
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
        int r = follow_describe_snapshots(bake, &snapshots);

        if (r == 0)
                r = cut_check_volumes(bake, &snapshots);
        for (size_t i = 0; r == 0 && i < snapshots.count; i++)
                r = tag_snapshot(bake, &snapshots.items[i]);
        ret->complete = r == 0;
        return r;
}

/*
 * An image with our name may be ours: the answer to an earlier attempt was lost, or we were killed.
 * Where there is none, the attempt came to nothing: EC2_E_LOST, and it may be made again.
 */
static int adopt_image(Bake *bake)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Ec2ImageFilter filter = { .name = bake->record.name };
        const char *job;
        int r;

        r = ec2_describe_images(bake->aws, &filter, 0, &images, &error);
        if (r != 0)
                return follow_judge(bake, "DescribeImages", r, &error);
        if (images.count == 0)
                return EC2_E_LOST;
        job = tag_list_get(&images.items[0].tags, LABEL_JOB);
        if (!streq_ptr(job, bake->record.id))
                return failure_set(&bake->failure, FAILURE_NAME_TAKEN, -EEXIST,
                        "Another image, %s, has taken the name '%s' meanwhile", images.items[0].id,
                        bake->record.name);
        return string_replace(&bake->record.image_id, images.items[0].id);
}

/* EC2 shows a fresh image after a while, and a disabled one never. */
static int fail_hidden_name(Bake *bake)
{
        return failure_set(&bake->failure, FAILURE_NAME_TAKEN, -EEXIST,
                "EC2 says that the name '%s' is taken, and shows no image of this name: a disabled "
                "one, perhaps; choose another",
                bake->record.name);
}

static int build_image(Bake *bake, Ec2Image *ret)
{
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
        bool is_bundle = bake->record.method == METHOD_BUNDLE;
        int r = is_bundle ? 0 : follow_describe_snapshots(bake, &snapshots);

        if (r != 0)
                return r;
        r = spec_to_image(bake->record.image, bake->record.name, bake->record.description,
                &snapshots, ret);
        if (r >= 0)
                r = labels_add(&ret->tags, bake->record.tags);
        if (r >= 0)
                r = labels_of_result(&bake->record, &ret->tags);
        if (r >= 0 && is_bundle)
                r = bundling_finish_image(bake, ret);
        return r >= 0 ? 0 :
                        failure_set(&bake->failure, FAILURE_INTERNAL, r,
                                "The image cannot be put together from its snapshots: %s",
                                strerror(-r));
}

static int register_image(Bake *bake, Attempt *ret)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(ec2_image_done) Ec2Image image = { 0 };
        int r;

        r = build_image(bake, &image);
        if (r != 0)
                return r;
        cut_stamp(bake);
        r = bake_save(bake);
        if (r < 0)
                return r;
        r = ec2_register_image(bake->aws, &image, &bake->record.image_id, &error);
        if (r == EC2_E_NAME_TAKEN || r == EC2_E_LOST || r == EC2_E_TIMEOUT) {
                bool taken = r == EC2_E_NAME_TAKEN;

                r = adopt_image(bake);
                if (r == EC2_E_LOST && taken &&
                        clock_usec() >= ret->since_usec + bake->settings->settle_usec)
                        return fail_hidden_name(bake);
        }
        ret->complete = r == 0;
        return follow_judge(bake, "RegisterImage", r, &error);
}

static int make_image(Bake *bake)
{
        int r;

        if (!bake->record.name)
                return 0;
        if (!bake->record.image_id) {
                r = follow(bake, register_image);
                if (r < 0)
                        return r;
                bake_pause_point("registered");
                r = bake_save(bake);
                if (r < 0)
                        return r;
        }
        return follow(bake, follow_image);
}

static bool by_create_image(const Bake *bake)
{
        return bake->record.name && bake->record.method != METHOD_REGISTER;
}

static int tag_image(Bake *bake, Attempt *ret)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r;

        if (string_list_add(&ids, bake->record.image_id) < 0 ||
                labels_of_result(&bake->record, &tags) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        r = ec2_create_tags(bake->aws, &ids, &tags, EC2_FRESH, &error);
        ret->complete = r == 0;
        return follow_judge(bake, "CreateTags", r, &error);
}

static int complete_snapshots(Bake *bake)
{
        int r;

        if (by_create_image(bake)) {
                r = follow(bake, follow_image);
                return r < 0 ? r : follow(bake, tag_snapshots);
        }
        r = follow(bake, tag_snapshots);
        if (r >= 0)
                r = follow(bake, look_at_snapshots);
        return r < 0 ? r : make_image(bake);
}

static int complete_bundle(Bake *bake)
{
        int r = bundling_upload(bake);

        if (r >= 0)
                r = make_image(bake);
        if (r >= 0)
                bundling_discard(bake);
        return r;
}

int step_complete(Bake *bake)
{
        int r;

        observer_step(bake->observer, STEP_COMPLETE);
        bake_pause_point("completing");
        r = bake->record.method == METHOD_BUNDLE ? complete_bundle(bake) : complete_snapshots(bake);
        if (r >= 0 && bake->record.image_id)
                r = follow(bake, tag_image);
        if (r < 0)
                return r;
        bake->record.state = RECORD_MADE;
        r = bake_save(bake);
        bake_pause_point("made");
        return r;
}
