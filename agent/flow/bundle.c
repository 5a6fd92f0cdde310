/* SPDX-License-Identifier: Apache-2.0 */
/* The bundle of an instance-store image: where it lies in S3, and which objects it consists of. */

#include "flow/bundle.h"

#include "aws/s3-object.h"
#include "base/text.h"
#include "image/manifest.h"
#include "image/store.h"

#define CODE_UNCLEAR "InvalidManifest"
#define KEY_BYTES_MAX 1024

void bundle_place_done(BundlePlace *place)
{
        free(place->bucket);
        free(place->manifest);
        free(place->folder);
        free(place->name);
        *place = (BundlePlace){ 0 };
}

void bundle_parts_done(BundleParts *parts)
{
        string_list_done(&parts->keys);
        *parts = (BundleParts){ 0 };
}

/* --- Where it is ------------------------------------------------------------------------------ */

static int copy_bytes(const char *start, const char *end, char **ret)
{
        *ret = strndup(start, (size_t)(end - start));
        return *ret ? 0 : -ENOMEM;
}

static int place_fill(BundlePlace *place, const char *location, const char *key)
{
        const char *slash = strrchr(key, '/');
        const char *file = slash ? slash + 1 : key;
        const char *suffix = endswith(file, BUNDLE_MANIFEST_SUFFIX);

        if (copy_bytes(location, key - 1, &place->bucket) < 0 ||
                copy_bytes(key, key + strlen(key), &place->manifest) < 0 ||
                copy_bytes(key, file, &place->folder) < 0)
                return -ENOMEM;
        if (!suffix || suffix == file)
                return 0;
        return copy_bytes(file, suffix, &place->name);
}

int bundle_place_parse(const char *location, BundlePlace *ret)
{
        _cleanup_(bundle_place_done) BundlePlace place = { 0 };
        const char *slash = strchr(location, '/');

        if (!slash || slash[1] == '\0' || endswith(location, "/") ||
                strlen(slash + 1) > KEY_BYTES_MAX)
                return -EINVAL;
        if (place_fill(&place, location, slash + 1) < 0)
                return -ENOMEM;
        if (!s3_bucket_name_is_valid(place.bucket))
                return -EINVAL;
        *ret = place;
        place = (BundlePlace){ 0 };
        return 0;
}

/* --- What it consists of ---------------------------------------------------------------------- */

static int fail_unclear(ApiError *reterr, const char *problem, const char *what)
{
        _cleanup_(freep) char *message = NULL;

        if (string_printf(&message, "its manifest %s%s", problem, what) < 0 ||
                api_error_set(reterr, CODE_UNCLEAR, message) < 0)
                return -ENOMEM;
        return BUNDLE_E_UNCLEAR;
}

static int add_key(const BundlePlace *place, const char *filename, StringList *keys)
{
        _cleanup_(freep) char *key = NULL;

        if (string_printf(&key, "%s%s", place->folder, filename) < 0)
                return -ENOMEM;
        return string_list_add(keys, key);
}

/* Whoever can write a manifest could name any object beside it: only parts are taken for parts. */
static int take_named(
        const BundlePlace *place, const Manifest *manifest, BundleParts *ret, ApiError *reterr)
{
        for (size_t i = 0; i < manifest->n_parts; i++) {
                const char *filename = manifest->parts[i].filename;

                if (!manifest_is_part_name(manifest->name, filename))
                        return fail_unclear(reterr, "names what is no part of it: ", filename);
                if (add_key(place, filename, &ret->keys) < 0)
                        return -ENOMEM;
        }
        ret->has_manifest = true;
        return 0;
}

static int read_manifest(
        const BundlePlace *place, const Text *text, BundleParts *ret, ApiError *reterr)
{
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        _cleanup_(freep) char *problem = NULL;
        int r = manifest_parse(text->data ? text->data : "", text->length, &manifest, &problem);

        if (r == -EBADMSG)
                return fail_unclear(reterr, problem, "");
        return r < 0 ? r : take_named(place, &manifest, ret, reterr);
}

static int search_parts(
        S3Bucket *bucket, const BundlePlace *place, BundleParts *ret, ApiError *reterr)
{
        if (!place->name)
                return 0;
        api_error_done(reterr);
        return store_find_parts(bucket, place->folder, place->name, &ret->keys, reterr);
}

int bundle_find_parts(
        S3Bucket *bucket, const BundlePlace *place, BundleParts *ret, ApiError *reterr)
{
        _cleanup_(bundle_parts_done) BundleParts parts = { 0 };
        _cleanup_(text_done) Text text = TEXT_INIT;
        int r = s3_get_object(bucket, place->manifest, MANIFEST_BYTES_MAX, &text, reterr);

        if (r == 0)
                r = read_manifest(place, &text, &parts, reterr);
        else if (r == S3_E_NOT_FOUND)
                r = search_parts(bucket, place, &parts, reterr);
        else if (r == S3_E_TOO_LARGE)
                r = fail_unclear(reterr, "is longer than 4 MiB, which none is", "");
        if (r != 0)
                return r;
        *ret = parts;
        parts = (BundleParts){ 0 };
        return 0;
}
