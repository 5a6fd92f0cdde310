/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots that go away, unless another image needs them. */

#include "flow/removal-snapshot.h"

#include "aws/ec2-guarded.h"
#include "aws/ec2-snapshot-keeping.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/reconsider.h"

/* Between two tries at what is in use by an image that is gone. */
#define TRY_USEC USEC_PER_SEC

static int find_some(Removal *removal, const StringList *ids, size_t start, Ec2ImageList *ret,
        ApiError *reterr)
{
        size_t count = ids->count - start;
        StringList some = { ids->items + start, count };
        Ec2ImageFilter filter = { .snapshot_ids = &some };

        if (some.count > EC2_FILTER_VALUES_MAX)
                some.count = EC2_FILTER_VALUES_MAX;
        return ec2_describe_images(removal->bake->aws, &filter, 0, ret, reterr);
}

static int move_images(Ec2ImageList *from, Ec2ImageList *to)
{
        for (size_t i = 0; i < from->count; i++) {
                Ec2Image *image = ARRAY_ADD(to->items, to->count);

                if (!image)
                        return -ENOMEM;
                *image = from->items[i];
                from->items[i] = (Ec2Image){ 0 };
        }
        return 0;
}

int removal_find_users(
        Removal *removal, const StringList *snapshot_ids, Ec2ImageList *ret, ApiError *reterr)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList users = { 0 };

        for (size_t i = 0; i < snapshot_ids->count; i += EC2_FILTER_VALUES_MAX) {
                _cleanup_(ec2_image_list_done) Ec2ImageList some = { 0 };
                int r = find_some(removal, snapshot_ids, i, &some, reterr);

                if (r == 0)
                        r = move_images(&some, &users);
                if (r != 0)
                        return r;
        }
        *ret = users;
        users = (Ec2ImageList){ 0 };
        return 0;
}

/* EC2 may list for a while what is deregistered. */
static bool was_deregistered(const Removal *removal, const char *image_id)
{
        const json_t *image;
        size_t i;

        json_array_foreach(removal_entries(removal, "images"), i, image)
                if (streq(entry_id(image), image_id))
                        return json_get_bool(image, "deregistered", false);
        return false;
}

static const char *find_user(const Removal *removal, const Ec2ImageList *users, const char *id)
{
        for (size_t i = 0; i < users->count; i++)
                if (ec2_image_uses(&users->items[i], id) &&
                        !was_deregistered(removal, users->items[i].id))
                        return users->items[i].id;
        return NULL;
}

bool removal_is_used(const Removal *removal, const Ec2ImageList *users, const char *id)
{
        return find_user(removal, users, id);
}

static int fail_shared(const char *user, char **reterr_reason)
{
        int r = string_printf(reterr_reason, "image %s uses it", user);

        return r < 0 ? r : REMOVAL_E_SHARED;
}

/* EC2 says that it is in use: by an image that was made a moment ago, or by one that is gone. */
static int find_user_again(Removal *removal, const char *id, char **reterr_reason)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList users = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        char *items[] = { (char *)(uintptr_t)id, NULL };
        const StringList ids = { items, 1 };
        const char *user;
        int r = removal_find_users(removal, &ids, &users, &error);

        if (r < 0)
                return r;
        user = r == 0 ? find_user(removal, &users, id) : NULL;
        return user ? fail_shared(user, reterr_reason) : 0;
}

static int try_while_in_use(Removal *removal, const char *id, ApiError *error, char **reterr_reason)
{
        uint64_t end_usec = clock_usec() + removal->bake->settings->settle_usec;

        for (;;) {
                int r;

                api_error_done(error);
                r = ec2_delete_snapshot(removal->bake->aws, id, 0, error);
                if (r != EC2_E_IN_USE)
                        return r;
                r = find_user_again(removal, id, reterr_reason);
                if (r < 0)
                        return r;
                if (r == REMOVAL_E_SHARED || clock_usec() >= end_usec)
                        return EC2_E_IN_USE;
                (void)bake_cancelled(removal->bake); /* shows that we are alive */
                clock_sleep_usec(TRY_USEC);
        }
}

int removal_delete_snapshot(
        Removal *removal, const Ec2ImageList *users, const char *id, char **reterr_reason)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const char *user = find_user(removal, users, id);
        int r;

        if (user)
                return fail_shared(user, reterr_reason);
        r = try_while_in_use(removal, id, &error, reterr_reason);
        if (r == 0)
                bake_pause_point("snapshot-deleted");
        if (r <= 0)
                return r;
        if (*reterr_reason)
                return REMOVAL_E_SHARED;
        removal->stop = removal->stop || bake_outcome_passes(r, &error);
        r = removal_reason("DeleteSnapshot", r, &error, reterr_reason);
        return r < 0 ? r : REMOVAL_E_LEFT;
}

/* --- Locks ------------------------------------------------------------------------------------ */

/* Who may not see the locks, or has a cloud without them, still has EC2 refuse the deletion. */
int removal_read_locks(Removal *removal)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = ec2_list_locked_snapshots(removal->bake->aws, &removal->locked, &error);

        if (r != 0 && r != EC2_E_REFUSED)
                return bake_fail_api(removal->bake, "DescribeLockedSnapshots", r, &error);
        if (r != 0)
                log_info("Which snapshots are locked is not known: %s",
                        error.code ? error.code : "EC2 refuses to tell");
        string_list_sort(&removal->locked);
        removal->locked_usec = clock_usec();
        return 0;
}

/* As often as the guards of retention are asked, which see locks as well. */
int removal_renew_locks(Removal *removal)
{
        _cleanup_(string_list_done) StringList locked = STRING_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r;

        if (removal->is_retention || (removal->n_since++ < RECONSIDER_BATCH &&
                                             clock_usec() < removal->locked_usec + RECONSIDER_USEC))
                return 0;
        removal->n_since = 1;
        removal->locked_usec = clock_usec();
        r = ec2_list_locked_snapshots(removal->bake->aws, &locked, &error);
        if (r != 0)
                return r == -ENOMEM ? r : 0;
        string_list_done(&removal->locked);
        removal->locked = locked;
        locked = STRING_LIST_INIT;
        string_list_sort(&removal->locked);
        return 0;
}

const char *removal_find_lock(const Removal *removal, const StringList *snapshot_ids)
{
        if (removal_overrides(removal, "locked"))
                return NULL;
        for (size_t i = 0; i < snapshot_ids->count; i++)
                if (string_list_has_sorted(&removal->locked, snapshot_ids->items[i]))
                        return snapshot_ids->items[i];
        return NULL;
}

static int list_locked(const Removal *removal, const StringList *ids, StringList *ret)
{
        for (size_t i = 0; i < ids->count; i++)
                if (string_list_has_sorted(&removal->locked, ids->items[i]) &&
                        string_list_add(ret, ids->items[i]) < 0)
                        return -ENOMEM;
        return 0;
}

static bool is_used_beside(const Ec2ImageList *users, const char *image_id, const char *id)
{
        for (size_t i = 0; i < users->count; i++)
                if (ec2_image_uses(&users->items[i], id) && !streq_ptr(users->items[i].id, image_id))
                        return true;
        return false;
}

int removal_unlock(
        Removal *removal, const StringList *snapshot_ids, const char *image_id, ApiError *reterr)
{
        _cleanup_(string_list_done) StringList locked = STRING_LIST_INIT;
        _cleanup_(ec2_image_list_done) Ec2ImageList users = { 0 };
        int r = list_locked(removal, snapshot_ids, &locked);

        if (r >= 0 && locked.count > 0)
                r = removal_find_users(removal, &locked, &users, reterr);
        for (size_t i = 0; i < locked.count && r == 0; i++)
                if (!is_used_beside(&users, image_id, locked.items[i]))
                        r = ec2_unlock_snapshot(removal->bake->aws, locked.items[i], reterr);
        return r;
}

/* --- Those that belong to no image ------------------------------------------------------------ */

static int delete_entry(Removal *removal, json_t *entry, const Ec2ImageList *users)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *reason = NULL;
        char *items[] = { (char *)(uintptr_t)entry_id(entry), NULL };
        const StringList ids = { items, 1 };
        int r;

        if (removal_find_lock(removal, &ids))
                return entry_refuse(entry, FAILURE_PROTECTED, "it is locked");
        r = removal_unlock(removal, &ids, /* image_id= */ NULL, &error);
        if (r != 0)
                return removal_leave_api(removal, entry, "UnlockSnapshot", r, &error);
        r = removal_delete_snapshot(removal, users, entry_id(entry), &reason);
        if (r == 0) {
                log_info("Deleted %s", entry_id(entry));
                r = json_object_set_new(entry, "done", json_true());
        } else if (r == REMOVAL_E_SHARED) {
                r = entry_refuse(entry, FAILURE_IN_USE, reason);
        } else if (r == REMOVAL_E_LEFT) {
                (void)json_object_del(entry, "asked");
                r = entry_leave(entry, reason);
        }
        return r < 0 ? -ENOMEM : removal_save(removal);
}

static int list_open(const json_t *entries, StringList *ret)
{
        const json_t *entry;
        size_t i;

        json_array_foreach(entries, i, entry)
                if (!entry_is_settled(entry) && string_list_add(ret, entry_id(entry)) < 0)
                        return -ENOMEM;
        return 0;
}

/* What is not known to be free is kept. */
static int leave_all(Removal *removal, int outcome, const ApiError *error)
{
        json_t *entry;
        size_t i;

        json_array_foreach(removal_entries(removal, "snapshots"), i, entry)
                if (!entry_is_settled(entry) &&
                        removal_leave_api(removal, entry, "DescribeImages", outcome, error) < 0)
                        return -ENOMEM;
        return 0;
}

/* Half a set would be taken for a whole one, which is smaller: it goes on to the end. */
static bool is_within_set(const json_t *entries, size_t i)
{
        return entry_is_half(json_array_get(entries, i)) ||
                (i > 0 && entries_are_of_one_set(entries, i - 1, i));
}

int removal_delete_snapshots(Removal *removal)
{
        json_t *entries = removal_entries(removal, "snapshots"), *entry;
        _cleanup_(ec2_image_list_done) Ec2ImageList users = { 0 };
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        size_t i;
        int r;

        if (list_open(entries, &ids) < 0)
                return -ENOMEM;
        r = removal_find_users(removal, &ids, &users, &error);
        if (r != 0)
                return r < 0 ? r : leave_all(removal, r, &error);
        json_array_foreach(entries, i, entry) {
                if (entry_is_settled(entry) || removal->stop)
                        continue;
                r = is_within_set(entries, i) ? 0 : bake_check_cancelled(removal->bake);
                if (r >= 0)
                        r = reconsider(removal, "snapshots", i);
                if (r < 0)
                        return r;
                removal_begin_entry(removal, "snapshots", i);
                if (entry_is_settled(entry) || json_object_get(entry, "left"))
                        continue;
                if (!is_within_set(entries, i) && json_object_get(entry, "set"))
                        r = removal_note_asked(removal, entry);
                if (r >= 0)
                        r = delete_entry(removal, entry, &users);
                if (r < 0)
                        return r;
        }
        return 0;
}
