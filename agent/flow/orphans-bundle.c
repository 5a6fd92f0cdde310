/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles in S3 without an image, and images without their bundle. */

#include "flow/orphans-bundle.h"

#include "aws/s3-many.h"
#include "aws/s3-object.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/bundle.h"
#include "flow/identify.h"
#include "image/manifest.h"

/* A bucket may hold anything: so many manifests are looked at. */
#define BUNDLES_MAX 10000

/* --- What lies in a bucket -------------------------------------------------------------------- */

typedef struct Scan {
        const OrphanScene *scene;
        Bake *bake;
        S3Bucket *bucket;
        BundlePlace last; /* the manifest that came last: its parts follow it in the listing */
        OrphanList found; /* with `of` empty */
        bool last_is_found;
} Scan;

static void scan_done(Scan *scan)
{
        orphan_list_done(&scan->found);
        bundle_place_done(&scan->last);
        (void)s3_bucket_free(scan->bucket);
}

static int begin_bundle(Scan *scan, const S3Object *object)
{
        _cleanup_(freep) char *place = NULL;
        Orphan orphan = { .created_usec = object->modified_usec, .size_bytes = object->size_bytes };
        int r;

        if (string_printf(&place, "%s/%s", s3_bucket_name(scan->bucket), object->key) < 0)
                return -ENOMEM;
        bundle_place_done(&scan->last);
        scan->last_is_found = false;
        r = bundle_place_parse(place, &scan->last);
        if (r < 0)
                return r == -EINVAL ? 0 : r;
        if (!scan->last.name || scan->found.count >= BUNDLES_MAX ||
                !orphans_may_be_bundle(scan->scene, place, object->modified_usec))
                return 0;
        scan->last_is_found = true;
        orphan.id = place;
        orphan.of = (char *)(uintptr_t) "";
        return orphan_list_add(&scan->found, &orphan);
}

static void add_part(Scan *scan, const S3Object *object)
{
        const char *filename = startswith(object->key, scan->last.folder);

        if (filename && manifest_is_part_name(scan->last.name, filename))
                scan->found.items[scan->found.count - 1].size_bytes += object->size_bytes;
}

static int on_object(void *userdata, const S3Object *object)
{
        Scan *scan = userdata;

        (void)bake_cancelled(scan->bake); /* shows that we are alive */
        if (endswith(object->key, BUNDLE_MANIFEST_SUFFIX))
                return begin_bundle(scan, object);
        if (scan->last_is_found)
                add_part(scan, object);
        return 0;
}

/* --- Whose it is ------------------------------------------------------------------------------ */

/* Only of our own account: what the manifest says. NOT_FOUND, UNCLEAR or another one else. */
static int check_user(Scan *scan, const BundlePlace *place, ApiError *reterr)
{
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        _cleanup_(text_done) Text text = TEXT_INIT;
        _cleanup_(freep) char *problem = NULL;
        int r = s3_get_object(scan->bucket, place->manifest, MANIFEST_BYTES_MAX, &text, reterr);

        if (r != 0)
                return r;
        r = manifest_parse(text.data ? text.data : "", text.length, &manifest, &problem);
        if (r == -EBADMSG)
                return BUNDLE_E_UNCLEAR;
        if (r < 0)
                return r;
        return streq_ptr(manifest.user, scan->bake->identity.account_id) ? 0 : BUNDLE_E_UNCLEAR;
}

static int judge_found(Scan *scan, const Orphan *bundle, OrphanList *orphans)
{
        _cleanup_(bundle_place_done) BundlePlace place = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        int r = bundle_place_parse(bundle->id, &place);

        if (r >= 0)
                r = check_user(scan, &place, &error);
        if (r == 0)
                r = s3_get_object_tags(scan->bucket, place.manifest, NULL, &tags, &error);
        if (r == S3_E_DENIED && scan->scene->all)
                r = 0; /* whose it is matters less then */
        if (r > 0)
                log_info("Whose %s is, is not known: it stays", bundle->id);
        return r != 0 ? (r < 0 ? r : 0) : orphans_judge_bundle(scan->scene, bundle, &tags, orphans);
}

static int pass_over(const Scan *scan, int outcome, const ApiError *error)
{
        _cleanup_(freep) char *words = NULL;

        if (s3_explain(scan->bucket, outcome, error, &words) < 0)
                return -ENOMEM;
        log_warning("Bundles without an image are not looked for: %s", words);
        return 0;
}

static int scan_bucket(
        Bake *bake, const OrphanScene *scene, const Profile *profile, OrphanList *orphans)
{
        _cleanup_(scan_done) Scan scan = { .scene = scene, .bake = bake };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const char *prefix = profile->bucket_prefix ? profile->bucket_prefix : "";
        int r = bake_open_bucket(bake, profile->bucket, &scan.bucket);

        if (r < 0)
                return r;
        r = s3_list_objects(scan.bucket, prefix, on_object, &scan, &error);
        if (r != 0)
                return r < 0 ? r : pass_over(&scan, r, &error);
        if (!streq(s3_bucket_region(scan.bucket), aws_client_region(bake->aws))) {
                log_info("Bucket %s is in region %s: its bundles belong to images there",
                        profile->bucket, s3_bucket_region(scan.bucket));
                return 0;
        }
        for (size_t i = 0; i < scan.found.count && r >= 0; i++)
                r = judge_found(&scan, &scan.found.items[i], orphans);
        return r;
}

/* One that is not sound names no place for sure: `quiescectl doctor` tells it. */
static int scan_profile(Bake *bake, const OrphanScene *scene, const char *name, OrphanList *orphans)
{
        _cleanup_(profile_done) Profile profile = { 0 };
        _cleanup_(failure_done) Failure failure = { 0 };

        if (profile_load(bake->settings, name, &profile, &failure) < 0) {
                log_warning("%s", failure.message ? failure.message : name);
                return 0;
        }
        return profile.bucket ? scan_bucket(bake, scene, &profile, orphans) : 0;
}

int orphans_find_bundles(Bake *bake, const OrphanScene *scene, OrphanList *orphans)
{
        _cleanup_(string_list_done) StringList names = STRING_LIST_INIT;
        int r = profile_list_names(bake->settings, &names);

        for (size_t i = 0; i < names.count && r >= 0; i++)
                r = scan_profile(bake, scene, names.items[i], orphans);
        return r;
}

/* --- Images ----------------------------------------------------------------------------------- */

/* *ret only where S3 says so of a bucket of ours, and of no other. */
static int find_gone(Bake *bake, const char *location, bool *ret)
{
        _cleanup_(bundle_place_done) BundlePlace place = { 0 };
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = NULL;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        S3Head head;
        int r = bundle_place_parse(location, &place);

        if (r == -EINVAL)
                return 0;
        if (r >= 0)
                r = bake_open_bucket(bake, place.bucket, &bucket);
        if (r >= 0)
                r = s3_head_object(bucket, place.manifest, &head, &error);
        *ret = r == S3_E_NOT_FOUND;
        return r < 0 ? r : 0;
}

int orphans_find_bundleless(Bake *bake, const OrphanScene *scene, OrphanList *orphans)
{
        for (size_t i = 0; i < scene->in_s3.count; i++) {
                const Orphan *image = &scene->in_s3.items[i];
                bool gone = false;
                int r = 0;

                if (orphans_are_old_enough(scene, image->created_usec))
                        r = find_gone(bake, image->of, &gone);
                (void)bake_cancelled(bake);
                if (r >= 0 && gone)
                        r = orphan_list_add(orphans, image);
                if (r < 0)
                        return r;
        }
        return 0;
}
