/* SPDX-License-Identifier: Apache-2.0 */
/* What aws-probe does with S3. */

#include <fcntl.h>

#include "aws/s3-check.h"
#include "aws/s3-file.h"
#include "aws/s3-many.h"
#include "aws/s3-object.h"
#include "aws/s3-stream.h"
#include "aws/s3-upload.h"
#include "base/clock.h"
#include "base/log.h"
#include "tests/aws/probe.h"

/* A bucket of its own for each command. */
static S3Bucket *open_bucket(Probe *probe, const json_t *command)
{
        _cleanup_(freep) char *message = NULL;
        const S3BucketConfig config = {
                .name = probe_argument(command, "bucket"),
                .region = aws_region_from_environment(),
                .owner = json_get_string(command, "owner", NULL),
                .credentials = probe->credentials,
                .cancelled = probe_is_cancelled,
                .userdata = probe,
                .stall_usec = json_get_u64(command, "stall-usec", 0),
        };
        S3Bucket *bucket;
        int r = s3_bucket_new(&config, &bucket, &message);

        if (r >= 0)
                return bucket;
        (void)log_error_errno(r, "Failed to prepare the bucket: %s", message ? message : "%m");
        exit(1);
}

static void put_outcome(json_t *answer, const S3Bucket *bucket, int r, const ApiError *error)
{
        _cleanup_(freep) char *words = NULL;

        probe_put_error(answer, error);
        probe_put(answer, "region", s3_bucket_region(bucket));
        if (r > 0 && s3_explain(bucket, r, error, &words) == 0)
                probe_put(answer, "words", words);
}

int probe_put_object(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = open_bucket(probe, command);
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const char *body = probe_argument(command, "body");
        const S3Put put = {
                .key = probe_argument(command, "key"),
                .body = body,
                .size = strlen(body),
                .content_type = json_get_string(command, "content-type", NULL),
                .acl = json_get_string(command, "acl", NULL),
        };
        int r = s3_put_object(bucket, &put, &error);

        put_outcome(answer, bucket, r, &error);
        return r;
}

int probe_get_object(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = open_bucket(probe, command);
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(text_done) Text body = TEXT_INIT;
        size_t most = (size_t)json_get_u64(command, "most", 1 << 20);
        int r = s3_get_object(bucket, probe_argument(command, "key"), most, &body, &error);

        put_outcome(answer, bucket, r, &error);
        probe_put(answer, "body", body.data);
        return r;
}

int probe_head_object(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = open_bucket(probe, command);
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        S3Head head = { 0 };
        int r = s3_head_object(bucket, probe_argument(command, "key"), &head, &error);

        put_outcome(answer, bucket, r, &error);
        probe_put_number(answer, "size", head.size_bytes);
        probe_put(answer, "etag", head.etag);
        return r;
}

int probe_delete_objects(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = open_bucket(probe, command);
        _cleanup_(string_list_done) StringList keys = STRING_LIST_INIT, refused = STRING_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        json_t *array = json_array();
        int r;

        probe_read_strings(json_object_get(command, "keys"), &keys);
        if (keys.count == 1)
                r = s3_delete_object(bucket, keys.items[0], &error);
        else
                r = s3_delete_objects(bucket, &keys, &refused, &error);
        put_outcome(answer, bucket, r, &error);
        for (size_t i = 0; i < refused.count; i++)
                json_array_append_new(array, json_string(refused.items[i]));
        json_object_set_new(answer, "refused", array);
        return r;
}

static int on_object(void *userdata, const S3Object *object)
{
        json_t *item = json_object();

        probe_put(item, "key", object->key);
        probe_put_number(item, "size", object->size_bytes);
        probe_put_number(item, "modified-usec", object->modified_usec);
        probe_put(item, "version", object->version);
        if (object->is_marker)
                json_object_set_new(item, "marker", json_true());
        return json_array_append_new(userdata, item) < 0 ? -ENOMEM : 0;
}

int probe_list_objects(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = open_bucket(probe, command);
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        json_t *array = json_array();
        int r = s3_list_objects(
                bucket, json_get_string(command, "prefix", ""), on_object, array, &error);

        put_outcome(answer, bucket, r, &error);
        json_object_set_new(answer, "objects", array);
        return r;
}

int probe_list_versions(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = open_bucket(probe, command);
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        json_t *array = json_array();
        int r = s3_list_versions(
                bucket, json_get_string(command, "prefix", ""), on_object, array, &error);

        put_outcome(answer, bucket, r, &error);
        json_object_set_new(answer, "objects", array);
        return r;
}

int probe_delete_versions(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = open_bucket(probe, command);
        _cleanup_(string_list_done) StringList keys = STRING_LIST_INIT, refused = STRING_LIST_INIT;
        _cleanup_(string_list_done) StringList versions = STRING_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r;

        probe_read_strings(json_object_get(command, "keys"), &keys);
        probe_read_strings(json_object_get(command, "versions"), &versions);
        r = s3_delete_versions(bucket, &keys, &versions, &refused, &error);
        put_outcome(answer, bucket, r, &error);
        return r;
}

int probe_check_bucket(Probe *probe, const json_t *command, json_t *answer)
{
        static const char *const answers[] = { "unknown", "no", "yes" };
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = open_bucket(probe, command);
        _cleanup_(freep) char *obstacle = NULL, *remark = NULL;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        S3BucketState state = { 0 };
        int r = s3_bucket_check(bucket, &state, &error);

        put_outcome(answer, bucket, r, &error);
        probe_put(answer, "acls", answers[state.takes_acls]);
        probe_put(answer, "versions", answers[state.is_versioned]);
        probe_put(answer, "locked", answers[state.is_locked]);
        if (r == 0 && s3_bucket_find_obstacle(bucket, &state, aws_region_from_environment(),
                              &obstacle) == 0)
                probe_put(answer, "obstacle", obstacle);
        if (r == 0 && s3_bucket_find_remark(&state, &remark) == 0)
                probe_put(answer, "remark", remark);
        return r;
}

/* --- Streams ---------------------------------------------------------------------------------- */

/* "KEY:SALT\n" over and over. */
static char *make_body(const char *key, const char *salt, size_t size)
{
        _cleanup_(freep) char *line = NULL;
        char *body = malloc(size + 1);
        size_t length;

        if (!body || string_printf(&line, "%s:%s\n", key, salt) < 0)
                exit(1);
        length = strlen(line);
        for (size_t i = 0; i < size; i += length)
                memcpy(body + i, line, size - i < length ? size - i : length);
        return body;
}

static int upload_parts(S3Upload *upload, const json_t *command, ApiError *reterr)
{
        const json_t *parts = json_object_get(command, "parts"), *part;
        size_t i;

        json_array_foreach(parts, i, part) {
                const char *key = probe_argument(part, "key");
                size_t size = (size_t)json_get_u64(part, "size", 0);
                char *body = make_body(key, json_get_string(part, "salt", ""), size);
                int r = s3_upload_part(upload, key, body, size, reterr);

                if (r != 0)
                        return r;
        }
        return 0;
}

static int run_upload(S3Upload *upload, const json_t *command, json_t *answer, ApiError *reterr)
{
        const char *prefix = json_get_string(command, "resume", NULL);
        S3UploadSum sum = { 0 };
        int r = prefix ? s3_upload_resume(upload, prefix, reterr) : 0;

        if (r == 0)
                r = upload_parts(upload, command, reterr);
        if (r == 0)
                r = s3_upload_finish(upload, &sum, reterr);
        probe_put_number(answer, "sent", sum.n_sent);
        probe_put_number(answer, "sent-bytes", sum.sent_bytes);
        probe_put_number(answer, "skipped", sum.n_skipped);
        return r;
}

int probe_upload(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = open_bucket(probe, command);
        _cleanup_(s3_upload_freep) S3Upload *upload = NULL;
        _cleanup_(string_list_done) StringList refused = STRING_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT, undoing = API_ERROR_INIT;
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        const S3UploadConfig config = {
                .acl = json_get_string(command, "acl", NULL),
                .tags = &tags,
                .connections = (unsigned)json_get_u64(command, "connections", 0),
        };
        int r;

        probe_read_tags(json_object_get(command, "tags"), &tags);
        r = s3_upload_new(bucket, &config, &upload);
        if (r >= 0)
                r = run_upload(upload, command, answer, &error);
        put_outcome(answer, bucket, r, &error);
        probe->cancel_usec = USEC_INFINITY;
        if (r != 0 && json_get_bool(command, "undo", false))
                probe_put_number(answer, "undone",
                        s3_upload_undo(upload, &refused, &undoing) == 0);
        return r;
}

int probe_stream_object(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = open_bucket(probe, command);
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        uint64_t most = json_get_u64(command, "most", 1 << 30);
        _cleanup_(closep) int fd = open(probe_argument(command, "file"),
                O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        int r = s3_save_object(bucket, probe_argument(command, "key"), most, fd, &error);

        put_outcome(answer, bucket, r, &error);
        return r;
}

int probe_put_file(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = open_bucket(probe, command);
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        const S3Put put = {
                .key = probe_argument(command, "key"),
                .acl = json_get_string(command, "acl", NULL),
                .tags = &tags,
        };
        _cleanup_(closep) int fd = open(probe_argument(command, "file"), O_RDONLY | O_CLOEXEC);
        int r;

        probe_read_tags(json_object_get(command, "tags"), &tags);
        r = s3_put_file(bucket, &put, fd, json_get_u64(command, "size", 0), &error);
        put_outcome(answer, bucket, r, &error);
        probe->cancel_usec = USEC_INFINITY;
        return r;
}

int probe_head_objects(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = open_bucket(probe, command);
        _cleanup_(string_list_done) StringList keys = STRING_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) S3Head *heads = NULL;
        json_t *sizes = json_array();
        int r;

        probe_read_strings(json_object_get(command, "keys"), &keys);
        heads = calloc(keys.count + 1, sizeof(S3Head));
        r = heads ? s3_head_objects(bucket, &keys, heads, &error) : -ENOMEM;
        put_outcome(answer, bucket, r, &error);
        for (size_t i = 0; i < keys.count && r == 0; i++)
                json_array_append_new(sizes, heads[i].size_bytes == UINT64_MAX ?
                                json_null() :
                                json_integer((json_int_t)heads[i].size_bytes));
        json_object_set_new(answer, "sizes", sizes);
        return r;
}
