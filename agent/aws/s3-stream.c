/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of S3 of any size, as their bytes come. */

#include "aws/s3-stream.h"

#include <inttypes.h>

#include "aws/retry.h"
#include "aws/s3-crew.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"

#define PROGRESS_BYTES (256u * 1024)      /* with so many more a further failure is a first one */
#define ATTEMPT_BYTES (64u * 1024 * 1024) /* what one attempt has time for, at the least */
#define HEAD_CONNECTIONS 8                /* what they wait for is S3, and not the network */

typedef struct Stream {
        S3OnBytes on_bytes;
        void *userdata;
        uint64_t most;
        uint64_t received; /* passed on */
        char etag[64];     /* of the first reply; "" before */
        bool began;        /* this reply */
        bool is_too_large;
        bool has_changed;
} Stream;

/* "bytes 5-9/10", which must begin where we are. */
static bool begins_here(const Stream *stream, const HttpReply *reply)
{
        const char *first = startswith(reply->content_range, "bytes ");
        char number[24];
        size_t length = first ? strcspn(first, "-") : 0;
        uint64_t start;

        if (length == 0 || length >= sizeof(number))
                return false;
        memcpy(number, first, length);
        number[length] = '\0';
        return parse_u64(number, &start) == 0 && start == stream->received;
}

static int begin_reply(Stream *stream, const HttpReply *reply)
{
        uint64_t length = 0;

        stream->began = true;
        stream->has_changed = stream->received > 0 &&
                (!begins_here(stream, reply) || !streq(stream->etag, reply->etag));
        if (stream->has_changed)
                return -ESTALE;
        memcpy(stream->etag, reply->etag, sizeof(stream->etag));
        (void)parse_u64(reply->content_length, &length);
        stream->is_too_large = length > stream->most - stream->received;
        return stream->is_too_large ? -EFBIG : 0;
}

static int on_body(void *userdata, const HttpReply *reply, const void *bytes, size_t size)
{
        Stream *stream = userdata;
        int r = stream->began ? 0 : begin_reply(stream, reply);

        if (r < 0)
                return r;
        if (size > stream->most - stream->received) {
                stream->is_too_large = true;
                return -EFBIG;
        }
        r = stream->on_bytes(stream->userdata, bytes, size);
        if (r >= 0)
                stream->received += size;
        return r;
}

static int ask_for_rest(S3Bucket *bucket, const char *key, Stream *stream, ApiError *reterr)
{
        _cleanup_(freep) char *range = NULL;
        KeyValue headers[2];
        S3Call call = {
                .method = "GET",
                .key = key,
                .headers = headers,
                .reply_max = stream->most < ATTEMPT_BYTES ? stream->most : ATTEMPT_BYTES,
                .on_body = on_body,
                .once = true,
                .userdata = stream,
        };
        int r;

        stream->began = false;
        if (stream->received > 0) {
                if (string_printf(&range, "bytes=%" PRIu64 "-", stream->received) < 0)
                        return -ENOMEM;
                headers[call.n_headers++] = (KeyValue){ "Range", range };
                if (stream->etag[0])
                        headers[call.n_headers++] = (KeyValue){ "If-Match", stream->etag };
        }
        r = s3_call(bucket, &call, reterr);
        if (stream->is_too_large)
                return S3_E_TOO_LARGE;
        if (!stream->has_changed)
                return r;
        return api_error_set(reterr, NULL, "The object has changed while it was read") < 0
                ? -ENOMEM
                : S3_E_REFUSED;
}

int s3_stream_object(S3Bucket *bucket, const char *key, uint64_t most, S3OnBytes on_bytes,
        void *userdata, ApiError *reterr)
{
        Stream stream = { .on_bytes = on_bytes, .userdata = userdata, .most = most };
        uint64_t wait_usec, before = 0;
        Retry retry;

        retry_init(&retry, clock_usec(), /* retries_not_found= */ false);
        for (;;) {
                int r;

                api_error_done(reterr);
                r = ask_for_rest(bucket, key, &stream, reterr);
                if (r != S3_E_TIMEOUT && r != S3_E_LOST)
                        return r;
                if (stream.received - before >= PROGRESS_BYTES)
                        retry_init(&retry, clock_usec(), /* retries_not_found= */ false);
                before = stream.received;
                if (retry_next(&retry, API_ERROR_TRANSIENT, clock_usec(), retry_random(),
                            &wait_usec) != 0)
                        return r;
                if (!s3_bucket_wait(bucket, wait_usec))
                        return S3_E_CANCELLED;
        }
}

static int write_bytes(void *userdata, const void *bytes, size_t size)
{
        const int *fd = userdata;

        return write_all(*fd, bytes, size);
}

int s3_save_object(S3Bucket *bucket, const char *key, uint64_t most, int fd, ApiError *reterr)
{
        return s3_stream_object(bucket, key, most, write_bytes, &fd, reterr);
}

/* --- Whether they are there ------------------------------------------------------------------- */

typedef struct Question {
        const char *key;
        S3Head *head;
} Question;

static int run_question(void *userdata, S3Bucket *bucket, void *task, ApiError *reterr)
{
        Question *question = task;
        int r = s3_head_object(bucket, question->key, question->head, reterr);

        if (r != S3_E_NOT_FOUND)
                return r;
        *question->head = (S3Head){ .size_bytes = UINT64_MAX };
        return 0;
}

int s3_head_objects(S3Bucket *bucket, const StringList *keys, S3Head *ret, ApiError *reterr)
{
        const S3Work work = { .run = run_question };
        _cleanup_(freep) Question *questions = calloc(keys->count + 1, sizeof(Question));
        _cleanup_(s3_crew_freep) S3Crew *crew = NULL;
        int r = questions ? s3_crew_new(bucket, HEAD_CONNECTIONS, &work, &crew) : -ENOMEM;

        for (size_t i = 0; i < keys->count && r == 0; i++) {
                questions[i] = (Question){ .key = keys->items[i], .head = &ret[i] };
                r = s3_crew_give(crew, &questions[i], reterr);
        }
        return r == 0 ? s3_crew_finish(crew, reterr) : r;
}
