/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle that lies in a folder, on its way into a bucket. */

#include "image/upload.h"

#include "image/store.h"
#include "image/unbundle.h"

typedef struct Sending {
        const UploadOrder *order;
        Text text; /* of the manifest */
        Manifest manifest;
        char *manifest_key;
        S3Upload *upload;
        S3UploadSum sum;
        int outcome; /* of the bucket, where it was not 0 */
        ApiError error;
} Sending;

static void sending_done(Sending *sending)
{
        sending->upload = s3_upload_free(sending->upload);
        text_done(&sending->text);
        manifest_done(&sending->manifest);
        api_error_done(&sending->error);
        free(sending->manifest_key);
}

/* What S3 says goes into words at the end; until then it is an error like others. */
static int note_outcome(Sending *sending, int r)
{
        if (r > 0)
                sending->outcome = r;
        return r > 0 ? -EREMOTEIO : r;
}

/* --- Before ----------------------------------------------------------------------------------- */

static int check_files(Sending *sending, char **reterr_message)
{
        const PartSource source = folder_parts(sending->order->bundle);
        int r = folder_read_manifest(
                sending->order->bundle, &sending->manifest, &sending->text, reterr_message);

        return r < 0 ? r : bundle_check_parts(&sending->manifest, &source, reterr_message);
}

/* The same one may be there, from an attempt whose end nobody saw. */
static int check_bucket(Sending *sending, char **reterr_message)
{
        _cleanup_(text_done) Text there = TEXT_INIT;
        S3Bucket *bucket = sending->order->bucket;
        int r = s3_get_object(
                bucket, sending->manifest_key, MANIFEST_BYTES_MAX, &there, &sending->error);

        /* Who may not list is denied what is not there. */
        if (r == S3_E_NOT_FOUND || r == S3_E_DENIED)
                return 0;
        if (r != 0 && r != S3_E_TOO_LARGE)
                return note_outcome(sending, r);
        if (r == 0 && there.length == sending->text.length &&
                memcmp(there.data, sending->text.data, there.length) == 0)
                return 0;
        if (string_printf(reterr_message,
                    "There is another bundle s3://%s/%s already: choose another prefix, or delete "
                    "it",
                    s3_bucket_name(bucket), sending->manifest_key) < 0)
                return -ENOMEM;
        return -EEXIST;
}

static int begin(Sending *sending)
{
        const S3UploadConfig config = {
                .acl = S3_ACL_EXEC_READ,
                .content_type = BUNDLE_PART_TYPE,
                .tags = sending->order->tags,
        };
        _cleanup_(freep) char *prefix = NULL;
        int r = s3_upload_new(sending->order->bucket, &config, &sending->upload);

        if (r >= 0)
                r = string_printf(&prefix, "%s%s", sending->order->folder, sending->manifest.name);
        if (r >= 0)
                r = note_outcome(
                        sending, s3_upload_resume(sending->upload, prefix, &sending->error));
        return r;
}

/* --- Parts, and the manifest behind them ------------------------------------------------------ */

static int send_part(void *userdata, const ManifestPart *part, Text *body, char **reterr_message)
{
        Sending *sending = userdata;
        _cleanup_(freep) char *key = NULL;
        size_t size = body->length;
        int r = string_printf(&key, "%s%s", sending->order->folder, part->filename);

        if (r < 0)
                return r;
        r = s3_upload_part(sending->upload, key, TAKE_PTR(body->data), size, &sending->error);
        *body = TEXT_INIT;
        return r != 0 ? note_outcome(sending, r) : part_watch_tell(sending->order->watch, size);
}

static int send_parts(Sending *sending, char **reterr_message)
{
        const PartTaker taker = { .take = send_part, .userdata = sending };
        PartSource source = folder_parts(sending->order->bundle);
        int r;

        source.watch = NULL; /* they were seen before */
        r = bundle_pass_parts(&sending->manifest, &source, &taker, reterr_message);
        return r < 0 ? r
                     : note_outcome(sending,
                               s3_upload_finish(sending->upload, &sending->sum, &sending->error));
}

static int send_manifest(Sending *sending)
{
        const S3Put put = {
                .key = sending->manifest_key,
                .body = sending->text.data,
                .size = sending->text.length,
                .content_type = BUNDLE_MANIFEST_TYPE,
                .acl = S3_ACL_EXEC_READ,
                .tags = sending->order->tags,
        };

        return note_outcome(sending, s3_put_object(sending->order->bucket, &put, &sending->error));
}

static int explain(const Sending *sending, char **reterr_message)
{
        free(*reterr_message);
        *reterr_message = NULL;
        return s3_explain(
                sending->order->bucket, sending->outcome, &sending->error, reterr_message);
}

int upload_bundle(
        const UploadOrder *order, Manifest *ret, S3UploadSum *ret_sum, char **reterr_message)
{
        _cleanup_(sending_done) Sending sending = { .order = order, .error = API_ERROR_INIT };
        int r = string_printf(
                &sending.manifest_key, "%s%s" MANIFEST_SUFFIX, order->folder, order->bundle->name);

        if (r >= 0)
                r = check_files(&sending, reterr_message);
        if (r >= 0)
                r = check_bucket(&sending, reterr_message);
        if (r >= 0)
                r = begin(&sending);
        if (r >= 0)
                r = send_parts(&sending, reterr_message);
        if (r >= 0)
                r = send_manifest(&sending);
        if (r >= 0) {
                manifest_move(&sending.manifest, ret);
                *ret_sum = sending.sum;
                return 0;
        }
        if (sending.outcome > 0 && explain(&sending, reterr_message) < 0)
                return -ENOMEM;
        return r == -EREMOTEIO && sending.outcome > 0 ? sending.outcome : r;
}
