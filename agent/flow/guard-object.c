/* SPDX-License-Identifier: Apache-2.0 */
/* Guards that lie in the object itself: locks, whom it is shared with, who uses its snapshots. */

#include "aws/ec2-guarded.h"
#include "base/text.h"
#include "flow/claims.h"
#include "flow/guard.h"

/* --- Jobs of this host ------------------------------------------------------------------------ */

static bool is_claimed(const StringList *claims, const StockObject *object)
{
        for (size_t i = 0; i < object->snapshots.count; i++)
                if (string_list_has_sorted(claims, object->snapshots.items[i]))
                        return true;
        return string_list_has_sorted(claims, object->id);
}

/*
 * A bake does not end by deleting what it has just made, whatever the policy, and what another job
 * is copying, proving or removing just now is left to that. A set has the id of the job that made
 * it.
 */
int guard_check_jobs(Guard *guard)
{
        _cleanup_(string_list_done) StringList claims = STRING_LIST_INIT;
        const Record *record = &guard->bake->record;
        int r = claims_read(guard->bake->settings, record->id, &claims, &guard->bake->failure);

        for (size_t i = 0; r >= 0 && i < guard->n_victims; i++) {
                StockObject *object = guard->victims[i];

                if (streq_ptr(object->id, record->image_id) || streq_ptr(object->id, record->id))
                        r = guard_hold_object(object, "this bake has made it");
                else if (is_claimed(&claims, object))
                        r = guard_hold_object(
                                object, "a job of this host that has not ended is about it");
        }
        return r;
}

/* --- Protection and locks --------------------------------------------------------------------- */

int guard_check_protected(Guard *guard)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < guard->n_victims; i++)
                if (guard->victims[i]->is_protected)
                        r = guard_hold(guard, guard->victims[i]->id,
                                "it is protected from being deregistered");
        return r;
}

int guard_check_locked(Guard *guard)
{
        static const GuardDoubt doubt = { "whether a snapshot of it is locked",
                "ec2:DescribeLockedSnapshots" };
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = ec2_list_locked_snapshots(guard->bake->aws, &ids, &error);

        if (r != 0)
                return guard_doubt(guard, &doubt, r, &error);
        for (size_t i = 0; r >= 0 && i < ids.count; i++)
                r = guard_hold(guard, ids.items[i], "its snapshot %s is locked", ids.items[i]);
        return r;
}

/* --- Sharing ---------------------------------------------------------------------------------- */

static int check_shared_image(Guard *guard, const StockObject *image)
{
        static const GuardDoubt doubt = { "whom it is shared with", "ec2:DescribeImageAttribute" };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        bool shared = false;
        int r;

        if (image->is_public)
                return guard_hold(guard, image->id, "it is public");
        r = ec2_is_image_shared(guard->bake->aws, image->id, &shared, &error);
        if (r == EC2_E_NOT_FOUND)
                return 0;
        if (r != 0)
                return guard_doubt(guard, &doubt, r, &error);
        return shared ? guard_hold(guard, image->id, "it is shared with others") : 0;
}

static int check_shared_snapshot(Guard *guard, const char *id)
{
        static const GuardDoubt doubt = { "whom its snapshots are shared with",
                "ec2:DescribeSnapshotAttribute" };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        bool shared = false;
        int r = ec2_is_snapshot_shared(guard->bake->aws, id, &shared, &error);

        if (r == EC2_E_NOT_FOUND)
                return 0;
        if (r != 0)
                return guard_doubt(guard, &doubt, r, &error);
        return shared ? guard_hold(guard, id, "its snapshot %s is shared with others", id) : 0;
}

/*
 * There is no listing of this: a call for each image and for each snapshot. Where one is not allowed,
 * the others are not made.
 */
int guard_check_shared(Guard *guard)
{
        int r = 0;

        for (size_t i = 0; i < guard->n_victims; i++) {
                const StockObject *object = guard->victims[i];

                if (r >= 0 && !object->guard && object->kind != STOCK_SNAPSHOTS)
                        r = check_shared_image(guard, object);
                for (size_t j = 0; r >= 0 && !object->guard && j < object->snapshots.count; j++)
                        r = check_shared_snapshot(guard, object->snapshots.items[j]);
        }
        return r;
}

/* --- Sets that an image was made of, later and by hand ---------------------------------------- */

static int hold_used(Guard *guard, const Ec2ImageList *images)
{
        int r = 0;

        for (size_t i = 0; i < images->count; i++)
                for (size_t j = 0; r >= 0 && j < images->items[i].n_devices; j++) {
                        const char *id = images->items[i].devices[j].snapshot_id;

                        if (id)
                                r = guard_hold(guard, id, "the image %s uses its snapshot %s",
                                        images->items[i].id, id);
                }
        return r;
}

/* A filter's worth. */
static int check_some_used(Guard *guard, const StringList *snapshots)
{
        static const GuardDoubt doubt = { "which images use its snapshots", "ec2:DescribeImages" };
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Ec2ImageFilter filter = { .snapshot_ids = snapshots };
        int r = ec2_describe_images(guard->bake->aws, &filter, /* flags= */ 0, &images, &error);

        return r == 0 ? hold_used(guard, &images) : guard_doubt(guard, &doubt, r, &error);
}

static int collect_snapshots(const Guard *guard, StringList *ret)
{
        int r = 0;

        for (size_t i = 0; i < guard->n_victims; i++)
                for (size_t j = 0; r >= 0 && j < guard->victims[i]->snapshots.count; j++)
                        r = string_list_add(ret, guard->victims[i]->snapshots.items[j]);
        return r;
}

int guard_check_used(Guard *guard)
{
        _cleanup_(string_list_done) StringList snapshots = STRING_LIST_INIT;
        int r = collect_snapshots(guard, &snapshots);

        for (size_t i = 0; r >= 0 && i < snapshots.count; i += EC2_FILTER_VALUES_MAX) {
                StringList some = { snapshots.items + i, snapshots.count - i };

                if (some.count > EC2_FILTER_VALUES_MAX)
                        some.count = EC2_FILTER_VALUES_MAX;
                r = check_some_used(guard, &some);
        }
        return r;
}
