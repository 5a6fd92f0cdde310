/* SPDX-License-Identifier: Apache-2.0 */
/* The instance metadata service, version 2 only: a session token first, then what is asked for. */

#include "aws/imds.h"

#include <openssl/crypto.h>
#include <strings.h>

#include "aws/endpoint.h"
#include "aws/http.h"
#include "base/clock.h"

#define ENDPOINT_IPV4 "http://169.254.169.254"
#define ENDPOINT_IPV6 "http://[fd00:ec2::254]"

#define TOKEN_TTL_SEC 21600 /* the longest that the service allows */
#define TOKEN_RENEW_USEC (3 * 3600 * USEC_PER_SEC)
#define TOKEN_BYTES_MAX 4096u

/*
 * Whether anybody is there is decided within FIRST_SPAN: one lost packet may be sent again, a
 * service that does not answer at all is not waited for. Later, it is known to be there.
 */
#define CONNECT_TIMEOUT_USEC (900 * USEC_PER_MSEC)
#define FIRST_ATTEMPT_USEC (1200 * USEC_PER_MSEC)
#define FIRST_SPAN_USEC (2500 * USEC_PER_MSEC)
#define ATTEMPT_USEC (2 * USEC_PER_SEC)
#define SPAN_USEC (8 * USEC_PER_SEC)
#define PAUSE_USEC (200 * USEC_PER_MSEC)

struct Imds {
        Endpoint endpoint;
        HttpConnection *connection;
        StringList token_header; /* "X-aws-ec2-metadata-token: ..."; empty without a token */
        uint64_t token_usec; /* when it was given */
        bool is_disabled;
        bool was_reached;
        HttpReply reply;
        char *message;
};

static void imds_forget_token(Imds *imds)
{
        for (size_t i = 0; i < imds->token_header.count; i++)
                OPENSSL_cleanse(imds->token_header.items[i], strlen(imds->token_header.items[i]));
        string_list_done(&imds->token_header);
}

/* What was read may be the keys of a role. */
static void imds_wipe_reply(Imds *imds)
{
        if (imds->reply.body.data)
                OPENSSL_cleanse(imds->reply.body.data, imds->reply.body.allocated);
        imds->reply.body.length = 0;
}

Imds *imds_free(Imds *imds)
{
        if (!imds)
                return NULL;
        imds_forget_token(imds);
        imds_wipe_reply(imds);
        http_reply_done(&imds->reply);
        imds->connection = http_connection_free(imds->connection);
        endpoint_done(&imds->endpoint);
        free(imds->message);
        free(imds);
        return NULL;
}

static const char *configured_endpoint(void)
{
        const char *endpoint = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        const char *mode = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");

        if (endpoint && *endpoint)
                return endpoint;
        return mode && strcasecmp(mode, "ipv6") == 0 ? ENDPOINT_IPV6 : ENDPOINT_IPV4;
}

int imds_new(Imds **ret)
{
        static const HttpOptions options = {
                .no_proxy = true,
                .connect_timeout_usec = CONNECT_TIMEOUT_USEC,
        };
        _cleanup_(imds_freep) Imds *imds = NULL;
        const char *disabled = getenv("AWS_EC2_METADATA_DISABLED");
        int r;

        imds = calloc(1, sizeof(Imds));
        if (!imds)
                return -ENOMEM;
        imds->is_disabled = disabled && strcasecmp(disabled, "true") == 0;
        imds->reply.body_max = IMDS_BODY_MAX;
        /* All of it now: a buffer that moves as it grows leaves secrets behind. */
        r = text_reserve(&imds->reply.body, IMDS_BODY_MAX);
        if (r >= 0)
                r = endpoint_parse(configured_endpoint(), &imds->endpoint);
        if (r >= 0 && imds->endpoint.is_tls)
                r = -EINVAL;
        if (r >= 0)
                r = http_connection_new(&options, &imds->connection);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(imds);
        return 0;
}

const char *imds_message(const Imds *imds)
{
        return imds->message ? imds->message : "";
}

/* For `return imds_fail(...)`. */
static int imds_fail(Imds *imds, int outcome, const char *what, const char *why)
{
        _cleanup_(freep) char *message = NULL;

        if (string_printf(&message, "%s%s%s", what, *why ? ": " : "", why) < 0)
                return -ENOMEM;
        free(imds->message);
        imds->message = TAKE_PTR(message);
        return outcome;
}

/* --- One exchange ----------------------------------------------------------------------------- */

/* 0 for any reply, or an HTTP_E_ outcome. */
static int imds_exchange(Imds *imds, const char *method, const char *path,
        const StringList *headers, uint64_t deadline_usec)
{
        _cleanup_(freep) char *url = NULL;
        HttpRequest request = { .method = method, .headers = headers };
        uint64_t attempt_usec = imds->was_reached ? ATTEMPT_USEC : FIRST_ATTEMPT_USEC;
        int r = string_printf(&url, "%s/latest/%s", imds->endpoint.base, path);

        if (r < 0)
                return r;
        request.url = url;
        request.deadline_usec = clock_usec() + attempt_usec;
        if (request.deadline_usec > deadline_usec)
                request.deadline_usec = deadline_usec;
        return http_connection_send(imds->connection, &request, &imds->reply);
}

static uint64_t imds_deadline(const Imds *imds)
{
        return clock_usec() + (imds->was_reached ? SPAN_USEC : FIRST_SPAN_USEC);
}

/* Sends again while nobody answers, or the service is too busy (503), until the deadline. */
static int imds_exchange_patiently(Imds *imds, const char *method, const char *path,
        const StringList *headers)
{
        uint64_t deadline_usec = imds_deadline(imds);
        int r;

        for (;;) {
                r = imds_exchange(imds, method, path, headers, deadline_usec);
                if (r < 0 || r == HTTP_E_TOO_LARGE || (r == 0 && imds->reply.status < 500))
                        return r;
                if (clock_usec() + PAUSE_USEC >= deadline_usec)
                        return r;
                clock_sleep_usec(PAUSE_USEC);
        }
}

static int imds_fail_exchange(Imds *imds, int outcome)
{
        int failed = imds->was_reached ? IMDS_E_FAILED : IMDS_E_UNREACHABLE;
        char why[96];

        if (outcome == HTTP_E_TOO_LARGE)
                return -EMSGSIZE;
        if (outcome != 0)
                return imds_fail(imds, failed, "The instance metadata service does not answer",
                        http_connection_message(imds->connection));
        (void)snprintf(why, sizeof(why), "HTTP status %d", imds->reply.status);
        return imds_fail(imds, failed, "The instance metadata service answers with an error", why);
}

/* --- The token -------------------------------------------------------------------------------- */

/* What comes as a token goes into a header: printable, and of one line. */
static bool token_is_sound(const Text *token)
{
        if (token->length == 0 || token->length > TOKEN_BYTES_MAX)
                return false;
        for (size_t i = 0; i < token->length; i++)
                if (token->data[i] < '!' || token->data[i] > '~')
                        return false;
        return true;
}

static int imds_keep_token(Imds *imds)
{
        _cleanup_(freep) char *header = NULL;
        int r;

        if (!token_is_sound(&imds->reply.body))
                return imds_fail(imds, IMDS_E_UNREACHABLE,
                        "What answers at the metadata address is no EC2 metadata service",
                        "it gives no session token");
        r = string_printf(&header, "X-aws-ec2-metadata-token: %s", imds->reply.body.data);
        if (r >= 0)
                r = string_list_add(&imds->token_header, header);
        if (r < 0)
                return r;
        imds->token_usec = clock_usec();
        imds->was_reached = true;
        return 0;
}

static int imds_fetch_token(Imds *imds)
{
        _cleanup_(string_list_done) StringList headers = STRING_LIST_INIT;
        char header[64];
        int r;

        (void)snprintf(header, sizeof(header), "X-aws-ec2-metadata-token-ttl-seconds: %d",
                TOKEN_TTL_SEC);
        r = string_list_add(&headers, header);
        if (r >= 0)
                r = imds_exchange_patiently(imds, "PUT", "api/token", &headers);
        if (r < 0)
                return r;
        if (r == 0 && imds->reply.status == 200)
                return imds_keep_token(imds);
        if (r == 0 && imds->reply.status == 403)
                return imds_fail(imds, IMDS_E_DISABLED,
                        "This instance's metadata service is switched off (403)",
                        "enable it with aws ec2 modify-instance-metadata-options");
        /* Another cloud's service: it does not know the path, or not the method. */
        if (r == 0 && imds->reply.status < 500)
                return imds_fail(imds, IMDS_E_UNREACHABLE,
                        "What answers at the metadata address is no EC2 metadata service",
                        "it refuses a session token");
        return imds_fail_exchange(imds, r);
}

static int imds_need_token(Imds *imds)
{
        if (imds->token_header.count > 0 && clock_usec() - imds->token_usec < TOKEN_RENEW_USEC)
                return 0;
        imds_forget_token(imds);
        return imds_fetch_token(imds);
}

/* --- What is asked for ------------------------------------------------------------------------ */

static int imds_take_body(Imds *imds, char **ret)
{
        Text *body = &imds->reply.body;
        int r;

        if (body->length > 0 && memchr(body->data, '\0', body->length))
                return -EBADMSG;
        r = string_printf(ret, "%s", body->length > 0 ? body->data : "");
        imds_wipe_reply(imds);
        return r;
}

static int imds_judge(Imds *imds, const char *path, char **ret)
{
        switch (imds->reply.status) {
        case 200:
                return imds_take_body(imds, ret);
        case 404:
                return imds_fail(imds, IMDS_E_ABSENT, "This instance's metadata does not have it",
                        path);
        case 403:
                return imds_fail(imds, IMDS_E_DISABLED, "The metadata service forbids this (403)",
                        path);
        default:
                return imds_fail_exchange(imds, 0);
        }
}

int imds_get(Imds *imds, const char *path, char **ret)
{
        int r;

        if (imds->is_disabled)
                return imds_fail(imds, IMDS_E_DISABLED,
                        "AWS_EC2_METADATA_DISABLED keeps us from asking the metadata service", "");
        /* A token may end before its time (401), once: after a migration, for one. */
        for (unsigned attempt = 0; attempt < 2; attempt++) {
                r = imds_need_token(imds);
                if (r != 0)
                        return r;
                r = imds_exchange_patiently(imds, "GET", path, &imds->token_header);
                if (r < 0)
                        return r;
                if (r > 0)
                        return imds_fail_exchange(imds, r);
                if (imds->reply.status != 401)
                        break;
                imds_forget_token(imds);
        }
        return imds_judge(imds, path, ret);
}
