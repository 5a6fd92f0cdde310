/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle out of a bucket, part by part, without a file in between. */

#include "image/fetch.h"

#include "aws/s3-crew.h"
#include "image/deposit.h"

/* A HEAD takes a round trip and carries nothing. */
#define LOOK_CONNECTIONS 8

typedef struct Fetch {
        const FetchOrder *order;
        Text text; /* of the manifest */
        Manifest manifest;
        int outcome; /* of the bucket, where it was not 0 */
} Fetch;

static void fetch_done(Fetch *fetch)
{
        text_done(&fetch->text);
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
        _cleanup_(freep) char *filename = NULL;
        int r = string_printf(&filename, "%s" MANIFEST_SUFFIX, fetch->order->name);

        if (r >= 0)
                r = get_object(fetch, filename, MANIFEST_BYTES_MAX, &fetch->text, reterr_message);
        if (r < 0)
                return r;
        return unbundle_manifest(
                filename, &fetch->text, fetch->order->user, &fetch->manifest, reterr_message);
}

static PartSource parts_of(Fetch *fetch)
{
        return (PartSource){
                .give = give_part,
                .userdata = fetch,
                .watch = fetch->order->watch,
        };
}

static int end(Fetch *fetch, int r, Manifest *ret)
{
        if (r >= 0)
                manifest_move(&fetch->manifest, ret);
        return r == -EREMOTEIO && fetch->outcome > 0 ? fetch->outcome : r;
}

/* --- By their sizes --------------------------------------------------------------------------- */

typedef struct Look {
        Fetch *fetch;
        struct PartLook {
                const char *filename;
                uint64_t size_bytes;
                bool is_missing;
        } * parts;
        S3Crew *crew;
        ApiError error;
} Look;

static void look_done(Look *look)
{
        (void)s3_crew_free(look->crew);
        api_error_done(&look->error);
        free(look->parts);
}

static int look_at_part(void *userdata, S3Bucket *bucket, void *task, ApiError *reterr)
{
        _cleanup_(freep) char *key = NULL;
        const Look *look = userdata;
        struct PartLook *part = task;
        S3Head head = { 0 };
        int r = string_printf(&key, "%s%s", look->fetch->order->folder, part->filename);

        if (r < 0)
                return r;
        r = s3_head_object(bucket, key, &head, reterr);
        part->is_missing = r == S3_E_NOT_FOUND;
        part->size_bytes = head.size_bytes;
        return part->is_missing ? 0 : r;
}

static int give_parts(Look *look)
{
        const Fetch *fetch = look->fetch;
        int r = 0;

        for (size_t i = 0; i < fetch->manifest.n_parts && r == 0; i++) {
                look->parts[i].filename = fetch->manifest.parts[i].filename;
                r = s3_crew_give(look->crew, &look->parts[i], &look->error);
                if (r == 0)
                        r = part_watch_tell(fetch->order->watch, 0);
        }
        return r == 0 ? s3_crew_finish(look->crew, &look->error) : r;
}

static int look_at_parts(Look *look, char **reterr_message)
{
        Fetch *fetch = look->fetch;
        const S3Work work = { .run = look_at_part, .userdata = look };
        int r;

        look->parts = calloc(fetch->manifest.n_parts, sizeof(*look->parts));
        if (!look->parts)
                return -ENOMEM;
        r = s3_crew_new(fetch->order->bucket, LOOK_CONNECTIONS, &work, &look->crew);
        if (r >= 0)
                r = give_parts(look);
        if (r <= 0)
                return r;
        fetch->outcome = r;
        r = fail_object(fetch, "*.part.*", &look->error, reterr_message);
        return r < 0 ? r : -EREMOTEIO;
}

static int fail_missing(const Look *look, size_t first, size_t count, char **reterr_message)
{
        const FetchOrder *order = look->fetch->order;

        return string_printf(reterr_message,
                       "%zu of %zu parts are not in the bucket; the first of them is s3://%s/%s%s",
                       count, look->fetch->manifest.n_parts, s3_bucket_name(order->bucket),
                       order->folder, look->parts[first].filename) < 0
                ? -ENOMEM
                : -ENOENT;
}

static int fail_size(const struct PartLook *part, char **reterr_message)
{
        return string_printf(reterr_message, "The part %s %s", part->filename,
                       part->size_bytes == 0 ? "is empty" : "is longer than the 10 MiB of a part") <
                        0
                ? -ENOMEM
                : -EBADMSG;
}

static int judge_parts(const Look *look, char **reterr_message)
{
        const Manifest *manifest = &look->fetch->manifest;
        size_t n_missing = 0, first = 0;
        uint64_t bundled_bytes = 0;

        for (size_t i = manifest->n_parts; i-- > 0;)
                if (look->parts[i].is_missing) {
                        first = i;
                        n_missing++;
                }
        if (n_missing > 0)
                return fail_missing(look, first, n_missing, reterr_message);
        for (size_t i = 0; i < manifest->n_parts; i++) {
                uint64_t size_bytes = look->parts[i].size_bytes;

                if (size_bytes == 0 || size_bytes > PART_BYTES)
                        return fail_size(&look->parts[i], reterr_message);
                bundled_bytes += size_bytes;
        }
        return bundle_check_sum(manifest, bundled_bytes, reterr_message);
}

int fetch_look(const FetchOrder *order, Manifest *ret, char **reterr_message)
{
        _cleanup_(fetch_done) Fetch fetch = { .order = order };
        _cleanup_(look_done) Look look = { .fetch = &fetch, .error = API_ERROR_INIT };
        int r = get_manifest(&fetch, reterr_message);

        if (r >= 0)
                r = look_at_parts(&look, reterr_message);
        if (r >= 0)
                r = judge_parts(&look, reterr_message);
        return end(&fetch, r, ret);
}

/* --- All of it -------------------------------------------------------------------------------- */

int fetch_check(const FetchOrder *order, Manifest *ret, char **reterr_message)
{
        _cleanup_(fetch_done) Fetch fetch = { .order = order };
        const PartSource source = parts_of(&fetch);
        int r = get_manifest(&fetch, reterr_message);

        if (r >= 0)
                r = bundle_check_parts(&fetch.manifest, &source, reterr_message);
        return end(&fetch, r, ret);
}

static int deposit_part(void *userdata, const ManifestPart *part, Text *body, char **reterr_message)
{
        return deposit_add(userdata, part->filename, body->data, body->length, reterr_message);
}

int fetch_files(const FetchOrder *order, int folder_fd, Manifest *ret, char **reterr_message)
{
        _cleanup_(deposit_done) Deposit deposit = { .fd = folder_fd };
        _cleanup_(fetch_done) Fetch fetch = { .order = order };
        const PartSource source = parts_of(&fetch);
        const PartTaker taker = { .take = deposit_part, .userdata = &deposit };
        int r = get_manifest(&fetch, reterr_message);

        if (r >= 0)
                r = bundle_pass_parts(&fetch.manifest, &source, &taker, reterr_message);
        if (r >= 0)
                r = deposit_keep(
                        &deposit, order->name, fetch.text.data, fetch.text.length, reterr_message);
        return end(&fetch, r, ret);
}

int fetch_image(const FetchOrder *order, int image_fd, Manifest *ret, char **reterr_message)
{
        _cleanup_(fetch_done) Fetch fetch = { .order = order };
        const PartSource source = parts_of(&fetch);
        int r = get_manifest(&fetch, reterr_message);

        if (r >= 0)
                r = unbundle_with(
                        &fetch.manifest, order->private_key, &source, image_fd, reterr_message);
        return end(&fetch, r, ret);
}
