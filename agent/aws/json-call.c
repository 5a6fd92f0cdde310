/* SPDX-License-Identifier: Apache-2.0 */
/* A call by the JSON 1.1 protocol: an object goes out, an object comes back. */

#include "aws/json-call.h"

#include "base/text.h"

static json_t *parse_body(const HttpReply *reply)
{
        return json_loadb(reply->body.data ? reply->body.data : "", reply->body.length,
                JSON_REJECT_DUPLICATES, NULL);
}

/* {"__type":"com.amazonaws.ssm#ParameterNotFound","message":"..."}; some say "Message". */
static int read_error(const json_t *body, ApiError *reterr)
{
        const char *code = json_get_string(body, "__type", NULL);
        const char *message = json_get_string(body, "message", NULL);
        const char *hash = code ? strchr(code, '#') : NULL;

        if (api_error_set(reterr, hash ? hash + 1 : code,
                    message ? message : json_get_string(body, "Message", NULL)) < 0)
                return -ENOMEM;
        return AWS_E_REFUSED;
}

static int json_judge(void *userdata, const HttpReply *reply, ApiError *reterr)
{
        _cleanup_(json_decrefp) json_t *body = parse_body(reply);
        json_t **kept = userdata;

        if (json_get_string(body, "__type", NULL))
                return read_error(body, reterr);
        if (reply->status != 200 || !json_is_object(body))
                return aws_call_fail_unintelligible(reply, reterr);
        json_decref(*kept);
        *kept = TAKE_PTR(body);
        return 0;
}

static bool only_reads(const char *target)
{
        const char *dot = strchr(target, '.');

        return dot && aws_action_only_reads(dot + 1);
}

int json_call(AwsClient *client, const JsonCall *call, json_t **ret, ApiError *reterr)
{
        _cleanup_(json_decrefp) json_t *reply = NULL;
        _cleanup_(freep) char *body = json_dumps(call->input, JSON_COMPACT);
        const KeyValue headers[] = {
                { "Content-Type", "application/x-amz-json-1.1" },
                { "X-Amz-Target", call->target },
        };
        AwsCall sent = {
                .request = {
                        .method = "POST",
                        .path = "/",
                        .headers = headers,
                        .n_headers = ELEMENTSOF(headers),
                        .body = body,
                        .body_size = body ? strlen(body) : 0,
                },
                .flags = SIGV4_FLAGS_DEFAULT,
                .retries_not_found = call->retries_not_found,
                .only_reads = only_reads(call->target),
                .is_repeatable = true,
                .judge = json_judge,
                .userdata = &reply,
        };
        int r;

        if (!body)
                return -ENOMEM;
        r = aws_client_call(client, &sent, reterr);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(reply);
        return 0;
}
