/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS Signature Version 4. The steps and their names are those of the IAM user guide's page
 * "Create a signed AWS API request".
 */

#include "aws/sigv4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <time.h>

#include "aws/canonical.h"
#include "aws/uri.h"
#include "base/clock.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define HASH_BYTES 32
#define HASH_HEX_MAX (2 * HASH_BYTES + 1)
#define EXPIRES_MAX_SEC 604800u

typedef struct Signing {
        const SigV4Request *request;
        const SigV4Key *key;
        char time[sizeof("20150830T123600Z")];
        char body_hash[HASH_HEX_MAX];
        const char *payload_hash;
        char *scope; /* "20150830/us-east-1/ec2/aws4_request" */
        Canonical canonical;
} Signing;

static void signing_done(Signing *signing)
{
        free(signing->scope);
        canonical_done(&signing->canonical);
}

void sigv4_signed_done(SigV4Signed *made)
{
        free(made->target);
        string_list_done(&made->headers);
        free(made->canonical_request);
        free(made->string_to_sign);
        *made = (SigV4Signed){ 0 };
}

static int hash_hex(const void *data, size_t size, char *ret)
{
        unsigned char hash[HASH_BYTES];

        if (EVP_Digest(size > 0 ? data : "", size, hash, NULL, EVP_sha256(), NULL) != 1)
                return -EIO;
        hex_encode(hash, sizeof(hash), ret);
        return 0;
}

static int hmac(const void *key, size_t key_size, const char *text, unsigned char *ret)
{
        const unsigned char *bytes = (const unsigned char *)text;

        return HMAC(EVP_sha256(), key, (int)key_size, bytes, strlen(text), ret, NULL) ? 0 : -EIO;
}

static int signing_init(Signing *signing, const SigV4Request *request, const SigV4Key *key)
{
        time_t seconds = (time_t)(key->realtime_usec / USEC_PER_SEC);
        struct tm parts;
        int r;

        *signing = (Signing){ .request = request, .key = key };
        if (request->path[0] != '/' || !gmtime_r(&seconds, &parts) ||
                strftime(signing->time, sizeof(signing->time), "%Y%m%dT%H%M%SZ", &parts) == 0)
                return -EINVAL;
        r = request->payload_hash ?
                0 :
                hash_hex(request->body, request->body_size, signing->body_hash);
        if (r < 0)
                return r;
        signing->payload_hash = request->payload_hash ? request->payload_hash : signing->body_hash;
        return string_printf(&signing->scope, "%.8s/%s/%s/aws4_request", signing->time, key->region,
                key->service);
}

static int add_given(Signing *signing)
{
        const SigV4Request *request = signing->request;
        Canonical *canonical = &signing->canonical;
        int r = canonical_add_header(canonical, "host", request->host);

        for (size_t i = 0; i < request->n_headers && r >= 0; i++)
                r = canonical_add_header(canonical, request->headers[i].key,
                        request->headers[i].value);
        for (size_t i = 0; i < request->n_query && r >= 0; i++)
                r = canonical_add_query(canonical, request->query[i].key, request->query[i].value);
        return r;
}

/* --- What is signed --------------------------------------------------------------------------- */

static int encode_path(const char *path, char **ret)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        int r = uri_encode(&text, path, URI_PATH);

        return r < 0 ? r : text_take(&text, ret);
}

static int make_canonical_path(const Signing *signing, char **ret)
{
        SigV4Flags flags = signing->key->flags;
        const char *path = signing->request->path;
        _cleanup_(freep) char *normalized = NULL, *once = NULL;
        int r = 0;

        if (flags & SIGV4_NORMALIZE_PATH)
                r = uri_normalize_path(path, &normalized);
        if (r >= 0)
                r = encode_path(normalized ? normalized : path, &once);
        if (r < 0)
                return r;
        if (flags & SIGV4_ENCODE_PATH_TWICE)
                return encode_path(once, ret);
        *ret = TAKE_PTR(once);
        return 0;
}

static int make_string_to_sign(const Signing *signing, const char *canonical_request, char **ret)
{
        char hash[HASH_HEX_MAX];
        int r = hash_hex(canonical_request, strlen(canonical_request), hash);

        if (r < 0)
                return r;
        return string_printf(ret, ALGORITHM "\n%s\n%s\n%s", signing->time, signing->scope, hash);
}

static int make_signature(const Signing *signing, const char *string_to_sign, char *ret)
{
        char *secret, date[sizeof("20150830")];
        const char *const steps[] = { date, signing->key->region, signing->key->service,
                "aws4_request", string_to_sign };
        unsigned char hash[HASH_BYTES];
        int r;

        r = string_printf(&secret, "AWS4%s", signing->key->secret_access_key);
        if (r < 0)
                return r;
        memcpy(date, signing->time, sizeof(date) - 1);
        date[sizeof(date) - 1] = '\0';
        r = hmac(secret, strlen(secret), steps[0], hash);
        for (size_t i = 1; i < ELEMENTSOF(steps) && r >= 0; i++)
                r = hmac(hash, sizeof(hash), steps[i], hash);
        if (r >= 0)
                hex_encode(hash, sizeof(hash), ret);
        OPENSSL_cleanse(hash, sizeof(hash));
        OPENSSL_cleanse(secret, strlen(secret));
        free(secret);
        return r;
}

/* From the settled headers and the query to the signature. */
static int signing_run(Signing *signing, SigV4Signed *made)
{
        _cleanup_(freep) char *path = NULL;
        int r = make_canonical_path(signing, &path);

        if (r >= 0)
                r = canonical_print(&signing->canonical, signing->request->method, path,
                        signing->payload_hash, &made->canonical_request);
        if (r >= 0)
                r = make_string_to_sign(signing, made->canonical_request, &made->string_to_sign);
        if (r >= 0)
                r = make_signature(signing, made->string_to_sign, made->signature);
        return r;
}

/* --- What is sent ----------------------------------------------------------------------------- */

static int make_target(const Signing *signing, const char *tail, char **ret)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        int r = uri_encode(&text, signing->request->path, URI_PATH);

        if (r >= 0 && signing->canonical.query.count > 0)
                r = text_add(&text, "?");
        if (r >= 0)
                r = canonical_write_query(&signing->canonical, &text);
        if (r >= 0)
                r = text_add(&text, tail);
        return r < 0 ? r : text_take(&text, ret);
}

static int send_header(SigV4Signed *made, const char *name, const char *value)
{
        _cleanup_(freep) char *line = NULL;
        int r = string_printf(&line, "%s: %s", name, value);

        return r < 0 ? r : string_list_add(&made->headers, line);
}

static int send_given_headers(const SigV4Request *request, SigV4Signed *made)
{
        int r = send_header(made, "Host", request->host);

        for (size_t i = 0; i < request->n_headers && r >= 0; i++)
                r = send_header(made, request->headers[i].key, request->headers[i].value);
        return r;
}

/* One that is signed and sent. */
static int put_header(Signing *signing, SigV4Signed *made, const char *name, const char *value)
{
        int r = canonical_add_header(&signing->canonical, name, value);

        return r < 0 ? r : send_header(made, name, value);
}

static int put_own_headers(Signing *signing, SigV4Signed *made)
{
        const SigV4Key *key = signing->key;
        int r = put_header(signing, made, "X-Amz-Date", signing->time);

        if (r >= 0 && key->flags & SIGV4_HASH_HEADER)
                r = put_header(signing, made, "X-Amz-Content-Sha256", signing->payload_hash);
        if (r < 0 || !key->session_token)
                return r;
        if (key->flags & SIGV4_TOKEN_UNSIGNED)
                return send_header(made, "X-Amz-Security-Token", key->session_token);
        return put_header(signing, made, "X-Amz-Security-Token", key->session_token);
}

static int send_authorization(const Signing *signing, SigV4Signed *made)
{
        _cleanup_(freep) char *value = NULL;
        int r = string_printf(&value, ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                signing->key->access_key_id, signing->scope, signing->canonical.signed_headers,
                made->signature);

        return r < 0 ? r : send_header(made, "Authorization", value);
}

int sigv4_sign(const SigV4Request *request, const SigV4Key *key, SigV4Signed *ret)
{
        _cleanup_(sigv4_signed_done) SigV4Signed made = { 0 };
        _cleanup_(signing_done) Signing signing = { 0 };
        int r = signing_init(&signing, request, key);

        if (r >= 0)
                r = add_given(&signing);
        if (r >= 0)
                r = send_given_headers(request, &made);
        if (r >= 0)
                r = put_own_headers(&signing, &made);
        if (r >= 0)
                r = canonical_settle_headers(&signing.canonical);
        if (r >= 0)
                r = signing_run(&signing, &made);
        if (r >= 0)
                r = make_target(&signing, /* tail= */ "", &made.target);
        if (r >= 0)
                r = send_authorization(&signing, &made);
        if (r < 0)
                return r;
        *ret = made;
        made = (SigV4Signed){ 0 };
        return 0;
}

/* Among them the names of the headers, which are settled before. */
static int add_own_query(Signing *signing, unsigned expires_sec)
{
        const SigV4Key *key = signing->key;
        Canonical *canonical = &signing->canonical;
        _cleanup_(freep) char *credential = NULL;
        char expires[16];
        int r;

        (void)snprintf(expires, sizeof(expires), "%u", expires_sec);
        r = string_printf(&credential, "%s/%s", key->access_key_id, signing->scope);
        if (r >= 0)
                r = canonical_add_query(canonical, "X-Amz-Algorithm", ALGORITHM);
        if (r >= 0)
                r = canonical_add_query(canonical, "X-Amz-Credential", credential);
        if (r >= 0)
                r = canonical_add_query(canonical, "X-Amz-Date", signing->time);
        if (r >= 0)
                r = canonical_add_query(canonical, "X-Amz-Expires", expires);
        if (r >= 0)
                r = canonical_add_query(
                        canonical, "X-Amz-SignedHeaders", canonical->signed_headers);
        if (r >= 0 && key->session_token && !(key->flags & SIGV4_TOKEN_UNSIGNED))
                r = canonical_add_query(canonical, "X-Amz-Security-Token", key->session_token);
        return r;
}

/* What stands behind the signed part of the query. */
static int make_tail(const Signing *signing, const SigV4Signed *made, char **ret)
{
        const SigV4Key *key = signing->key;
        _cleanup_(text_done) Text tail = TEXT_INIT;
        int r = text_addf(&tail, "&X-Amz-Signature=%s", made->signature);

        if (r >= 0 && key->session_token && key->flags & SIGV4_TOKEN_UNSIGNED) {
                r = text_add(&tail, "&X-Amz-Security-Token=");
                if (r >= 0)
                        r = uri_encode(&tail, key->session_token, URI_COMPONENT);
        }
        return r < 0 ? r : text_take(&tail, ret);
}

int sigv4_presign(const SigV4Request *request, const SigV4Key *key, unsigned expires_sec,
        SigV4Signed *ret)
{
        _cleanup_(sigv4_signed_done) SigV4Signed made = { 0 };
        _cleanup_(signing_done) Signing signing = { 0 };
        _cleanup_(freep) char *tail = NULL;
        int r;

        if (expires_sec == 0 || expires_sec > EXPIRES_MAX_SEC)
                return -EINVAL;
        r = signing_init(&signing, request, key);
        if (r >= 0)
                r = add_given(&signing);
        if (r >= 0)
                r = canonical_settle_headers(&signing.canonical);
        if (r >= 0)
                r = add_own_query(&signing, expires_sec);
        if (r >= 0)
                r = signing_run(&signing, &made);
        if (r >= 0)
                r = make_tail(&signing, &made, &tail);
        if (r >= 0)
                r = make_target(&signing, tail, &made.target);
        if (r >= 0)
                r = send_given_headers(request, &made);
        if (r < 0)
                return r;
        *ret = made;
        made = (SigV4Signed){ 0 };
        return 0;
}
