/* SPDX-License-Identifier: Apache-2.0 */
/* What an instance-store image consists of in S3 goes away with it. */

#include "flow/removal-bundle.h"

#include "aws/s3-many.h"
#include "aws/s3-object.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/bundle-versions.h"
#include "flow/identify.h"
#include "flow/removal-snapshot.h"

#define PERMISSIONS                                                                                \
        "s3:GetObject, s3:GetObjectTagging, s3:DeleteObject and s3:ListBucket, and in a bucket "   \
        "that keeps old versions s3:ListBucketVersions, s3:GetObjectVersionTagging and "           \
        "s3:DeleteObjectVersion"

/* Many images lie in one bucket: its connection stays open. */
static int open_bucket(Removal *removal, const char *name)
{
        S3Bucket *bucket;
        int r;

        if (removal->bucket && streq(s3_bucket_name(removal->bucket), name))
                return 0;
        r = bake_open_bucket(removal->bake, name, &bucket);
        if (r < 0)
                return r;
        (void)s3_bucket_free(removal->bucket);
        removal->bucket = bucket;
        removal->bucket_was_asked = false;
        return 0;
}

/* "its bundle BUCKET/KEY: why" */
static int make_reason(const Removal *removal, const char *location, int outcome,
        const ApiError *error, char **ret)
{
        _cleanup_(freep) char *words = NULL;
        int r = outcome == BUNDLE_E_UNCLEAR ? string_replace(&words, error->message)
                                            : s3_explain(removal->bucket, outcome, error, &words);

        if (r < 0)
                return r;
        return string_printf(ret, "its bundle %s: %s%s", location, words,
                outcome == S3_E_DENIED ? "; it takes " PERMISSIONS : "");
}

static int find_parts(Removal *removal, const char *location, BundlePlace *ret_place,
        BundleParts *ret, ApiError *reterr)
{
        int r = bundle_place_parse(location, ret_place);

        if (r == -EINVAL)
                return api_error_set(reterr, NULL, "that is no place in S3") < 0 ? -ENOMEM
                                                                                 : BUNDLE_E_UNCLEAR;
        if (r >= 0)
                r = open_bucket(removal, ret_place->bucket);
        if (r >= 0)
                r = bundle_find_parts(removal->bucket, ret_place, ret, reterr);
        return r == S3_E_NO_BUCKET ? 0 : r;
}

int removal_judge_bundle(
        Removal *removal, const char *location, FailureKind *reterr_kind, char **reterr_reason)
{
        _cleanup_(bundle_place_done) BundlePlace place = { 0 };
        _cleanup_(bundle_parts_done) BundleParts parts = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = find_parts(removal, location, &place, &parts, &error);

        if (r <= 0)
                return r;
        if (make_reason(removal, location, r, &error, reterr_reason) < 0)
                return -ENOMEM;
        removal->stop = removal->stop || bake_outcome_passes(r, &error);
        *reterr_kind = r == BUNDLE_E_UNCLEAR ? FAILURE_NOT_SUPPORTED
                : r == S3_E_DENIED           ? FAILURE_ACCESS_DENIED
                                             : FAILURE_API_ERROR;
        return r == BUNDLE_E_UNCLEAR ? -EPERM : REMOVAL_E_LEFT;
}

/* --- Whose else it is ------------------------------------------------------------------------- */

static bool was_deregistered(const Removal *removal, const char *image_id)
{
        const json_t *image;
        size_t i;

        json_array_foreach(removal_entries(removal, "images"), i,
                image) if (streq(entry_id(image), image_id)) return json_get_bool(image,
                "deregistered", false);
        return false;
}

/* *ret is an image that is registered from the same manifest, or NULL. */
static int find_user(Removal *removal, const char *location, char **ret, ApiError *reterr)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        const Ec2ImageFilter filter = { .location = location };
        int r = ec2_describe_images(removal->bake->aws, &filter, 0, &images, reterr);

        for (size_t i = 0; r == 0 && i < images.count && !*ret; i++)
                if (!was_deregistered(removal, images.items[i].id))
                        r = string_replace(ret, images.items[i].id);
        return r;
}

static int keep_bundle(json_t *entry, const char *location, const char *user)
{
        log_info("%s stays: image %s is registered from it", location, user);
        if (entry_add(entry, "skipped",
                    json_pack("{s:s,s:o}", "id", location, "reason",
                            json_sprintf("image %s is registered from it", user))) < 0)
                return -ENOMEM;
        return json_object_set_new(entry, "bundle-kept", json_true()) < 0 ? -ENOMEM : 0;
}

/* --- How it goes ------------------------------------------------------------------------------ */

static int leave_bundle(Removal *removal, json_t *entry, int outcome, const ApiError *error)
{
        _cleanup_(freep) char *reason = NULL;

        if (outcome < 0)
                return outcome;
        removal->stop = removal->stop || bake_outcome_passes(outcome, error);
        if (make_reason(removal, json_get_string(entry, "bundle", ""), outcome, error, &reason) < 0)
                return -ENOMEM;
        return entry_leave(entry, reason);
}

static int leave_refused(
        json_t *entry, const StringList *refused, const ApiError *error, const char *permission)
{
        _cleanup_(freep) char *text = NULL, *reason = NULL;

        if (api_error_format(error, &text) < 0 ||
                string_printf(&reason,
                        "%zu objects of its bundle %s cannot be deleted, such as %s (%s); it "
                        "takes %s, and that no lock keeps them",
                        refused->count, json_get_string(entry, "bundle", ""), refused->items[0],
                        text, permission) < 0)
                return -ENOMEM;
        return entry_leave(entry, reason);
}

static int delete_parts(Removal *removal, json_t *entry, const BundleParts *parts)
{
        _cleanup_(string_list_done) StringList refused = STRING_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = s3_delete_objects(removal->bucket, &parts->keys, &refused, &error);

        if (r < 0)
                return r;
        if (refused.count > 0)
                return leave_refused(entry, &refused, &error, "s3:DeleteObject");
        if (r != 0)
                return leave_bundle(removal, entry, r, &error);
        bake_pause_point("parts-deleted");
        return 0;
}

static int delete_manifest(Removal *removal, json_t *entry, const BundlePlace *place)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = s3_delete_object(removal->bucket, place->manifest, &error);

        if (r != 0)
                return leave_bundle(removal, entry, r, &error);
        bake_pause_point("manifest-deleted");
        return 0;
}

static int ask_bucket(Removal *removal, ApiError *reterr)
{
        int r;

        if (removal->bucket_was_asked)
                return 0;
        r = s3_bucket_ask_versions(removal->bucket, &removal->bucket_keeps_versions, reterr);
        if (r != 0)
                return r;
        removal->bucket_was_asked = true;
        if (removal->bucket_keeps_versions == S3_UNKNOWN)
                log_info("Whether bucket %s keeps old versions is not told: those stay; allow "
                         "s3:GetBucketVersioning",
                        s3_bucket_name(removal->bucket));
        return 0;
}

/* What was deleted is hidden only, where versions are kept, and is paid for as before. */
static int delete_versions(Removal *removal, json_t *entry, const BundlePlace *place)
{
        _cleanup_(string_list_done) StringList refused = STRING_LIST_INIT;
        _cleanup_(bundle_versions_done) BundleVersions found = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = ask_bucket(removal, &error);

        if (r == S3_E_NO_BUCKET || (r == 0 && removal->bucket_keeps_versions != S3_YES))
                return 0;
        if (r == 0)
                r = bundle_find_versions(removal->bucket, place, &found, &error);
        if (r == 0)
                r = s3_delete_versions(
                        removal->bucket, &found.keys, &found.versions, &refused, &error);
        if (r < 0)
                return r;
        if (refused.count > 0)
                return leave_refused(entry, &refused, &error, "s3:DeleteObjectVersion");
        if (r != 0)
                return leave_bundle(removal, entry, r, &error);
        log_info("Deleted %zu old versions of %s", found.keys.count, place->manifest);
        if (found.n_foreign > 0)
                log_info("%zu versions stay, which are not ours", found.n_foreign);
        bake_pause_point("versions-deleted");
        return 0;
}

/* Of a bundle that belongs to no image, and has no manifest that could tell what belongs to it. */
static bool must_be_own(const json_t *entry, const BundleParts *parts)
{
        return !parts->has_manifest &&
                streq_ptr(entry_id(entry), json_get_string(entry, "bundle", NULL));
}

static int delete_objects(Removal *removal, json_t *entry)
{
        _cleanup_(bundle_place_done) BundlePlace place = { 0 };
        _cleanup_(bundle_parts_done) BundleParts parts = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = find_parts(removal, json_get_string(entry, "bundle", ""), &place, &parts, &error);

        if (r == 0 && must_be_own(entry, &parts))
                r = bundle_keep_own(removal->bucket, &parts.keys, &error);
        if (r != 0)
                return leave_bundle(removal, entry, r, &error);
        r = delete_parts(removal, entry, &parts);
        if (r >= 0 && parts.has_manifest && !json_object_get(entry, "left"))
                r = delete_manifest(removal, entry, &place);
        if (r >= 0 && !json_object_get(entry, "left"))
                r = delete_versions(removal, entry, &place);
        if (r < 0 || json_object_get(entry, "left"))
                return r;
        log_info("Deleted %s and %zu parts", place.manifest, parts.keys.count);
        return json_object_set_new(entry, "bundle-gone", json_true()) < 0 ? -ENOMEM : 0;
}

int removal_delete_bundle(Removal *removal, json_t *entry)
{
        const char *location = json_get_string(entry, "bundle", NULL);
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *user = NULL;
        int r;

        if (!location || json_get_bool(entry, "bundle-gone", false) ||
                json_get_bool(entry, "bundle-kept", false))
                return 0;
        r = find_user(removal, location, &user, &error);
        if (r != 0)
                return r < 0 ? r : removal_leave_api(removal, entry, "DescribeImages", r, &error);
        r = user ? keep_bundle(entry, location, user) : delete_objects(removal, entry);
        return r < 0 ? r : removal_save(removal);
}

int removal_check_bundleless(Removal *removal, json_t *entry)
{
        _cleanup_(bundle_place_done) BundlePlace place = { 0 };
        _cleanup_(bundle_parts_done) BundleParts parts = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r;

        if (!json_get_bool(entry, "bundleless", false) ||
                json_get_bool(entry, "deregistered", false))
                return 0;
        r = find_parts(removal, json_get_string(entry, "bundle", ""), &place, &parts, &error);
        if (r != 0)
                return leave_bundle(removal, entry, r, &error);
        if (!parts.has_manifest)
                return 0;
        return entry_refuse(entry, FAILURE_IN_USE, "its bundle is there again");
}

/* --- Those that belong to no image ------------------------------------------------------------ */

static int delete_entry(Removal *removal, json_t *entry)
{
        int r;

        if (json_object_set_new(entry, "bundle", json_text(entry_id(entry))) < 0)
                return -ENOMEM;
        r = removal_delete_bundle(removal, entry);
        if (r < 0)
                return r;
        if (json_get_bool(entry, "bundle-kept", false))
                return entry_refuse(entry, FAILURE_IN_USE, "an image is registered from it");
        if (!json_get_bool(entry, "bundle-gone", false))
                return 0;
        return json_object_set_new(entry, "done", json_true()) < 0 ? -ENOMEM : 0;
}

int removal_delete_bundles(Removal *removal)
{
        json_t *entry;
        size_t i;

        json_array_foreach(removal_entries(removal, "bundles"), i, entry) {
                int r;

                if (entry_is_settled(entry) || removal->stop)
                        continue;
                r = bake_check_cancelled(removal->bake);
                removal_begin_entry(removal, "bundles", i);
                if (r >= 0)
                        r = delete_entry(removal, entry);
                if (r >= 0)
                        r = removal_save(removal);
                if (r < 0)
                        return r;
        }
        return 0;
}
