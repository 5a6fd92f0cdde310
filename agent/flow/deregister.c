/* SPDX-License-Identifier: Apache-2.0 */
/* Images that someone names go away with their snapshots. */

#include "flow/deregister.h"

#include "base/text.h"
#include "flow/claims.h"
#include "flow/identify.h"
#include "flow/labels.h"
#include "flow/removal-image.h"
#include "flow/removal-snapshot.h"
#include "flow/removal.h"
#include "flow/turn.h"

/* --- The request ------------------------------------------------------------------------------ */

static int add_image(Bake *bake, const json_t *value, json_t *removal, StringList *ids)
{
        const char *id = json_string_value(value);

        if (!id || !ec2_id_is_valid(id, "ami-"))
                return failure_set(&bake->failure, FAILURE_INVALID_ARGUMENT, -EINVAL,
                        "'%s' is no image id, which looks like ami-0123456789abcdef0", id ? id : "");
        if (string_list_contains(ids, id))
                return 0;
        if (string_list_add(ids, id) < 0)
                return -ENOMEM;
        return entry_add(removal, "images", json_pack("{s:s}", "id", id));
}

static int add_override(Bake *bake, const json_t *value, json_t *removal)
{
        const char *what = json_string_value(value);

        if (!what || (!streq(what, "protected") && !streq(what, "locked")))
                return failure_set(&bake->failure, FAILURE_INVALID_ARGUMENT, -EINVAL,
                        "'%s' cannot be lifted; what can is: protected, locked", what ? what : "");
        return entry_add(removal, "override", json_string(what));
}

static int read_request(
        Bake *bake, const BakeRequest *request, json_t **ret_removal, StringList *ret_ids)
{
        _cleanup_(json_decrefp) json_t *removal = json_object();
        size_t count = json_array_size(request->ids), i;
        const json_t *value;
        int r = 0;

        if (count == 0 || count > REMOVAL_IDS_MAX)
                return failure_set(&bake->failure, FAILURE_INVALID_ARGUMENT, -EINVAL,
                        "Name the images to deregister: 1 to %d at a time", REMOVAL_IDS_MAX);
        json_array_foreach(request->ids, i, value)
                if (r >= 0)
                        r = add_image(bake, value, removal, ret_ids);
        json_array_foreach(json_object_get(request->options, "override"), i, value)
                if (r >= 0)
                        r = add_override(bake, value, removal);
        if (r < 0)
                return r;
        *ret_removal = TAKE_PTR(removal);
        return 0;
}

/* --- What they are ---------------------------------------------------------------------------- */

static int judge_locks(const Removal *removal, const Ec2Image *image)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        const char *locked;

        for (size_t i = 0; i < image->n_devices; i++)
                if (image->devices[i].snapshot_id &&
                        string_list_add(&ids, image->devices[i].snapshot_id) < 0)
                        return -ENOMEM;
        locked = removal_find_lock(removal, &ids);
        if (!locked)
                return 0;
        return failure_set(&removal->bake->failure, FAILURE_PROTECTED, -EPERM,
                "Image %s cannot be deregistered: its snapshot %s is locked", image->id, locked);
}

static int judge(Removal *removal, const Ec2Image *image, bool force)
{
        _cleanup_(freep) char *reason = NULL;
        Failure *failure = &removal->bake->failure;
        FailureKind kind = FAILURE_INTERNAL;
        int r = removal_judge_image(removal, image, &kind, &reason);

        if (r != 0)
                return failure_set(failure, kind, r < 0 ? r : -EREMOTEIO,
                        "Image %s cannot be deregistered: %s", image->id,
                        reason ? reason : strerror(-r));
        if (!force && !tag_list_get(&image->tags, LABEL_JOB))
                return failure_set(failure, FAILURE_PROTECTED, -EPERM,
                        "Image %s was not made by quiesced, since it carries no tag " LABEL_JOB
                        ": it is deregistered only with the option force",
                        image->id);
        return judge_locks(removal, image);
}

static const Ec2Image *find_image(const Ec2ImageList *images, const char *id)
{
        for (size_t i = 0; i < images->count; i++)
                if (streq(images->items[i].id, id))
                        return &images->items[i];
        return NULL;
}

static int examine_found(
        Removal *removal, const Ec2ImageList *images, const StringList *ids, bool force)
{
        for (size_t i = 0; i < ids->count; i++) {
                const Ec2Image *image = find_image(images, ids->items[i]);
                int r;

                if (!image)
                        return failure_set(&removal->bake->failure, FAILURE_NO_SUCH_IMAGE, -ENOENT,
                                "There is no image %s in region %s", ids->items[i],
                                aws_client_region(removal->bake->aws));
                r = judge(removal, image, force);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What would not fit into the record is refused as long as nothing is gone. */
static int count_found(Removal *removal, const Ec2ImageList *images, size_t *n_ids)
{
        for (size_t i = 0; i < images->count; i++)
                *n_ids += removal_count_ids(images->items[i].n_devices);
        if (*n_ids <= REMOVAL_IDS_MAX)
                return 0;
        return failure_set(&removal->bake->failure, FAILURE_INVALID_ARGUMENT, -E2BIG,
                "These images have more snapshots than one job can keep on record: deregister "
                "fewer of them at a time");
}

static int note_found(Removal *removal, const Ec2ImageList *images)
{
        json_t *entry;
        size_t i;

        json_array_foreach(removal_entries(removal, "images"), i, entry) {
                const Ec2Image *image = find_image(images, entry_id(entry));

                if (image && removal_note_image(entry, image) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* One that is being made, proved or removed by another job belongs to that. */
static int check_claims(Bake *bake, const StringList *ids)
{
        _cleanup_(string_list_done) StringList claims = STRING_LIST_INIT;
        int r = claims_read(bake->settings, bake->record.id, &claims, &bake->failure);

        for (size_t i = 0; i < ids->count && r >= 0; i++)
                if (string_list_has_sorted(&claims, ids->items[i]))
                        r = failure_set(&bake->failure, FAILURE_IN_USE, -EBUSY,
                                "Image %s belongs to a job of this host that has not ended, see "
                                "quiescectl jobs: wait for it, or cancel it",
                                ids->items[i]);
        return r;
}

/* Before anything is touched, a filter's worth at a time. */
static int examine(Removal *removal, const StringList *ids, bool force)
{
        Bake *bake = removal->bake;
        size_t n_ids = 0;

        for (size_t i = 0; i < ids->count; i += EC2_FILTER_VALUES_MAX) {
                _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
                _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
                StringList some = { ids->items + i, ids->count - i };
                Ec2ImageFilter filter = { .ids = &some };
                int r;

                if (some.count > EC2_FILTER_VALUES_MAX)
                        some.count = EC2_FILTER_VALUES_MAX;
                r = ec2_describe_images(bake->aws, &filter, 0, &images, &error);
                if (r != 0)
                        return bake_fail_api(bake, "DescribeImages", r, &error);
                r = examine_found(removal, &images, &some, force);
                if (r >= 0)
                        r = count_found(removal, &images, &n_ids);
                if (r >= 0)
                        r = note_found(removal, &images);
                if (r < 0)
                        return r;
        }
        return 0;
}

int run_deregister(Bake *bake, const BakeRequest *request)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(removal_done) Removal removal = { .bake = bake };
        _cleanup_(closep) int turn = -EBADF;
        int r;

        r = read_request(bake, request, &bake->record.removal, &ids);
        if (r >= 0)
                r = step_identity(bake);
        if (r >= 0)
                r = bake_begin_record(bake, request->job, "deregister");
        removal.record = bake->record.removal;
        if (r >= 0)
                r = turn_await(bake, TURN_REMOVAL, &turn);
        if (r >= 0)
                r = check_claims(bake, &ids);
        if (r >= 0)
                r = removal_read_locks(&removal);
        if (r >= 0)
                r = examine(&removal, &ids, json_get_bool(request->options, "force", false));
        if (r >= 0)
                r = bake_check_cancelled(bake);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r, "%s", strerror(-r));
        return removal_work(&removal);
}
