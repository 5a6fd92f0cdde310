/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One service in one region: its address, the keys, the clock, one warm connection, and the retries
 * around a signed call.
 */

#include "aws/client.h"

#include "aws/bucket.h"
#include "aws/endpoint.h"
#include "aws/retry.h"
#include "base/clock.h"

#define CONNECT_TIMEOUT_USEC (5 * USEC_PER_SEC)
#define ATTEMPT_USEC (20 * USEC_PER_SEC)
#define SLOW_ATTEMPTS 3 /* so often at least is tried what takes long by itself */
#define WAIT_SLICE_USEC (100 * USEC_PER_MSEC) /* between two looks at `cancelled` */
#define CLOCK_AGREES_USEC ((int64_t)(2 * USEC_PER_SEC)) /* a Date has no fraction */

#define CODE_UNTRUSTED "UntrustedPeer"

struct AwsClient {
        char *service;
        char *region;
        CredentialsProvider *credentials;
        bool (*cancelled)(void *userdata);
        void *userdata;
        Endpoint endpoint;
        CaBundle authorities;
        HttpConnection *connection;
        int64_t clock_offset_usec;
        bool clock_known;
        uint64_t deadline_usec;
        Retry *patience;
        Bucket reads;
        Bucket writes;
};

const char *aws_region_from_environment(void)
{
        static const char *const variables[] = { "AWS_REGION", "AWS_DEFAULT_REGION" };

        for (size_t i = 0; i < ELEMENTSOF(variables); i++) {
                const char *region = getenv(variables[i]);

                if (region && *region)
                        return region;
        }
        return NULL;
}

AwsClient *aws_client_free(AwsClient *client)
{
        if (!client)
                return NULL;
        client->connection = http_connection_free(client->connection);
        ca_bundle_done(&client->authorities);
        endpoint_done(&client->endpoint);
        free(client->region);
        free(client->service);
        free(client);
        return NULL;
}

static int client_read_authorities(AwsClient *client, char **reterr_message)
{
        _cleanup_(freep) char *path = NULL;
        int r = ca_bundle_read(&client->authorities, &path);

        if (r == 0 || r == -ENOMEM)
                return r;
        if (path)
                (void)string_printf(reterr_message, "AWS_CA_BUNDLE=%s cannot be read: %s", path,
                        strerror(-r));
        else
                (void)string_printf(reterr_message,
                        "The system's certificate authorities cannot be read: install "
                        "ca-certificates, or set AWS_CA_BUNDLE");
        return -EINVAL;
}

static int client_connect(AwsClient *client, const AwsClientConfig *config, char **reterr_message)
{
        HttpOptions options = { .connect_timeout_usec = CONNECT_TIMEOUT_USEC };
        int r = endpoint_resolve(config->service, config->region, config->domain, &client->endpoint,
                reterr_message);

        if (r >= 0 && config->label)
                r = endpoint_add_label(&client->endpoint, config->label);
        if (r < 0)
                return r;
        if (client->endpoint.is_tls) {
                r = client_read_authorities(client, reterr_message);
                if (r < 0)
                        return r;
                options.authorities = &client->authorities;
        }
        return http_connection_new(&options, &client->connection);
}

static void client_set_pace(AwsClient *client, unsigned times)
{
        bucket_init(&client->reads, BUCKET_READ_CAPACITY, BUCKET_READ_RATE * times, clock_usec());
        bucket_init(&client->writes, BUCKET_WRITE_CAPACITY, BUCKET_WRITE_RATE * times,
                clock_usec());
}

int aws_client_new(const AwsClientConfig *config, AwsClient **ret, char **reterr_message)
{
        _cleanup_(aws_client_freep) AwsClient *client = calloc(1, sizeof(AwsClient));
        int r;

        if (!client)
                return -ENOMEM;
        client->service = strdup(config->service);
        client->region = strdup(config->region);
        if (!client->service || !client->region)
                return -ENOMEM;
        client->credentials = config->credentials;
        client->cancelled = config->cancelled;
        client->userdata = config->userdata;
        client->deadline_usec = USEC_INFINITY;
        client_set_pace(client, config->pace > 0 ? config->pace : 1);
        r = client_connect(client, config, reterr_message);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(client);
        return 0;
}

const char *aws_client_region(const AwsClient *client)
{
        return client->region;
}

int64_t aws_client_clock_offset_usec(const AwsClient *client)
{
        return client->clock_offset_usec;
}

uint64_t aws_client_realtime_usec(const AwsClient *client)
{
        return clock_realtime_usec() + (uint64_t)client->clock_offset_usec;
}

bool aws_client_knows_clock(const AwsClient *client)
{
        return client->clock_known;
}

void aws_client_set_deadline(AwsClient *client, uint64_t deadline_usec)
{
        client->deadline_usec = deadline_usec;
}

void aws_client_set_patience(AwsClient *client, Retry *patience)
{
        client->patience = patience;
}

bool aws_client_is_warm(const AwsClient *client)
{
        return http_connection_is_open(client->connection);
}

/* --- One attempt ------------------------------------------------------------------------------ */

void aws_message_done(AwsMessage *message)
{
        sigv4_signed_done(&message->made);
        free(message->url);
        http_reply_done(&message->reply);
        *message = (AwsMessage){ 0 };
}

static int client_get_key(AwsClient *client, const AwsCall *call, SigV4Key *ret, ApiError *reterr)
{
        _cleanup_(freep) char *message = NULL;
        const Credentials *credentials;
        int r = credentials_provider_get(client->credentials, &credentials, &message);

        if (r > 0)
                return api_error_set(reterr, NULL, message) < 0 ? -ENOMEM : AWS_E_NO_CREDENTIALS;
        if (r < 0)
                return r;
        *ret = (SigV4Key){
                .access_key_id = credentials->access_key_id,
                .secret_access_key = credentials->secret_access_key,
                .session_token = credentials->session_token,
                .region = client->region,
                .service = client->service,
                .realtime_usec = aws_client_realtime_usec(client),
                .flags = call->flags,
        };
        return 0;
}

int aws_client_sign(AwsClient *client, const AwsCall *call, AwsMessage *message, ApiError *reterr)
{
        SigV4Request request = call->request;
        SigV4Signed made = { 0 };
        SigV4Key key;
        int r;

        request.host = client->endpoint.host;
        request.path = streq(request.path, "/") ? client->endpoint.path : request.path;
        credentials_provider_lock(client->credentials);
        r = client_get_key(client, call, &key, reterr);
        if (r == 0)
                r = sigv4_sign(&request, &key, &made);
        credentials_provider_unlock(client->credentials);
        if (r != 0)
                return r;
        sigv4_signed_done(&message->made);
        message->made = made;
        free(message->url);
        message->url = NULL;
        r = string_printf(&message->url, "%s%s", client->endpoint.base, made.target);
        if (r < 0)
                return r;
        message->http = (HttpRequest){
                .method = call->request.method,
                .url = message->url,
                .headers = &message->made.headers,
                .body = call->request.body,
                .body_size = call->request.body_size,
                .stall_usec = call->stall_usec,
                .interrupted = call->is_interruptible ? client->cancelled : NULL,
                .interrupted_userdata = client->userdata,
                .on_body = call->on_body,
                .on_body_userdata = call->on_body_userdata,
        };
        return 0;
}

static void client_learn_clock(AwsClient *client, const HttpReply *reply)
{
        int64_t offset = (int64_t)(reply->date_usec - clock_realtime_usec());

        if (reply->date_usec == 0)
                return;
        client->clock_known = true;
        client->clock_offset_usec =
                offset > CLOCK_AGREES_USEC || offset < -CLOCK_AGREES_USEC ? offset : 0;
}

static int client_fail_http(const AwsClient *client, int outcome, ApiError *reterr)
{
        const char *code = outcome == HTTP_E_UNTRUSTED ? CODE_UNTRUSTED :
                outcome == HTTP_E_TOO_LARGE            ? AWS_CODE_TOO_LARGE :
                                                         NULL;
        _cleanup_(freep) char *message = NULL;

        if (string_printf(&message, "%s: %s", client->endpoint.host,
                    http_connection_message(client->connection)) < 0 ||
                api_error_set(reterr, code, message) < 0)
                return -ENOMEM;
        switch (outcome) {
        case HTTP_E_UNREACHABLE:
        case HTTP_E_UNTRUSTED:
                return AWS_E_UNREACHABLE;
        case HTTP_E_TIMEOUT:
                return AWS_E_TIMEOUT;
        case HTTP_E_INTERRUPTED:
                return AWS_E_CANCELLED;
        default:
                return AWS_E_LOST;
        }
}

int aws_client_send(AwsClient *client, const AwsCall *call, AwsMessage *message, ApiError *reterr)
{
        const HttpReply *reply = &message->reply;
        int r;

        message->reply.body_max = call->reply_max;
        r = http_connection_send(client->connection, &message->http, &message->reply);
        if (r < 0)
                return r;
        client_learn_clock(client, reply);
        if (r > 0)
                return client_fail_http(client, r, reterr);
        r = call->judge(call->userdata, reply, reterr);
        if (r <= 0)
                return r;
        reterr->http_status = reply->status;
        if (!reterr->request_id && reply->request_id[0] &&
                string_replace(&reterr->request_id, reply->request_id) < 0)
                return -ENOMEM;
        return r;
}

/* --- Until it works --------------------------------------------------------------------------- */

static bool client_is_cancelled(const AwsClient *client)
{
        return client->cancelled && client->cancelled(client->userdata);
}

bool aws_client_wait(const AwsClient *client, uint64_t usec)
{
        while (!client_is_cancelled(client)) {
                uint64_t slice_usec = usec < WAIT_SLICE_USEC ? usec : WAIT_SLICE_USEC;

                if (usec == 0)
                        return true;
                clock_sleep_usec(slice_usec);
                usec -= slice_usec;
        }
        return false;
}

/* FINAL for what must not be sent again, whatever the error itself would allow. */
static ApiErrorClass classify_outcome(const AwsCall *call, int outcome, const ApiError *error)
{
        switch (outcome) {
        case AWS_E_REFUSED:
                return api_error_classify(error);
        case AWS_E_UNREACHABLE:
                return error->code ? API_ERROR_FINAL : API_ERROR_TRANSIENT;
        case AWS_E_TIMEOUT:
        case AWS_E_LOST:
                if (call->reply_max > 0 && streq_ptr(error->code, AWS_CODE_TOO_LARGE))
                        return API_ERROR_FINAL;
                return call->is_repeatable ? API_ERROR_TRANSIENT : API_ERROR_FINAL;
        default:
                return API_ERROR_FINAL;
        }
}

static int client_try(AwsClient *client, const AwsCall *call, AwsMessage *message, ApiError *reterr)
{
        int r;

        api_error_done(reterr);
        r = aws_client_sign(client, call, message, reterr);
        if (r != 0)
                return r;
        message->http.deadline_usec =
                clock_usec() + (call->attempt_usec > 0 ? call->attempt_usec : ATTEMPT_USEC);
        if (message->http.deadline_usec > client->deadline_usec)
                message->http.deadline_usec = client->deadline_usec;
        return aws_client_send(client, call, message, reterr);
}

/* At least `usec`, and until it is our turn; nobody is polite while file systems are frozen. */
static bool client_await_turn(AwsClient *client, const AwsCall *call, uint64_t usec)
{
        uint64_t turn_usec = 0;

        if (client->deadline_usec == USEC_INFINITY)
                turn_usec = bucket_take(
                        call->only_reads ? &client->reads : &client->writes, clock_usec());
        return aws_client_wait(client, usec > turn_usec ? usec : turn_usec);
}

static void client_learn_pace(
        AwsClient *client, const AwsCall *call, int outcome, ApiErrorClass class)
{
        Bucket *bucket = call->only_reads ? &client->reads : &client->writes;

        if (class == API_ERROR_THROTTLED)
                bucket_slow_down(bucket, clock_usec());
        else if (outcome == 0 || outcome == AWS_E_REFUSED)
                bucket_speed_up(bucket, clock_usec());
}

/* Whose turn it is to say how long is waited. */
static Retry *client_choose_retry(const AwsClient *client, ApiErrorClass class, Retry *retry)
{
        bool is_patient = client->patience && client->deadline_usec == USEC_INFINITY;

        return is_patient && class == API_ERROR_THROTTLED ? client->patience : retry;
}

int aws_client_call(AwsClient *client, const AwsCall *call, ApiError *reterr)
{
        _cleanup_(aws_message_done) AwsMessage message = { 0 };
        uint64_t wait_usec = 0;
        Retry retry;
        int r;

        if (!client_await_turn(client, call, 0))
                return AWS_E_CANCELLED;
        retry_init(&retry, clock_usec(), call->retries_not_found);
        if (call->attempt_usec > ATTEMPT_USEC)
                retry.deadline_usec += SLOW_ATTEMPTS * (call->attempt_usec - ATTEMPT_USEC);
        if (retry.deadline_usec > client->deadline_usec)
                retry.deadline_usec = client->deadline_usec;
        for (;;) {
                ApiErrorClass class;

                r = client_try(client, call, &message, reterr);
                class = r > 0 ? classify_outcome(call, r, reterr) : API_ERROR_FINAL;
                client_learn_pace(client, call, r, class);
                if (r <= 0)
                        return r;
                if (class == API_ERROR_STALE)
                        credentials_provider_refresh(client->credentials);
                if (retry_next(client_choose_retry(client, class, &retry), class, clock_usec(),
                            retry_random(), &wait_usec) != 0)
                        return r;
                if (!client_await_turn(client, call, wait_usec))
                        return AWS_E_CANCELLED;
        }
}
