/* SPDX-License-Identifier: Apache-2.0 */
/* Method=bundle: what it leaves, goes. */

#include "aws/s3-check.h"
#include "aws/s3-many.h"
#include "aws/s3-object.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/bundle-versions.h"
#include "flow/bundling-record.h"
#include "flow/bundling.h"
#include "flow/identify.h"
#include "flow/staging.h"
#include "image/manifest.h"

/* After what was deleted, for parts that were still on their way. */
#define LATE_USEC USEC_PER_SEC
#define LATE_ROUNDS_MAX 10

void bundling_discard(Bake *bake)
{
        if (json_get_bool(bake->record.bundle, "discarded", false))
                return;
        if (staging_discard(bake) >= 0) {
                (void)json_object_set_new(bake->record.bundle, "discarded", json_true());
                return;
        }
        log_warning("The staged image of the job is left, and can be removed by hand from %s: %s",
                json_get_string(bake->record.bundle, "folder", CAPTURE_FOLDER),
                bake->failure.message ? bake->failure.message : "the capture does not answer");
        failure_done(&bake->failure);
}

typedef struct Found {
        const Bake *bake;
        StringList parts;
} Found;

static int on_object(void *userdata, const S3Object *object)
{
        Found *found = userdata;
        const char *filename =
                startswith(object->key, json_get_string(found->bake->record.bundle, "prefix", ""));

        if (!filename ||
                !manifest_is_part_name(
                        json_get_string(found->bake->record.bundle, "name", ""), filename))
                return 0;
        return string_list_add(&found->parts, object->key);
}

/* Where a bucket keeps them, and tells so. */
static int delete_versions(Bake *bake, S3Bucket *bucket, ApiError *error)
{
        _cleanup_(bundle_place_done) BundlePlace place = { 0 };
        _cleanup_(bundle_versions_done) BundleVersions found = { 0 };
        _cleanup_(string_list_done) StringList refused = STRING_LIST_INIT;
        S3Answer keeps_versions;
        int r = bundle_place_parse(bundling_get(bake, "location"), &place);

        if (r == 0)
                r = s3_bucket_ask_versions(bucket, &keeps_versions, error);
        if (r != 0 || keeps_versions != S3_YES)
                return r;
        r = bundle_find_versions(bucket, &place, &found, error);
        if (r != 0)
                return r;
        return s3_delete_versions(bucket, &found.keys, &found.versions, &refused, error);
}

/* The manifest last: as long as it is there, somebody may find the parts by it. */
static int delete_found(Bake *bake, S3Bucket *bucket, const StringList *parts, ApiError *error)
{
        _cleanup_(string_list_done) StringList refused = STRING_LIST_INIT;
        _cleanup_(freep) char *key = NULL;
        int r;

        if (string_printf(&key, "%s%s" MANIFEST_SUFFIX, bundling_get(bake, "prefix"),
                    bundling_get(bake, "name")) < 0)
                return -ENOMEM;
        r = s3_delete_objects(bucket, parts, &refused, error);
        if (r == 0)
                r = s3_delete_object(bucket, key, error);
        return r == 0 ? delete_versions(bake, bucket, error) : r;
}

static int delete_round(Bake *bake, S3Bucket *bucket, size_t *ret_count, ApiError *error)
{
        _cleanup_(freep) char *prefix = NULL;
        Found found = { .bake = bake };
        int r;

        if (string_printf(&prefix, "%s%s.part.", bundling_get(bake, "prefix"),
                    bundling_get(bake, "name")) < 0)
                return -ENOMEM;
        r = s3_list_objects(bucket, prefix, on_object, &found, error);
        if (r == 0)
                r = delete_found(bake, bucket, &found.parts, error);
        *ret_count = found.parts.count;
        string_list_done(&found.parts);
        return r;
}

/*
 * A part whose PUT was broken off when its last byte was on the way may still come to be: the
 * bucket is looked at until nothing has come for a moment.
 */
static int delete_rounds(Bake *bake, S3Bucket *bucket, ApiError *error)
{
        bool may_come = !json_get_bool(bake->record.bundle, "uploaded", false);
        size_t count;
        int r = delete_round(bake, bucket, &count, error);

        for (unsigned n = 0; r == 0 && may_come && n < LATE_ROUNDS_MAX; n++) {
                clock_sleep_usec(LATE_USEC);
                r = delete_round(bake, bucket, &count, error);
                may_come = count > 0;
        }
        return r;
}

static int delete_objects(Bake *bake)
{
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = NULL;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = bake_open_bucket(bake, bundling_get(bake, "bucket"), &bucket);

        if (r < 0)
                return r;
        r = delete_rounds(bake, bucket, &error);
        if (r == 0 || r == S3_E_NO_BUCKET)
                return bundling_set(bake, "gone", json_true());
        log_warning("What is in bucket %s of the job cannot be deleted: %s", s3_bucket_name(bucket),
                error.message   ? error.message
                        : r < 0 ? strerror(-r)
                                : "there was no answer");
        return r < 0 ? r : -EREMOTEIO;
}

int bundling_undo(Bake *bake)
{
        int r = 0, q = 0;

        if (!bake->record.bundle)
                return 0;
        if (json_object_get(bake->record.bundle, "keys") &&
                !json_get_bool(bake->record.bundle, "gone", false))
                r = delete_objects(bake);
        if (!json_get_bool(bake->record.bundle, "discarded", false))
                q = staging_discard(bake);
        if (q >= 0)
                q = bundling_set(bake, "discarded", json_true());
        return r < 0 ? r : q;
}

int bundling_name_rest(const Record *record, StringList *names)
{
        const json_t *bundle = record->bundle;
        _cleanup_(freep) char *staged = NULL;

        if (!bundle)
                return 0;
        if (json_object_get(bundle, "keys") && !json_get_bool(bundle, "gone", false) &&
                string_list_add(names, json_get_string(bundle, "location", "")) < 0)
                return -ENOMEM;
        if (json_get_bool(bundle, "discarded", false))
                return 0;
        if (string_printf(&staged, "%s in %s", record->id,
                    json_get_string(bundle, "folder", CAPTURE_FOLDER)) < 0)
                return -ENOMEM;
        return string_list_add(names, staged);
}
