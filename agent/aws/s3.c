/* SPDX-License-Identifier: Apache-2.0 */
/* S3: a bucket, in whichever region it lies, and what calls on it have in common. */

#include "aws/s3.h"

#include <openssl/evp.h>

#include "aws/endpoint.h"
#include "base/clock.h"

#define SERVICE "s3"
#define ATTEMPT_USEC (20 * USEC_PER_SEC)
/* Of one connection of several that share a line of 1 Mbit/s; one that stands still ends sooner. */
#define SLOWEST_BYTES_PER_SEC (16u * 1024)
#define STALL_USEC (20 * USEC_PER_SEC)
#define PACE 100 /* S3 takes thousands of requests a second: S3 User Guide, "Performance" */
#define DIGEST_BASE64_MAX 48 /* of 32 bytes: 44, and a NUL */
#define OWN_HEADERS_MAX 2

struct S3Bucket {
        char *name;
        char *domain;
        char *owner;
        bool in_path;          /* its name, else in the host's */
        char *root;            /* of every path */
        S3BucketConfig config; /* its texts are those above; `region` is not used */
        AwsClient *client;
};

/* Bucket naming rules, S3 User Guide. */
bool s3_bucket_name_is_valid(const char *name)
{
        static const char ends[] = "abcdefghijklmnopqrstuvwxyz0123456789";
        size_t length = strlen(name);

        return length >= 3 && length <= 63 &&
                strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == length &&
                strchr(ends, name[0]) && strchr(ends, name[length - 1]) && !strstr(name, "..") &&
                strspn(name, "0123456789.") < length;
}

S3Bucket *s3_bucket_free(S3Bucket *bucket)
{
        if (!bucket)
                return NULL;
        (void)aws_client_free(bucket->client);
        free(bucket->root);
        free(bucket->owner);
        free(bucket->domain);
        free(bucket->name);
        free(bucket);
        return NULL;
}

bool s3_bucket_is_cancelled(const S3Bucket *bucket)
{
        return bucket->config.cancelled && bucket->config.cancelled(bucket->config.userdata);
}

uint64_t s3_bucket_realtime_usec(const S3Bucket *bucket)
{
        return aws_client_realtime_usec(bucket->client);
}

bool s3_bucket_wait(const S3Bucket *bucket, uint64_t usec)
{
        return aws_client_wait(bucket->client, usec);
}

/* A certificate for *.s3.REGION.DOMAIN does not cover a name with dots. */
static bool is_in_path(const S3Bucket *bucket, const Endpoint *endpoint)
{
        return endpoint_is_address(endpoint) || strchr(bucket->name, '.');
}

static int bucket_choose_root(S3Bucket *bucket, const char *region, char **reterr_message)
{
        _cleanup_(endpoint_done) Endpoint endpoint = { 0 };
        const char *above;
        int r = endpoint_resolve(SERVICE, region, bucket->domain, &endpoint, reterr_message);

        if (r < 0)
                return r;
        above = streq(endpoint.path, "/") ? "" : endpoint.path;
        bucket->in_path = is_in_path(bucket, &endpoint);
        if (bucket->in_path)
                return string_printf(&bucket->root, "%s/%s", above, bucket->name);
        return string_replace(&bucket->root, above);
}

static int bucket_connect(S3Bucket *bucket, const char *region, char **reterr_message)
{
        AwsClientConfig config = {
                .service = SERVICE,
                .region = region,
                .domain = bucket->domain,
                .label = bucket->in_path ? NULL : bucket->name,
                .pace = PACE,
                .credentials = bucket->config.credentials,
                .cancelled = bucket->config.cancelled,
                .userdata = bucket->config.userdata,
        };
        AwsClient *client;
        int r = aws_client_new(&config, &client, reterr_message);

        if (r < 0)
                return r;
        (void)aws_client_free(bucket->client);
        bucket->client = client;
        return 0;
}

static int bucket_copy(S3Bucket *bucket, const S3BucketConfig *config)
{
        bucket->config = *config;
        if (config->stall_usec == 0)
                bucket->config.stall_usec = STALL_USEC;
        if (string_replace(&bucket->name, config->name) < 0 ||
                (config->domain && string_replace(&bucket->domain, config->domain) < 0) ||
                (config->owner && string_replace(&bucket->owner, config->owner) < 0))
                return -ENOMEM;
        return 0;
}

int s3_bucket_new(const S3BucketConfig *config, S3Bucket **ret, char **reterr_message)
{
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = calloc(1, sizeof(S3Bucket));
        int r;

        if (!bucket || bucket_copy(bucket, config) < 0)
                return -ENOMEM;
        if (!s3_bucket_name_is_valid(config->name)) {
                (void)string_printf(reterr_message,
                        "\"%s\" is no name of a bucket, which has 3 to 63 lower-case letters, "
                        "digits, dots and hyphens",
                        config->name);
                return -EINVAL;
        }
        r = bucket_choose_root(bucket, config->region, reterr_message);
        if (r >= 0)
                r = bucket_connect(bucket, config->region, reterr_message);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bucket);
        return 0;
}

int s3_bucket_clone(
        const S3Bucket *bucket, bool (*cancelled)(void *userdata), void *userdata, S3Bucket **ret)
{
        _cleanup_(freep) char *message = NULL;
        S3BucketConfig config = bucket->config;

        config.name = bucket->name;
        config.region = s3_bucket_region(bucket);
        config.domain = bucket->domain;
        config.owner = bucket->owner;
        config.cancelled = cancelled;
        config.userdata = userdata;
        return s3_bucket_new(&config, ret, &message);
}

const char *s3_bucket_name(const S3Bucket *bucket)
{
        return bucket->name;
}

const char *s3_bucket_region(const S3Bucket *bucket)
{
        return aws_client_region(bucket->client);
}

/* --- Replies ---------------------------------------------------------------------------------- */

typedef struct Exchange {
        const S3Call *call;
        char region[64]; /* where S3 says that the bucket is; or "" */
} Exchange;

int s3_read_document(const HttpReply *reply, const char *root, Xml **ret, ApiError *reterr)
{
        _cleanup_(xml_freep) Xml *xml = NULL;
        int r = xml_parse(reply->body.data ? reply->body.data : "", reply->body.length, &xml);

        if (r < 0)
                return r;
        if (r > 0 || !streq(xml_name(xml_root(xml)), root)) {
                r = api_error_set(reterr, NULL, "The reply is not to be understood");
                return r < 0 ? r : AWS_E_LOST;
        }
        *ret = TAKE_PTR(xml);
        return 0;
}

/* A reply to HEAD has no body that could say it. */
static int read_bare_error(const HttpReply *reply, ApiError *reterr)
{
        const char *code = reply->status == 404 ? "NotFound"
                : reply->status == 403          ? "AccessDenied"
                                                : NULL;

        if (!code && reply->bucket_region[0] == '\0')
                return aws_call_fail_unintelligible(reply, reterr);
        return api_error_set(reterr, code, NULL) < 0 ? -ENOMEM : AWS_E_REFUSED;
}

static void note_region(Exchange *exchange, const char *region)
{
        if (region)
                (void)snprintf(exchange->region, sizeof(exchange->region), "%s", region);
}

static int read_error(Exchange *exchange, const HttpReply *reply, ApiError *reterr)
{
        _cleanup_(xml_freep) Xml *xml = NULL;
        const XmlNode *root;
        int r = xml_parse(reply->body.data ? reply->body.data : "", reply->body.length, &xml);

        if (r < 0)
                return r;
        root = xml_root(xml);
        note_region(exchange, xml_text(root, "Region"));
        if (reply->bucket_region[0])
                note_region(exchange, reply->bucket_region);
        if (!xml_text(root, "Code"))
                return read_bare_error(reply, reterr);
        if (api_error_set(reterr, xml_text(root, "Code"), xml_text(root, "Message")) < 0 ||
                xml_copy(root, "RequestId", &reterr->request_id) < 0)
                return -ENOMEM;
        return AWS_E_REFUSED;
}

static int s3_judge(void *userdata, const HttpReply *reply, ApiError *reterr)
{
        Exchange *exchange = userdata;
        const S3Call *call = exchange->call;

        if (reply->status < 200 || reply->status > 299)
                return read_error(exchange, reply, reterr);
        return call->read ? call->read(call->userdata, reply, reterr) : 0;
}

static const struct {
        const char *code;
        S3Outcome outcome;
} outcomes[] = {
        { "NoSuchKey", S3_E_NOT_FOUND },
        { "NotFound", S3_E_NOT_FOUND },
        { "NoSuchVersion", S3_E_NOT_FOUND },
        { "NoSuchBucket", S3_E_NO_BUCKET },
        { "AccessDenied", S3_E_DENIED },
        { "AllAccessDisabled", S3_E_DENIED },
        { "AccessControlListNotSupported", S3_E_ACLS_OFF },
        { "PermanentRedirect", S3_E_ELSEWHERE },
        { "TemporaryRedirect", S3_E_ELSEWHERE },
        { "AuthorizationHeaderMalformed", S3_E_ELSEWHERE },
};

static int make_outcome(int r, const ApiError *error)
{
        if (r == AWS_E_LOST && streq_ptr(error->code, AWS_CODE_TOO_LARGE))
                return S3_E_TOO_LARGE;
        if (r != AWS_E_REFUSED || !error->code)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(outcomes); i++)
                if (streq(error->code, outcomes[i].code))
                        return outcomes[i].outcome;
        return r;
}

/* --- Calls ------------------------------------------------------------------------------------ */

/* Both name a digest of the body; where MD5 is forbidden (FIPS), S3 takes the other one. */
static int make_digest(const S3Call *call, KeyValue *ret, char value[static DIGEST_BASE64_MAX])
{
        unsigned char hash[EVP_MAX_MD_SIZE];
        unsigned length = 0;
        const void *body = call->body_size > 0 ? call->body : "";

        if (EVP_Digest(body, call->body_size, hash, &length, EVP_md5(), NULL) == 1)
                ret->key = "Content-MD5";
        else if (EVP_Digest(body, call->body_size, hash, &length, EVP_sha256(), NULL) == 1)
                ret->key = "x-amz-checksum-sha256";
        else
                return -EIO;
        (void)EVP_EncodeBlock((unsigned char *)value, hash, (int)length);
        ret->value = value;
        return 0;
}

uint64_t s3_attempt_usec(uint64_t bytes)
{
        return ATTEMPT_USEC + bytes / SLOWEST_BYTES_PER_SEC * USEC_PER_SEC;
}

typedef struct Headers {
        KeyValue items[S3_HEADERS_MAX + OWN_HEADERS_MAX];
        size_t count;
        char digest[DIGEST_BASE64_MAX];
} Headers;

static int make_headers(const S3Bucket *bucket, const S3Call *call, Headers *ret)
{
        for (size_t i = 0; i < call->n_headers && i < S3_HEADERS_MAX; i++)
                ret->items[ret->count++] = call->headers[i];
        if (bucket->owner && !call->any_owner)
                ret->items[ret->count++] =
                        (KeyValue){ "x-amz-expected-bucket-owner", bucket->owner };
        return call->body ? make_digest(call, &ret->items[ret->count++], ret->digest) : 0;
}

static int make_path(const S3Bucket *bucket, const S3Call *call, char **ret)
{
        if (call->key)
                return string_printf(ret, "%s/%s", bucket->root, call->key);
        return string_replace(ret, bucket->root[0] ? bucket->root : "/");
}

/* Once, for the attempts may be many, and outside of what threads exclude each other from. */
static int hash_body(const S3Call *call, char ret[static S3_PAYLOAD_HASH_BYTES])
{
        unsigned char hash[EVP_MAX_MD_SIZE];
        unsigned length = 0;

        if (EVP_Digest(call->body, call->body_size, hash, &length, EVP_sha256(), NULL) != 1)
                return -EIO;
        hex_encode(hash, length, ret);
        return 0;
}

static int call_once(S3Bucket *bucket, const S3Call *call, Exchange *exchange, ApiError *reterr)
{
        char payload_hash[S3_PAYLOAD_HASH_BYTES];
        Headers headers = { .count = 0 };
        _cleanup_(freep) char *path = NULL;
        AwsCall sent = {
                .request = {
                        .method = call->method,
                        .query = call->query,
                        .n_query = call->n_query,
                        .headers = headers.items,
                        .body = call->body,
                        .body_size = call->body_size,
                },
                .flags = SIGV4_FLAGS_S3,
                .only_reads = streq(call->method, "GET") || streq(call->method, "HEAD"),
                .is_repeatable = !call->once, /* every one of them can be done twice */
                .reply_max = call->on_body ? 0 : call->reply_max,
                .attempt_usec = s3_attempt_usec(call->body_size + call->reply_max),
                .stall_usec = bucket->config.stall_usec,
                .is_interruptible = true,
                .on_body = call->on_body,
                .on_body_userdata = call->userdata,
                .judge = s3_judge,
                .userdata = exchange,
        };
        int r = make_headers(bucket, call, &headers);

        if (r >= 0)
                r = make_path(bucket, call, &path);
        if (r >= 0 && call->body_size > 0) {
                if (!call->payload_hash)
                        r = hash_body(call, payload_hash);
                sent.request.payload_hash = call->payload_hash ? call->payload_hash : payload_hash;
        }
        if (r < 0)
                return r;
        sent.request.path = path;
        sent.request.n_headers = headers.count;
        return aws_client_call(bucket->client, &sent, reterr);
}

/* Only the region is taken from what S3 says, never a host: whoever answers could name any. */
static int follow(S3Bucket *bucket, const char *region, ApiError *reterr)
{
        _cleanup_(freep) char *message = NULL;
        int r = bucket_connect(bucket, region, &message);

        if (r == -EINVAL)
                return api_error_set(reterr, NULL, message) < 0 ? -ENOMEM : S3_E_ELSEWHERE;
        return r;
}

int s3_call(S3Bucket *bucket, const S3Call *call, ApiError *reterr)
{
        Exchange exchange = { .call = call };
        int r = call_once(bucket, call, &exchange, reterr);

        if (r == AWS_E_REFUSED && exchange.region[0] &&
                !streq(exchange.region, s3_bucket_region(bucket))) {
                r = follow(bucket, exchange.region, reterr);
                if (r == 0)
                        r = call_once(bucket, call, &exchange, reterr);
        }
        return r <= 0 ? r : make_outcome(r, reterr);
}

/* --- Words ------------------------------------------------------------------------------------ */

int s3_explain(const S3Bucket *bucket, int outcome, const ApiError *error, char **ret)
{
        _cleanup_(freep) char *reason = NULL;
        const char *name = bucket->name;
        int r = api_error_format(error, &reason);

        if (r < 0)
                return r;
        switch (outcome) {
        case S3_E_NO_BUCKET:
                return string_printf(ret, "there is no bucket %s", name);
        case S3_E_DENIED:
                return string_printf(ret,
                        "access to bucket %s is denied (%s): the role, or the policy of the "
                        "bucket, "
                        "does not allow it%s%s",
                        name, reason, bucket->owner ? ", or it does not belong to account " : "",
                        bucket->owner ? bucket->owner : "");
        case S3_E_NOT_OURS:
                return string_printf(ret,
                        "bucket %s belongs to another account than %s: name one of your own", name,
                        bucket->owner);
        case S3_E_ACLS_OFF:
                return string_printf(ret,
                        "bucket %s takes no access control lists, by one of which EC2 may read a "
                        "bundle: set its Object Ownership to \"Bucket owner preferred\"",
                        name);
        case S3_E_ELSEWHERE:
                return string_printf(ret, "bucket %s is not in region %s (%s)", name,
                        s3_bucket_region(bucket), reason);
        case S3_E_TOO_LARGE:
                return string_printf(ret, "the object is larger than it may be");
        default:
                return string_printf(ret, "bucket %s: %s", name, reason);
        }
}
