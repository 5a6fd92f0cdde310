/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signs what it reads: one request a line as JSON, and a line of JSON for each with what our signer
 * made of it. For tests that compare it with another signer.
 */

#include "aws/sigv4.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

#define FIELDS_MAX 64

/* [[key, value], ...] into an array that refers to the JSON's strings. */
static int read_pairs(const json_t *pairs, KeyValue *ret, size_t *ret_count)
{
        size_t i;
        json_t *pair;

        if (json_array_size(pairs) > FIELDS_MAX)
                return -E2BIG;
        json_array_foreach(pairs, i, pair) {
                ret[i].key = json_string_value(json_array_get(pair, 0));
                ret[i].value = json_string_value(json_array_get(pair, 1));
                if (!ret[i].key || !ret[i].value)
                        return -EINVAL;
        }
        *ret_count = i;
        return 0;
}

static SigV4Flags read_flags(const json_t *line)
{
        if (json_get_bool(line, "s3", false))
                return json_get_bool(line, "presign", false) ? 0 : SIGV4_FLAGS_S3;
        return SIGV4_FLAGS_DEFAULT;
}

static int sign_line(const json_t *line, SigV4Signed *ret)
{
        const char *body = json_get_string(line, "body", "");
        KeyValue query[FIELDS_MAX], headers[FIELDS_MAX];
        SigV4Request request = {
                .method = json_get_string(line, "method", "GET"),
                .host = json_get_string(line, "host", ""),
                .path = json_get_string(line, "path", "/"),
                .query = query,
                .headers = headers,
                .body = body,
                .body_size = strlen(body),
                .payload_hash = json_get_string(line, "payload-hash", NULL),
        };
        SigV4Key key = {
                .access_key_id = json_get_string(line, "access-key-id", ""),
                .secret_access_key = json_get_string(line, "secret-access-key", ""),
                .session_token = json_get_string(line, "session-token", NULL),
                .region = json_get_string(line, "region", ""),
                .service = json_get_string(line, "service", ""),
                .realtime_usec = json_get_u64(line, "time", 0) * USEC_PER_SEC,
                .flags = read_flags(line),
        };
        int r = read_pairs(json_object_get(line, "query"), query, &request.n_query);

        if (r >= 0)
                r = read_pairs(json_object_get(line, "headers"), headers, &request.n_headers);
        if (r < 0)
                return r;
        if (!json_get_bool(line, "presign", false))
                return sigv4_sign(&request, &key, ret);
        return sigv4_presign(&request, &key, (unsigned)json_get_u64(line, "expires", 3600), ret);
}

static int answer_line(const json_t *line)
{
        _cleanup_(sigv4_signed_done) SigV4Signed made = { 0 };
        _cleanup_(json_decrefp) json_t *answer = NULL;
        json_t *headers;
        int r = sign_line(line, &made);

        if (r < 0)
                return log_error_errno(r, "Failed to sign a request: %m");
        headers = json_array();
        for (size_t i = 0; i < made.headers.count; i++)
                json_array_append_new(headers, json_string(made.headers.items[i]));
        answer = json_pack("{s:s,s:o,s:s,s:s,s:s}", "target", made.target, "headers", headers,
                "canonical-request", made.canonical_request, "string-to-sign", made.string_to_sign,
                "signature", made.signature);
        if (!answer || json_dumpf(answer, stdout, JSON_COMPACT) < 0)
                return log_error_errno(-ENOMEM, "Failed to print a signature: %m");
        putchar('\n');
        return 0;
}

int main(void)
{
        _cleanup_(json_stream_done) JsonStream stream = { .fd = -EBADF };
        int r;

        json_stream_init(&stream, STDIN_FILENO);
        for (;;) {
                _cleanup_(json_decrefp) json_t *line = NULL;

                r = json_stream_read(&stream, &line);
                if (r == 0)
                        return 0;
                if (r < 0) {
                        (void)log_error_errno(r, "Failed to read a request: %m");
                        return 1;
                }
                if (answer_line(line) < 0)
                        return 1;
        }
}
