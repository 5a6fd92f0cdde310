/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles in S3 without an image, and images without their bundle. */

#include "flow/orphans-bundle.h"

#include "aws/s3-check.h"
#include "aws/s3-many.h"
#include "aws/s3-object.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/bundle.h"
#include "flow/identify.h"
#include "flow/labels.h"
#include "image/manifest.h"

/* A bucket may hold anything: so many manifests are looked at. */
#define BUNDLES_MAX 10000

/* --- What lies in a bucket -------------------------------------------------------------------- */

/* All that is called as the parts and the manifest of one bundle. */
typedef struct Group {
        char *id; /* BUCKET/KEY of its manifest, whether that is there or not */
        char *key,
                *version; /* of what tells by its tags whose it is: the manifest, if it is there */
        bool has_manifest;
        bool is_past;          /* only old versions are left */
        uint64_t created_usec; /* of the manifest, or else of what came last */
        uint64_t size_bytes;
} Group;

typedef struct Scan {
        const OrphanScene *scene;
        Bake *bake;
        S3Bucket *bucket;
        Group *groups;
        size_t n_groups;
        size_t last;      /* where the object before went */
        bool in_versions; /* the second listing */
} Scan;

static void scan_done(Scan *scan)
{
        for (size_t i = 0; i < scan->n_groups; i++) {
                free(scan->groups[i].id);
                free(scan->groups[i].key);
                free(scan->groups[i].version);
        }
        free(scan->groups);
        (void)s3_bucket_free(scan->bucket);
}

/* What its manifest is called; *ret stays NULL for a key that is called as nothing of a bundle. */
static int find_place(const Scan *scan, const char *key, bool *ret_is_manifest, char **ret)
{
        const char *slash = strrchr(key, '/');
        const char *file = slash ? slash + 1 : key;
        const char *suffix = endswith(file, BUNDLE_MANIFEST_SUFFIX);
        _cleanup_(freep) char *name = NULL;

        *ret_is_manifest = suffix && suffix > file;
        if (*ret_is_manifest)
                return string_printf(ret, "%s/%s", s3_bucket_name(scan->bucket), key);
        for (const char *p = strstr(file, ".part."); p; p = strstr(p + 1, ".part."))
                suffix = p;
        if (!suffix || suffix == file)
                return 0;
        name = strndup(file, (size_t)(suffix - file));
        if (!name)
                return -ENOMEM;
        if (!manifest_is_part_name(name, file))
                return 0;
        return string_printf(ret, "%s/%.*s%s" BUNDLE_MANIFEST_SUFFIX, s3_bucket_name(scan->bucket),
                (int)(file - key), key, name);
}

static Group *find_group(Scan *scan, const char *id)
{
        if (scan->last < scan->n_groups && streq(scan->groups[scan->last].id, id))
                return &scan->groups[scan->last];
        for (size_t i = scan->n_groups; i > 0; i--)
                if (streq(scan->groups[i - 1].id, id))
                        return &scan->groups[i - 1];
        return NULL;
}

static int add_group(Scan *scan, char **id, Group **ret)
{
        Group *group;

        if (scan->n_groups >= BUNDLES_MAX)
                return 0;
        group = ARRAY_ADD(scan->groups, scan->n_groups);
        if (!group)
                return -ENOMEM;
        group->id = TAKE_PTR(*id);
        group->is_past = scan->in_versions;
        *ret = group;
        return 0;
}

static int add_object(Group *group, const S3Object *object, bool is_manifest)
{
        bool is_first = !group->key || (is_manifest && !group->has_manifest);

        group->size_bytes += object->size_bytes;
        if (is_manifest || (!group->has_manifest && object->modified_usec > group->created_usec))
                group->created_usec = object->modified_usec;
        group->has_manifest |= is_manifest;
        if (!is_first)
                return 0;
        if (string_replace(&group->key, object->key) < 0)
                return -ENOMEM;
        return object->version ? string_replace(&group->version, object->version) : 0;
}

/* Old versions of what is there belong to it, and go with it. */
static int on_object(void *userdata, const S3Object *object)
{
        Scan *scan = userdata;
        _cleanup_(freep) char *id = NULL;
        bool is_manifest = false;
        Group *group;
        int r;

        (void)bake_cancelled(scan->bake); /* shows that we are alive */
        if (object->is_marker)
                return 0;
        r = find_place(scan, object->key, &is_manifest, &id);
        if (r < 0 || !id || string_list_has_sorted(&scan->scene->places, id))
                return r;
        group = find_group(scan, id);
        if (group && group->is_past != scan->in_versions)
                return 0;
        if (!group)
                r = add_group(scan, &id, &group);
        if (r < 0 || !group)
                return r;
        scan->last = (size_t)(group - scan->groups);
        return add_object(group, object, is_manifest);
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

/* The tags that tell it; REFUSED where they are not ours, though there is no manifest either. */
static int read_tags(Scan *scan, const Group *group, TagList *ret, ApiError *reterr)
{
        _cleanup_(bundle_place_done) BundlePlace place = { 0 };
        int r = 0;

        if (group->has_manifest && !group->is_past) {
                r = bundle_place_parse(group->id, &place);
                if (r >= 0)
                        r = check_user(scan, &place, reterr);
                if (r != 0)
                        return r == -EINVAL ? S3_E_REFUSED : r;
        }
        r = s3_get_object_tags(scan->bucket, group->key, group->version, ret, reterr);
        if (group->has_manifest && !group->is_past)
                return r == S3_E_DENIED && scan->scene->all ? 0 : r; /* matters less then */
        return r == 0 && !tag_list_get(ret, LABEL_JOB) ? S3_E_REFUSED : r;
}

static int judge_group(Scan *scan, const Group *group, OrphanList *orphans)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        const Orphan bundle = {
                .id = group->id,
                .of = (char *)(uintptr_t) "",
                .created_usec = group->created_usec,
                .size_bytes = group->size_bytes,
        };
        int r;

        if (!orphans_may_be_bundle(scan->scene, group->id, group->created_usec))
                return 0;
        r = read_tags(scan, group, &tags, &error);
        if (r > 0)
                log_info("Whose %s is, is not known: it stays", group->id);
        return r != 0 ? (r < 0 ? r : 0)
                      : orphans_judge_bundle(scan->scene, &bundle, &tags, orphans);
}

static int pass_over(const Scan *scan, const char *what, int outcome, const ApiError *error)
{
        _cleanup_(freep) char *words = NULL;

        if (s3_explain(scan->bucket, outcome, error, &words) < 0)
                return -ENOMEM;
        log_warning("%s are not looked for: %s", what, words);
        return 0;
}

/* Of what is left of bundles in a bucket that keeps versions nothing shows in the other listing. */
static int scan_versions(Scan *scan, const char *prefix, ApiError *reterr)
{
        S3Answer keeps = S3_UNKNOWN;
        int r = s3_bucket_ask_versions(scan->bucket, &keeps, reterr);

        if (r != 0 || keeps != S3_YES)
                return r;
        scan->in_versions = true;
        return s3_list_versions(scan->bucket, prefix, on_object, scan, reterr);
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
                return r < 0 ? r : pass_over(&scan, "Bundles without an image", r, &error);
        if (!streq(s3_bucket_region(scan.bucket), aws_client_region(bake->aws))) {
                log_info("Bucket %s is in region %s: its bundles belong to images there",
                        profile->bucket, s3_bucket_region(scan.bucket));
                return 0;
        }
        r = scan_versions(&scan, prefix, &error);
        if (r > 0)
                r = pass_over(&scan, "Old versions of bundles", r, &error);
        for (size_t i = 0; i < scan.n_groups && r >= 0; i++)
                r = judge_group(&scan, &scan.groups[i], orphans);
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
