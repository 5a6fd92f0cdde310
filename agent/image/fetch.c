/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle out of a bucket, part by part, without a file in between. */

#include "image/fetch.h"

typedef struct Fetch {
        const FetchOrder *order;
        Manifest manifest;
        int outcome; /* of the bucket, where it was not 0 */
} Fetch;

static void fetch_done(Fetch *fetch)
{
        manifest_done(&fetch->manifest);
}

static int fail_object(
        const Fetch *fetch, const char *key, const ApiError *error, char **reterr_message)
{
        _cleanup_(freep) char *words = NULL;
        const char *bucket = s3_bucket_name(fetch->order->bucket);

        if (fetch->outcome == S3_E_NOT_FOUND)
                return string_printf(reterr_message, "There is no s3://%s/%s", bucket, key);
        if (fetch->outcome == S3_E_TOO_LARGE)
                return string_printf(reterr_message,
                        "s3://%s/%s is longer than anything of a bundle", bucket, key);
        if (s3_explain(fetch->order->bucket, fetch->outcome, error, &words) < 0)
                return -ENOMEM;
        return string_printf(reterr_message, "s3://%s/%s cannot be read: %s", bucket, key, words);
}

/* What S3 says goes into words at once; until the end it is an error like others. */
static int get_object(
        Fetch *fetch, const char *filename, size_t most, Text *ret, char **reterr_message)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *key = NULL;
        int r = string_printf(&key, "%s%s", fetch->order->folder, filename);

        if (r >= 0)
                r = s3_get_object(fetch->order->bucket, key, most, ret, &error);
        if (r <= 0)
                return r;
        fetch->outcome = r;
        r = fail_object(fetch, key, &error, reterr_message);
        return r < 0 ? r : -EREMOTEIO;
}

static int give_part(void *userdata, const ManifestPart *part, Text *body, char **reterr_message)
{
        return get_object(userdata, part->filename, PART_BYTES, body, reterr_message);
}

static int get_manifest(Fetch *fetch, char **reterr_message)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        _cleanup_(freep) char *filename = NULL;
        int r = string_printf(&filename, "%s" MANIFEST_SUFFIX, fetch->order->name);

        if (r >= 0)
                r = get_object(fetch, filename, MANIFEST_BYTES_MAX, &text, reterr_message);
        if (r < 0)
                return r;
        return unbundle_manifest(
                filename, &text, fetch->order->user, &fetch->manifest, reterr_message);
}

static int end(const Fetch *fetch, int r)
{
        return r == -EREMOTEIO && fetch->outcome > 0 ? fetch->outcome : r;
}

int fetch_check(const FetchOrder *order, char **reterr_message)
{
        _cleanup_(fetch_done) Fetch fetch = { .order = order };
        const PartSource source = { .give = give_part, .userdata = &fetch };
        int r = get_manifest(&fetch, reterr_message);

        if (r >= 0)
                r = bundle_check_parts(&fetch.manifest, &source, reterr_message);
        return end(&fetch, r);
}

int fetch_image(const FetchOrder *order, int image_fd, char **reterr_message)
{
        _cleanup_(fetch_done) Fetch fetch = { .order = order };
        const PartSource source = { .give = give_part, .userdata = &fetch };
        int r = get_manifest(&fetch, reterr_message);

        if (r >= 0)
                r = unbundle_with(
                        &fetch.manifest, order->private_key, &source, image_fd, reterr_message);
        return end(&fetch, r);
}
