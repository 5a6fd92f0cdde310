/* SPDX-License-Identifier: Apache-2.0 */
/* Step 5: the point in time, by one call that is sent once. */

#include "flow/cut.h"

#include <sys/random.h>

#include "aws/ec2-registration.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/labels.h"
#include "flow/pace.h"
#include "flow/staging.h"
#include "freeze/protocol.h"

/* Between two looks at what EC2 has listed. */
#define LOOK_USEC (100 * USEC_PER_MSEC)
#define SETTLE_LOOK_USEC (USEC_PER_SEC)

/* Between the stamp that is on disk and the call: the last sync, and the window. */
#define LATE_USEC (FREEZE_SYNC_MAX_USEC + FREEZE_BUDGET_USEC_MAX)

static bool by_create_image(const Bake *bake)
{
        return bake->record.method != METHOD_REGISTER && bake->record.name;
}

static int excluded_devices(const Bake *bake, StringList *ret)
{
        for (size_t i = 0; i < bake->instance.n_attachments; i++) {
                const Ec2Attachment *attached = &bake->instance.attachments[i];

                if (!string_list_contains(&bake->plan.volumes, attached->volume_id) &&
                        string_list_add(ret, attached->device_name) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int prepare_create_image(Bake *bake, const TagList *tags)
{
        _cleanup_(string_list_done) StringList excluded = STRING_LIST_INIT;
        Ec2CreateImage arguments = {
                .instance_id = bake->identity.instance_id,
                .name = bake->plan.image_name,
                .description = bake->profile.description,
                .reboot = bake->record.method == METHOD_REBOOT,
                .exclude_devices = &excluded,
                .image_tags = tags,
                .snapshot_tags = tags,
        };

        if (excluded_devices(bake, &excluded) < 0)
                return -ENOMEM;
        return ec2_prepare_create_image(bake->aws, &arguments, &bake->request);
}

static int prepare_create_snapshots(Bake *bake, const TagList *tags)
{
        Ec2CreateSnapshots arguments = {
                .instance_id = bake->identity.instance_id,
                .description = bake->profile.description,
                .exclude_boot_volume = bake->plan.exclude_boot_volume,
                .exclude_data_volumes = &bake->plan.exclude_data_volumes,
                .tags = tags,
        };

        return ec2_prepare_create_snapshots(bake->aws, &arguments, &bake->request);
}

int cut_prepare(Bake *bake)
{
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        int r;

        if (bake->record.method == METHOD_BUNDLE)
                return 0; /* no call: the disk is read */
        r = labels_add(&tags, bake->record.tags);
        if (r >= 0)
                r = by_create_image(bake) ? prepare_create_image(bake, &tags) :
                                            prepare_create_snapshots(bake, &tags);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r,
                        "The create call cannot be built: %s", strerror(-r));
        return 0;
}

static int snapshots_by_tag(Bake *bake, Ec2SnapshotList *ret, ApiError *reterr)
{
        Ec2SnapshotFilter filter = { .tag_key = LABEL_JOB, .tag_value = bake->record.id };

        return ec2_describe_snapshots(bake->aws, &filter, 0, ret, reterr);
}

static int images_by_tag(Bake *bake, Ec2ImageList *ret, ApiError *reterr)
{
        Ec2ImageFilter filter = { .tag_key = LABEL_JOB, .tag_value = bake->record.id };

        return ec2_describe_images(bake->aws, &filter, 0, ret, reterr);
}

static bool has_snapshots_of_all(const Bake *bake, const Ec2SnapshotList *snapshots)
{
        for (size_t i = 0; i < bake->record.volumes.count; i++)
                if (!ec2_snapshot_list_find_volume(snapshots, bake->record.volumes.items[i]))
                        return false;
        return true;
}

bool cut_has_planned_only(const Bake *bake, const Ec2SnapshotList *snapshots)
{
        for (size_t i = 0; i < snapshots->count; i++) {
                const Ec2Snapshot *snapshot = &snapshots->items[i];

                if (snapshot->volume_id &&
                        string_list_contains(&bake->record.volumes, snapshot->volume_id))
                        continue;
                log_warning("%s is of %s, which was attached after the plan: it was not frozen",
                        snapshot->id, snapshot->volume_id ? snapshot->volume_id : "no volume");
                return false;
        }
        return true;
}

static bool device_is_planned(const Bake *bake, const char *device_name)
{
        for (size_t i = 0; i < bake->instance.n_attachments; i++) {
                const Ec2Attachment *attached = &bake->instance.attachments[i];

                if (streq_ptr(attached->device_name, device_name) &&
                        string_list_contains(&bake->record.volumes, attached->volume_id))
                        return true;
        }
        return false;
}

/* An image tells its snapshots by device. *ret_planned: each device is one of the plan's. */
static bool image_is_cut(const Bake *bake, const Ec2Image *image, bool *ret_planned)
{
        bool planned = true;
        size_t n = 0;

        for (size_t i = 0; i < image->n_devices; i++) {
                const Ec2BlockDevice *device = &image->devices[i];

                if (!device->is_ebs)
                        continue;
                if (!device->snapshot_id)
                        return false;
                planned = planned && device_is_planned(bake, device->device_name);
                n++;
        }
        if (n < bake->record.volumes.count)
                return false;
        *ret_planned = planned;
        return true;
}

/* True once EC2 lists a snapshot of every volume: then they are cut. */
static bool is_cut(Bake *bake)
{
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;

        if (!by_create_image(bake))
                return snapshots_by_tag(bake, &snapshots, &error) == 0 &&
                        has_snapshots_of_all(bake, &snapshots);
        return images_by_tag(bake, &images, &error) == 0 && images.count > 0 &&
                image_is_cut(bake, &images.items[0], &bake->evidence.same_volumes);
}

/* What EC2 lists while everything is still frozen was cut while everything was frozen. */
static void hold_until_cut(Bake *bake)
{
        aws_client_set_deadline(bake->aws, bake->send_deadline_usec);
        while (!bake->evidence.answered_inside && !bake_cancelled(bake)) {
                bake->evidence.answered_inside = is_cut(bake);
                if (!bake->evidence.answered_inside)
                        clock_sleep_usec(LOOK_USEC);
        }
        aws_client_set_deadline(bake->aws, USEC_INFINITY);
}

void step_cut(Bake *bake)
{
        if (bake->record.method == METHOD_BUNDLE) {
                staging_cut(bake);
                bake_pause_point("sent");
                return;
        }
        bake->cut_outcome =
                ec2_request_send(bake->request, bake->send_deadline_usec, &bake->cut_error);
        cut_stamp_point(bake);
        bake_pause_point("sent");
        if (bake->record.method == METHOD_REBOOT)
                return; /* nothing is held */
        if (bake->cut_outcome == EC2_E_LOST || (bake->cut_outcome == 0 && by_create_image(bake)))
                hold_until_cut(bake);
        else
                bake->evidence.answered_inside = bake->cut_outcome == 0;
}

/* Of a call that was not carried out, or not even sent; FINAL for all others. */
static ApiErrorClass cut_class(const Bake *bake)
{
        switch (bake->cut_outcome) {
        case EC2_E_REFUSED:
                return api_error_classify(&bake->cut_error);
        case EC2_E_UNREACHABLE: /* the warm connection was gone, or else the time was over */
                return bake->evidence.thawed_by_us &&
                                bake->record.frozen_usec < bake->profile.budget_usec / 2 ?
                        API_ERROR_TRANSIENT :
                        API_ERROR_FINAL;
        default:
                return API_ERROR_FINAL;
        }
}

int cut_try_again(Bake *bake, Retry *retry)
{
        ApiErrorClass class = cut_class(bake);
        uint64_t wait_usec;
        uint32_t random;
        int r;

        if (bake->record.method == METHOD_BUNDLE)
                return 0;
        if (getrandom(&random, sizeof(random), 0) < 0)
                return 0;
        if (class == API_ERROR_THROTTLED)
                retry = &bake->patience;
        r = retry_next(retry, class, clock_usec(), random, &wait_usec);
        if (r != 0)
                return r < 0 ? r : 0;
        log_warning("The create call was not carried out (%s), and is tried again",
                bake->cut_error.code ? bake->cut_error.code : bake->cut_error.message);
        bake->record.state = RECORD_PLANNED; /* it was not carried out */
        api_error_done(&bake->cut_error);
        bake->request = ec2_request_free(bake->request);
        r = pace_rest(bake, wait_usec);
        if (r >= 0)
                r = cut_prepare(bake);
        return r < 0 ? r : 1;
}

static int add_once(StringList *list, const char *string)
{
        return string_list_contains(list, string) ? 0 : string_list_add(list, string);
}

static int record_snapshots(Bake *bake, const Ec2SnapshotList *snapshots)
{
        for (size_t i = 0; i < snapshots->count; i++)
                if (add_once(&bake->record.snapshots, snapshots->items[i].id) < 0)
                        return -ENOMEM;
        return 0;
}

void cut_sight_done(CutSight *sight)
{
        ec2_snapshot_list_done(&sight->snapshots);
        ec2_image_list_done(&sight->images);
}

int cut_look_up(Bake *bake, CutSight *ret, ApiError *reterr)
{
        _cleanup_(cut_sight_done) CutSight sight = { 0 };
        int r;

        r = snapshots_by_tag(bake, &sight.snapshots, reterr);
        if (r == 0)
                r = images_by_tag(bake, &sight.images, reterr);
        if (r != 0)
                return r;
        if (record_snapshots(bake, &sight.snapshots) < 0)
                return -ENOMEM;
        if (sight.images.count > 0 &&
                string_replace(&bake->record.image_id, sight.images.items[0].id) < 0)
                return -ENOMEM;
        *ret = sight;
        sight = (CutSight){ 0 };
        return 0;
}

void cut_stamp(Bake *bake)
{
        bake->record.cutting_usec = clock_realtime_usec();
        bake->settled_usec = clock_usec() + bake->settings->settle_usec;
}

void cut_stamp_point(Bake *bake)
{
        cut_stamp(bake);
        bake->record.cut_usec = bake->record.cutting_usec;
        bake->record.cut_ec2_usec = aws_client_realtime_usec(bake->aws);
}

void cut_stamp_earlier(Bake *bake)
{
        uint64_t last_usec = bake->record.cutting_usec + LATE_USEC;
        uint64_t now_usec = clock_realtime_usec();
        uint64_t settle_usec = bake->settings->settle_usec;
        uint64_t age_usec = now_usec > last_usec ? now_usec - last_usec : 0;

        bake->settled_usec = clock_usec() + (age_usec < settle_usec ? settle_usec - age_usec : 0);
}

int cut_check_volumes(Bake *bake, const Ec2SnapshotList *snapshots)
{
        for (size_t i = 0; i < bake->record.volumes.count; i++) {
                const char *volume_id = bake->record.volumes.items[i];

                if (!ec2_snapshot_list_find_volume(snapshots, volume_id))
                        return failure_set(&bake->failure, FAILURE_SNAPSHOT_FAILED, -EIO,
                                "EC2 made no snapshot of volume %s: it was detached after the plan; try "
                                "again",
                                volume_id);
        }
        return 0;
}

int cut_look_up_label(Bake *bake, bool *ret_labelled)
{
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        bool labelled = false;
        int r;

        r = snapshots_by_tag(bake, &snapshots, &error);
        if (r != 0)
                return bake_fail_api(bake, "DescribeSnapshots", r, &error);
        for (size_t i = 0; i < snapshots.count; i++)
                if (tag_list_get(&snapshots.items[i].tags, LABEL_CONSISTENCY))
                        labelled = true;
        *ret_labelled = labelled;
        return 0;
}

/* The answer as it came. */
static int take_answer(Bake *bake)
{
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
        int r;

        if (by_create_image(bake))
                return string_replace(
                        &bake->record.image_id, ec2_request_image_id(bake->request));
        r = ec2_request_snapshots(bake->request, &snapshots);
        if (r >= 0)
                r = record_snapshots(bake, &snapshots);
        if (r < 0)
                return r;
        bake->record.state = RECORD_CUT; /* all that was made is known */
        bake->evidence.same_volumes = cut_has_planned_only(bake, &snapshots);
        return cut_check_volumes(bake, &snapshots);
}

/* Also when our own end ran out of memory over the answer. */
static bool outcome_is_unknown(int outcome)
{
        return outcome == EC2_E_TIMEOUT || outcome == EC2_E_LOST || outcome < 0;
}

/* One look: *ret_found is whether all that the call makes is there. */
static int look(Bake *bake, bool *ret_found, ApiError *reterr)
{
        _cleanup_(cut_sight_done) CutSight sight = { 0 };
        int r;

        api_error_done(reterr);
        r = cut_look_up(bake, &sight, reterr);
        if (r != 0)
                return r;
        if (by_create_image(bake)) {
                *ret_found = sight.images.count > 0;
                return 0;
        }
        *ret_found = has_snapshots_of_all(bake, &sight.snapshots);
        bake->evidence.same_volumes = *ret_found && cut_has_planned_only(bake, &sight.snapshots);
        return 0;
}

/* Looks until the tag is found, or until EC2 would have shown it; a silent EC2 is waited for. */
static int look_until_settled(Bake *bake, bool *ret_found, ApiError *reterr)
{
        const Observer *observer = bake->observer;

        for (;;) {
                int r = look(bake, ret_found, reterr);

                if (*ret_found || (r != 0 && !bake_outcome_passes(r, reterr)))
                        return r;
                if (observer->cancelled(observer->userdata) || (r == 0 && clock_usec() >= bake->settled_usec))
                        return r;
                observer->wait(observer->userdata, SETTLE_LOOK_USEC, /* fd= */ -1);
        }
}

/* 1 when the call was carried out although its answer did not come. */
static int find_unanswered(Bake *bake)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        bool found = false;
        int r = look_until_settled(bake, &found, &error);

        if (!found && bake_check_cancelled(bake) < 0)
                return -ECANCELED;
        if (r != 0)
                return bake_fail_api(bake, "DescribeSnapshots", r, &error);
        if (found) {
                log_warning("The answer of the create call did not come; what it made was found by "
                            "its tag");
                return 1;
        }
        if (bake->resumed)
                return failure_set(&bake->failure, FAILURE_WORKER_DIED, -ECANCELED,
                        "The job was interrupted before anything was made; start it again");
        return bake_fail_api(bake, "the create call", bake->cut_outcome, &bake->cut_error);
}

int cut_demand_class(Bake *bake)
{
        const Record *record = &bake->record;

        if (record->reached <= record->demanded || record->on_degrade == ON_DEGRADE_LABEL)
                return 0;
        if (!bake->resumed && !bake->evidence.by_reboot && record->method != METHOD_BUNDLE &&
                outcome_is_unknown(bake->cut_outcome))
                return bake_fail_api(bake, "the create call", bake->cut_outcome, &bake->cut_error);
        return failure_set(&bake->failure,
                bake->evidence.all_frozen && !bake->evidence.thawed_by_us ?
                        FAILURE_FREEZE_TIMEOUT :
                        FAILURE_CONSISTENCY_NOT_REACHED,
                -ESTALE, "%s consistency is demanded and only %s was reached: %s; OnDegrade=label keeps it",
                consistency_names[record->demanded], consistency_names[record->reached],
                record->obstacle ? record->obstacle : "nobody noted why");
}

static const char *find_obstacle(const Bake *bake)
{
        const Evidence *evidence = &bake->evidence;

        if (bake->resumed && !evidence->by_reboot)
                return "the job was interrupted in its window, and what it saw is lost";
        /* The disturbance is the first cause if no other comes before it in consistency.c. */
        if (bake->disturbance && evidence->complete_coverage && evidence->all_frozen &&
                evidence->answered_inside && evidence->thawed_by_us)
                return bake->disturbance;
        return consistency_obstacle(evidence);
}

int cut_record_class(Bake *bake)
{
        const char *obstacle = find_obstacle(bake);
        Record *record = &bake->record;

        record->reached = consistency_reached(&bake->evidence);
        record->state = RECORD_CUT;
        if (record->reached > CONSISTENCY_APPLICATION && string_replace(&record->obstacle, obstacle) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        return bake_save(bake);
}

/* What is staged is the point in time: from here on the disk is not needed. */
static int resolve_bundle(Bake *bake)
{
        int r = staging_keep(bake);

        return r < 0 ? r : cut_record_class(bake);
}

int cut_resolve(Bake *bake)
{
        Record *record = &bake->record;
        int r;

        if (record->method == METHOD_BUNDLE)
                return resolve_bundle(bake);
        if (bake->cut_outcome == 0)
                r = take_answer(bake);
        else if (outcome_is_unknown(bake->cut_outcome))
                r = find_unanswered(bake);
        else {
                record->state = RECORD_PLANNED; /* it was not carried out: there is nothing to undo */
                if (bake->evidence.all_frozen && !bake->evidence.thawed_by_us)
                        (void)failure_set(&bake->failure, FAILURE_FREEZE_TIMEOUT, -ETIMEDOUT,
                                "The budget of the freeze was over before the create call was sent: "
                                "nothing was made; look for what holds up this host, or raise the "
                                "budget");
                r = bake_fail_api(bake, "the create call", bake->cut_outcome, &bake->cut_error);
        }
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r,
                        "The answer of the create call cannot be read: %s", strerror(-r));
        /* What a reboot is worth is seen in the next boot. */
        return record->method == METHOD_REBOOT ? bake_save(bake) : cut_record_class(bake);
}
