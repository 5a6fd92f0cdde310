/* SPDX-License-Identifier: Apache-2.0 */
/* What of an image or a snapshot set shall be published, and what of that is done. */

#include "flow/publication.h"

#include "base/log.h"
#include "base/text.h"

/* --- From the profile ------------------------------------------------------------------------- */

static int set(json_t *object, const char *key, json_t *value)
{
        return json_object_set_new(object, key, value) < 0 ? -ENOMEM : 0;
}

static int set_list(json_t *object, const char *key, const StringList *list)
{
        json_t *array;

        if (list->count == 0)
                return 0;
        array = json_array();
        for (size_t i = 0; array && i < list->count; i++)
                if (json_array_append_new(array, json_string(list->items[i])) < 0)
                        return json_decref(array), -ENOMEM;
        return set(object, key, array);
}

/* "us-east-1:alias/golden" */
static int set_copies(json_t *publication, const StringList *copy_to)
{
        json_t *copies = json_object();

        if (set(publication, "copies", copies) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < copy_to->count; i++) {
                const char *word = copy_to->items[i], *key = strchr(word, ':');
                _cleanup_(freep) char *region = strndup(word, strcspn(word, ":"));
                json_t *copy = json_object();

                if (!region || set(copies, region, copy) < 0 ||
                        (key && set(copy, "key", json_string(key + 1)) < 0))
                        return -ENOMEM;
        }
        return 0;
}

static int set_wishes(json_t *publication, const Profile *profile)
{
        if (profile->ssm_parameter &&
                set(publication, "parameter", json_string(profile->ssm_parameter)) < 0)
                return -ENOMEM;
        if (profile->deprecate_after_usec > 0 &&
                set(publication, "deprecate-after-usec",
                        json_integer((json_int_t)profile->deprecate_after_usec)) < 0)
                return -ENOMEM;
        if (profile->protection != PROTECTION_NO &&
                set(publication, "protection",
                        json_string(protection_names[profile->protection])) < 0)
                return -ENOMEM;
        if (profile->lock.mode != LOCK_NO &&
                (set(publication, "lock", json_string(lock_mode_names[profile->lock.mode])) < 0 ||
                        set(publication, "lock-days", json_integer(profile->lock.days)) < 0))
                return -ENOMEM;
        if (profile->archive && set(publication, "archive", json_true()) < 0)
                return -ENOMEM;
        return set_list(publication, "share", &profile->share_with);
}

static bool has_wishes(const Profile *profile)
{
        return profile->ssm_parameter || profile->share_with.count > 0 ||
                profile->copy_to.count > 0 || profile->fast_restore.count > 0 ||
                profile->deprecate_after_usec > 0 || profile->protection != PROTECTION_NO ||
                profile->lock.mode != LOCK_NO || profile->archive;
}

/* A zone begins with its region's name. */
static bool is_zone_of_copy(const json_t *copies, const char *zone)
{
        const char *region;
        json_t *copy;

        /* Discards const only for jansson's iterator, which does not write. */
        json_object_foreach((json_t *)(uintptr_t)copies, region, copy)
                if (startswith(zone, region))
                        return true;
        return false;
}

/* What can only be known where the instance is. */
static int check_region(Bake *bake, const char *region, const json_t *publication)
{
        const StringList *zones = &bake->profile.fast_restore;
        const json_t *copies = json_object_get(publication, "copies");

        if (json_object_get(copies, region))
                return failure_set(&bake->failure, FAILURE_CONFIG_INVALID, -EINVAL,
                        "CopyTo= of the profile '%s' names %s, where the image is made: remove it",
                        bake->profile.name, region);
        for (size_t i = 0; i < zones->count; i++)
                if (!startswith(zones->items[i], region) &&
                        !is_zone_of_copy(copies, zones->items[i]))
                        return failure_set(&bake->failure, FAILURE_CONFIG_INVALID, -EINVAL,
                                "FastRestore= of the profile '%s' names %s, which lies neither in "
                                "%s nor in a region of CopyTo=: remove it",
                                bake->profile.name, zones->items[i], region);
        return 0;
}

int publication_plan(Bake *bake, const char *region)
{
        _cleanup_(json_decrefp) json_t *publication = NULL;
        const Profile *profile = &bake->profile;
        int r;

        if (!has_wishes(profile))
                return 0;
        publication = json_pack("{s:{}}", "steps");
        if (!publication || set_wishes(publication, profile) < 0 ||
                set_list(publication, "zones", &profile->fast_restore) < 0 ||
                set_copies(publication, &profile->copy_to) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        r = check_region(bake, region, publication);
        if (r < 0)
                return r;
        bake->record.publication = TAKE_PTR(publication);
        return 0;
}

/* --- Its progress ----------------------------------------------------------------------------- */

static const json_t *step_state(const Bake *bake, const char *step)
{
        return json_object_get(json_object_get(bake->record.publication, "steps"), step);
}

bool publication_is_over(const Bake *bake, const char *step)
{
        return step_state(bake, step);
}

bool publication_is_done(const Bake *bake, const char *step)
{
        return json_is_true(step_state(bake, step));
}

/* Of a cancel, a daemon that has ended, a record that cannot be written: no fault of the step's. */
static bool ends_the_job(const Failure *failure)
{
        return failure->kind == FAILURE_CANCELLED || failure->kind == FAILURE_WORKER_DIED ||
                failure->kind == FAILURE_INTERNAL;
}

int publication_note(Bake *bake, const char *step, int result)
{
        json_t *steps = json_object_get(bake->record.publication, "steps"), *state;

        if (result < 0 && ends_the_job(&bake->failure))
                return result;
        state = result < 0 ? json_text(bake->failure.message ? bake->failure.message : "failed") :
                             json_true();
        if (result < 0)
                log_warning("Not published as wanted: %s: %s", step, json_string_value(state));
        if (json_object_set_new(steps, step, state) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        failure_done(&bake->failure);
        return bake_save(bake);
}

int publication_leave(Bake *bake, const char *step, const char *job)
{
        json_t *steps = json_object_get(bake->record.publication, "steps");

        log_notice("%s is left to job %s, which has a later point in time", step, job);
        if (json_object_set_new(steps, step, json_pack("{s:s}", "later", job)) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        return bake_save(bake);
}

int publication_list(const json_t *object, const char *key, StringList *ret)
{
        const json_t *array = json_object_get(object, key);
        json_t *value;
        size_t i;

        json_array_foreach(array, i, value)
                if (json_is_string(value) && string_list_add(ret, json_string_value(value)) < 0)
                        return -ENOMEM;
        return 0;
}

int publication_conclude(Bake *bake)
{
        json_t *steps = json_object_get(bake->record.publication, "steps"), *state;
        const char *image = bake->record.image_id;
        _cleanup_(text_done) Text text = TEXT_INIT;
        const char *step;
        int r = 0;

        json_object_foreach(steps, step, state)
                if (json_is_string(state))
                        r |= text_addf(&text, "%s%s: %s", text.length > 0 ? "; " : "", step,
                                json_string_value(state));
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        if (text.length == 0)
                return 0;
        if (image)
                return failure_set(&bake->failure, FAILURE_PUBLISH_FAILED, -EREMOTEIO,
                        "%s is made and stays, but not all of [Publish] could be done (%s): put it "
                        "right and run quiescectl publish %s",
                        image, text.data, image);
        return failure_set(&bake->failure, FAILURE_PUBLISH_FAILED, -EREMOTEIO,
                "The snapshots are made and stay, but not all of [Publish] could be done (%s): do "
                "that by hand, or put it right and bake again",
                text.data);
}
