/* SPDX-License-Identifier: Apache-2.0 */
/* An image that goes away with its snapshots, or with its bundle. */

#include "flow/removal-image.h"

#include "aws/ec2-image-keeping.h"
#include "aws/ec2-registration.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/reconsider.h"
#include "flow/removal-bundle.h"
#include "flow/removal-snapshot.h"

/*
 * A listing shows a deregistration within seconds as a rule; all of SettleSec= would be minutes
 * for whoever has a snapshot that two images are to keep.
 */
#define LINGER_USEC (10 * USEC_PER_SEC)
#define LOOK_USEC USEC_PER_SEC

/* --- What it is ------------------------------------------------------------------------------- */

static bool is_protected(const Ec2Image *image)
{
        const char *protection = image->deregistration_protection;

        return protection && !streq(protection, "disabled");
}

static int refuse(FailureKind *reterr_kind, FailureKind kind)
{
        *reterr_kind = kind;
        return -EPERM;
}

static int judge_image(
        const Removal *removal, const Ec2Image *image, FailureKind *reterr_kind, char **reterr_reason)
{
        const char *account = removal->bake->identity.account_id;

        if (account && !streq_ptr(image->owner_id, account)) {
                if (string_printf(reterr_reason, "it belongs to account %s",
                            image->owner_id ? image->owner_id : "of nobody") < 0)
                        return -ENOMEM;
                return refuse(reterr_kind, FAILURE_INVALID_ARGUMENT);
        }
        if (is_protected(image) && !removal_overrides(removal, "protected")) {
                if (string_printf(reterr_reason, "it is protected from deregistration (%s)",
                            image->deregistration_protection) < 0)
                        return -ENOMEM;
                return refuse(reterr_kind, FAILURE_PROTECTED);
        }
        return 0;
}

static bool lies_in_s3(const Ec2Image *image)
{
        return streq_ptr(image->root_device_type, "instance-store");
}

int removal_judge_image(
        Removal *removal, const Ec2Image *image, FailureKind *reterr_kind, char **reterr_reason)
{
        int r = judge_image(removal, image, reterr_kind, reterr_reason);

        if (r < 0 || !lies_in_s3(image))
                return r;
        return removal_judge_bundle(
                removal, image->location ? image->location : "", reterr_kind, reterr_reason);
}

int removal_note_image(json_t *entry, const Ec2Image *image)
{
        json_t *snapshots = json_array();

        for (size_t i = 0; snapshots && i < image->n_devices; i++)
                if (image->devices[i].snapshot_id)
                        (void)json_array_append_new(
                                snapshots, json_string(image->devices[i].snapshot_id));
        if (json_object_set_new(entry, "snapshots", snapshots) < 0)
                return -ENOMEM;
        if (is_protected(image) && json_object_set_new(entry, "protected", json_true()) < 0)
                return -ENOMEM;
        if (image->name && json_object_set_new(entry, "name", json_text(image->name)) < 0)
                return -ENOMEM;
        if (lies_in_s3(image) && image->location &&
                json_object_set_new(entry, "bundle", json_text(image->location)) < 0)
                return -ENOMEM;
        return 0;
}

static int learn(Removal *removal, json_t *entry, const Ec2Image *image)
{
        _cleanup_(freep) char *reason = NULL;
        FailureKind kind = FAILURE_NONE;
        int r = removal_judge_image(removal, image, &kind, &reason);

        if (r == -EPERM)
                return entry_refuse(entry, kind, reason);
        if (r == REMOVAL_E_LEFT)
                return entry_leave(entry, reason);
        return r < 0 ? r : removal_note_image(entry, image);
}

int removal_learn_image(Removal *removal, json_t *entry, const Ec2Image *image)
{
        if (json_object_get(entry, "snapshots") || lies_in_s3(image))
                return 0;
        return learn(removal, entry, image);
}

/* Its snapshots are known only as long as it is there. */
static int read_image(Removal *removal, json_t *entry)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Ec2ImageFilter filter = { .id = entry_id(entry) };
        int r;

        if (json_object_get(entry, "snapshots"))
                return 0;
        r = ec2_describe_images(removal->bake->aws, &filter, 0, &images, &error);
        if (r == EC2_E_NOT_FOUND)
                return json_object_set_new(entry, "done", json_true()) < 0 ? -ENOMEM : 0;
        if (r != 0)
                return removal_leave_api(removal, entry, "DescribeImages", r, &error);
        return learn(removal, entry, &images.items[0]);
}

/* --- How it goes ------------------------------------------------------------------------------ */

static int note_gone(json_t *entry, const StringList *ids)
{
        for (size_t i = 0; i < ids->count; i++)
                if (entry_add(entry, "gone", json_string(ids->items[i])) < 0)
                        return -ENOMEM;
        return 0;
}

/* What protects it is taken off, where that is wanted, before anything of it goes. */
static int lift(Removal *removal, json_t *entry)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *reason = NULL;
        const char *locked;
        int r = entry_remaining(entry, &ids);

        if (r < 0)
                return r;
        locked = removal_find_lock(removal, &ids);
        if (locked)
                return string_printf(&reason, "its snapshot %s is locked", locked) < 0 ?
                        -ENOMEM :
                        entry_refuse(entry, FAILURE_PROTECTED, reason);
        r = removal_unlock(removal, &ids, entry_id(entry), &error);
        if (r != 0)
                return removal_leave_api(removal, entry, "UnlockSnapshot", r, &error);
        if (!json_get_bool(entry, "protected", false) || json_get_bool(entry, "deregistered", false))
                return 0;
        r = ec2_unprotect_image(removal->bake->aws, entry_id(entry), &error);
        if (r != 0 && r != EC2_E_NOT_FOUND)
                return removal_leave_api(
                        removal, entry, "DisableImageDeregistrationProtection", r, &error);
        return json_object_del(entry, "protected") < 0 ? -ENOMEM : removal_save(removal);
}

static int deregister(Removal *removal, json_t *entry)
{
        _cleanup_(string_list_done) StringList deleted = STRING_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Bake *bake = removal->bake;
        int r;

        if (json_get_bool(entry, "deregistered", false))
                return 0;
        r = removal_note_asked(removal, entry);
        if (r < 0)
                return r;
        bake_pause_point("removing");
        r = ec2_deregister_image(bake->aws, entry_id(entry), &deleted, &error);
        if (r != 0 && r != EC2_E_LOST && r != EC2_E_TIMEOUT)
                (void)json_object_del(entry, "asked");
        if (r != 0)
                return removal_leave_api(removal, entry, "DeregisterImage", r, &error);
        bake_pause_point("deregistered");
        if (json_object_set_new(entry, "deregistered", json_true()) < 0 ||
                note_gone(entry, &deleted) < 0)
                return -ENOMEM;
        return removal_save(removal);
}

static int delete_snapshot(
        Removal *removal, json_t *entry, const Ec2ImageList *users, const char *id)
{
        _cleanup_(freep) char *reason = NULL, *text = NULL;
        int r = removal_delete_snapshot(removal, users, id, &reason);

        if (r == 0) {
                r = entry_add(entry, "gone", json_string(id));
        } else if (r == REMOVAL_E_SHARED) {
                log_info("%s stays: %s", id, reason);
                r = entry_add(entry, "skipped", json_pack("{s:s,s:s}", "id", id, "reason", reason));
        } else if (r == REMOVAL_E_LEFT) {
                r = string_printf(&text, "its snapshot %s: %s", id, reason);
                if (r >= 0)
                        r = entry_leave(entry, text);
        }
        return r < 0 ? -ENOMEM : removal_save(removal);
}

static int delete_snapshots(Removal *removal, json_t *entry)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(ec2_image_list_done) Ec2ImageList users = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = entry_remaining(entry, &ids);

        if (r >= 0 && ids.count > 0)
                r = removal_find_users(removal, &ids, &users, &error);
        if (r != 0)
                return r < 0 ? r : removal_leave_api(removal, entry, "DescribeImages", r, &error);
        for (size_t i = 0; i < ids.count && r >= 0 && !removal->stop; i++)
                r = delete_snapshot(removal, entry, &users, ids.items[i]);
        return r;
}

static bool is_left(const json_t *entry)
{
        return json_object_get(entry, "left");
}

static int remove_image(Removal *removal, json_t *entry)
{
        bool is_known = json_object_get(entry, "snapshots"); /* and on disk */
        int r = read_image(removal, entry);

        if (r >= 0 && !is_known)
                r = removal_save(removal);
        if (r < 0 || is_left(entry) || entry_is_settled(entry))
                return r;
        r = removal_check_bundleless(removal, entry);
        if (r >= 0 && !is_left(entry))
                r = lift(removal, entry);
        if (r >= 0 && !is_left(entry))
                r = deregister(removal, entry);
        if (r < 0 || is_left(entry))
                return r;
        r = delete_snapshots(removal, entry);
        if (r >= 0 && !removal->stop)
                r = removal_delete_bundle(removal, entry);
        if (r < 0 || is_left(entry))
                return r;
        log_notice("Deregistered %s; %zu of its snapshots are deleted", entry_id(entry),
                json_array_size(json_object_get(entry, "gone")));
        if (json_object_set_new(entry, "done", json_true()) < 0)
                return -ENOMEM;
        return removal_save(removal);
}

int removal_remove_images(Removal *removal)
{
        json_t *entries = removal_entries(removal, "images"), *entry;
        size_t i;

        json_array_foreach(entries, i, entry) {
                int r;

                if (entry_is_settled(entry) || removal->stop)
                        continue;
                r = bake_check_cancelled(removal->bake);
                if (r >= 0)
                        r = reconsider(removal, "images", i);
                if (r >= 0)
                        r = removal_renew_locks(removal);
                if (r < 0)
                        return r;
                removal_begin_entry(removal, "images", i);
                if (!entry_is_settled(entry) && !is_left(entry))
                        r = remove_image(removal, entry);
                if (r < 0)
                        return r;
                observer_progress(removal->bake->observer,
                        (unsigned)((i + 1) * 100 / json_array_size(entries)));
        }
        return 0;
}

/* --- What was skipped ------------------------------------------------------------------------- */

/* Among what is skipped stand bundles as well. */
static bool is_snapshot(const json_t *skipped)
{
        return ec2_id_is_valid(entry_id(skipped), "snap-");
}

static int list_skipped(const Removal *removal, StringList *ret)
{
        const json_t *image, *skipped;
        size_t i, j;

        json_array_foreach(removal_entries(removal, "images"), i, image)
                json_array_foreach(json_object_get(image, "skipped"), j, skipped)
                        if (is_snapshot(skipped) && !string_list_contains(ret, entry_id(skipped)) &&
                                string_list_add(ret, entry_id(skipped)) < 0)
                                return -ENOMEM;
        return 0;
}

/* What cannot be deleted is left, to be tried again. */
static int delete_unused(Removal *removal, json_t *entry, const Ec2ImageList *users)
{
        json_t *skipped = json_object_get(entry, "skipped");
        int r = 0;

        for (size_t i = json_array_size(skipped); r >= 0 && i > 0; i--) {
                json_t *one = json_array_get(skipped, i - 1);
                _cleanup_(freep) char *id = strdup(entry_id(one));

                if (!id)
                        return -ENOMEM;
                if (!is_snapshot(one) || removal_is_used(removal, users, id))
                        continue;
                (void)json_array_remove(skipped, i - 1);
                r = delete_snapshot(removal, entry, users, id);
                if (r >= 0 && is_left(entry))
                        (void)json_object_del(entry, "done");
        }
        return r < 0 ? r : removal_save(removal);
}

static int delete_all_unused(Removal *removal, const Ec2ImageList *users)
{
        json_t *entries = removal_entries(removal, "images"), *entry;
        size_t i;

        json_array_foreach(entries, i, entry) {
                int r;

                if (json_array_size(json_object_get(entry, "skipped")) == 0 || removal->stop)
                        continue;
                removal_begin_entry(removal, "images", i);
                r = delete_unused(removal, entry, users);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* 0 when nothing is skipped any more, 1 while it may change. */
static int look_again(Removal *removal)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(ec2_image_list_done) Ec2ImageList users = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = list_skipped(removal, &ids);

        if (r < 0 || ids.count == 0)
                return r;
        r = removal_find_users(removal, &ids, &users, &error);
        if (r == 0)
                r = delete_all_unused(removal, &users);
        return r < 0 ? r : 1;
}

int removal_delete_skipped(Removal *removal)
{
        Bake *bake = removal->bake;
        uint64_t settle_usec = bake->settings->settle_usec;
        uint64_t end_usec = clock_usec() + (settle_usec < LINGER_USEC ? settle_usec : LINGER_USEC);

        for (;;) {
                int r = look_again(removal);

                if (r <= 0)
                        return r;
                if (removal->stop || clock_usec() >= end_usec ||
                        bake->observer->cancelled(bake->observer->userdata))
                        return 0;
                (void)bake_cancelled(bake); /* shows that we are alive */
                clock_sleep_usec(LOOK_USEC);
        }
}
