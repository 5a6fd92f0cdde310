/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of S3, many at a time: listed page by page, and deleted by the thousand. */

#include "aws/s3-many.h"

#include "aws/retry.h"
#include "aws/s3-object.h"
#include "aws/uri.h"
#include "base/clock.h"

#define PAGES_MAX 10000 /* of a thousand keys */
#define KEY_BYTES_MAX 1024
#define BLANKS " \t\n\r"
#define NAMESPACE "http://s3.amazonaws.com/doc/2006-03-01/"

static int fail_lost(ApiError *reterr, const char *message)
{
        return api_error_set(reterr, NULL, message) < 0 ? -ENOMEM : S3_E_LOST;
}

/* --- Lists ------------------------------------------------------------------------------------ */

/* Where a listing goes on. */
typedef struct Listing {
        const char *prefix;
        bool versions;
        char *token;
        char *version_token; /* with versions; NULL otherwise */
} Listing;

static void listing_done(Listing *listing)
{
        free(listing->token);
        free(listing->version_token);
}

static int read_list(void *userdata, const HttpReply *reply, ApiError *reterr)
{
        Xml **page = userdata;

        *page = xml_free(*page);
        return s3_read_document(reply, "ListBucketResult", page, reterr);
}

static int read_versions(void *userdata, const HttpReply *reply, ApiError *reterr)
{
        Xml **page = userdata;

        *page = xml_free(*page);
        return s3_read_document(reply, "ListVersionsResult", page, reterr);
}

/*
 * encoding-type=url, since XML cannot hold every key: a blank is a plus then. Not every service
 * that speaks S3 knows it, and the reply says whether it did.
 */
static int decode_key(const XmlNode *root, const char *encoded, char **ret)
{
        _cleanup_(freep) char *copy = strdup(encoded);

        if (!copy)
                return -ENOMEM;
        if (!streq_ptr(xml_text(root, "EncodingType"), "url")) {
                *ret = TAKE_PTR(copy);
                return 0;
        }
        for (char *p = copy; *p; p++)
                if (*p == '+')
                        *p = ' ';
        return uri_decode(copy, strlen(copy), ret);
}

static int tell_object(
        const XmlNode *root, const XmlNode *item, S3OnObject on_object, void *userdata)
{
        const char *encoded = xml_text(item, "Key"), *modified = xml_text(item, "LastModified");
        const char *etag = xml_text(item, "ETag");
        _cleanup_(freep) char *key = NULL;
        S3Object object = {
                .size_bytes = xml_u64(item, "Size", 0),
                .etag = etag ? etag : "",
                .version = xml_text(item, "VersionId"),
                .is_marker = streq(xml_name(item), "DeleteMarker"),
        };
        int r;

        if (!encoded || strlen(encoded) > 3 * KEY_BYTES_MAX)
                return 0;
        r = decode_key(root, encoded, &key);
        if (r == -EINVAL)
                return 0; /* a NUL: no key that can be spoken of here */
        if (r < 0)
                return r;
        object.key = key;
        if (modified)
                (void)timestamp_parse(modified, &object.modified_usec);
        return on_object(userdata, &object);
}

static int tell_page(const XmlNode *root, S3OnObject on_object, void *userdata)
{
        static const char *const names[] = { "Contents", "Version", "DeleteMarker" };
        int r = 0;

        for (const XmlNode *item = xml_first(root); item && r >= 0; item = xml_next(item))
                for (size_t i = 0; i < ELEMENTSOF(names) && r >= 0; i++)
                        if (streq(xml_name(item), names[i]))
                                r = tell_object(root, item, on_object, userdata);
        return r < 0 ? r : 0;
}

static int get_page(S3Bucket *bucket, const Listing *listing, Xml **ret, ApiError *reterr)
{
        KeyValue query[5] = {
                { "encoding-type", "url" },
                { "prefix", listing->prefix },
                { listing->versions ? "versions" : "list-type", listing->versions ? "" : "2" },
        };
        S3Call call = {
                .method = "GET",
                .query = query,
                .n_query = 3,
                .read = listing->versions ? read_versions : read_list,
                .userdata = ret,
        };

        if (listing->token)
                query[call.n_query++] =
                        (KeyValue){ listing->versions ? "key-marker" : "continuation-token",
                                listing->token };
        if (listing->version_token)
                query[call.n_query++] = (KeyValue){ "version-id-marker", listing->version_token };
        return s3_call(bucket, &call, reterr);
}

/* 0, or -ENODATA where the page does not tell. */
static int turn_page(Listing *listing, const XmlNode *root)
{
        const char *next =
                xml_text(root, listing->versions ? "NextKeyMarker" : "NextContinuationToken");
        const char *version = xml_text(root, "NextVersionIdMarker");
        _cleanup_(freep) char *token = NULL;
        int r;

        if (!next || (listing->versions && !version))
                return -ENODATA;
        r = listing->versions ? decode_key(root, next, &token) : string_replace(&token, next);
        if (r < 0)
                return r;
        free(listing->token);
        listing->token = TAKE_PTR(token);
        return listing->versions ? string_replace(&listing->version_token, version) : 0;
}

static int list_all(
        S3Bucket *bucket, Listing *listing, S3OnObject on_object, void *userdata, ApiError *reterr)
{
        for (unsigned n = 0; n < PAGES_MAX; n++) {
                _cleanup_(xml_freep) Xml *page = NULL;
                int r = get_page(bucket, listing, &page, reterr);

                if (r != 0)
                        return r;
                r = tell_page(xml_root(page), on_object, userdata);
                if (r < 0 || !xml_bool(xml_root(page), "IsTruncated", false))
                        return r;
                r = turn_page(listing, xml_root(page));
                if (r == -ENODATA)
                        return fail_lost(reterr, "The listing is cut off, and tells no next page");
                if (r < 0)
                        return r;
        }
        return fail_lost(reterr, "The pages of the listing do not come to an end");
}

int s3_list_objects(S3Bucket *bucket, const char *prefix, S3OnObject on_object, void *userdata,
        ApiError *reterr)
{
        _cleanup_(listing_done) Listing listing = { .prefix = prefix };

        return list_all(bucket, &listing, on_object, userdata, reterr);
}

int s3_list_versions(S3Bucket *bucket, const char *prefix, S3OnObject on_object, void *userdata,
        ApiError *reterr)
{
        _cleanup_(listing_done) Listing listing = { .prefix = prefix, .versions = true };

        return list_all(bucket, &listing, on_object, userdata, reterr);
}

/* --- Deletion --------------------------------------------------------------------------------- */

/*
 * In XML, and read again from it: XML 1.0 has no way to write most control characters, and blanks
 * around a text are lost.
 */
static bool is_writable(const char *key)
{
        size_t length = strlen(key);

        if (length == 0 || strchr(BLANKS, key[0]) || strchr(BLANKS, key[length - 1]))
                return false;
        for (const char *p = key; *p; p++)
                if ((unsigned char)*p < ' ' && !strchr(BLANKS, *p))
                        return false;
        return true;
}

static int add_escaped(Text *text, const char *key)
{
        int r = 0;

        for (const char *p = key; *p && r >= 0; p++)
                if (strchr("<>&\t\n\r", *p))
                        r = text_addf(text, "&#%d;", *p);
                else
                        r = text_add_bytes(text, p, 1);
        return r;
}

/* So many of them, from the first. */
typedef struct Doomed {
        char *const *keys;
        char *const *versions; /* or NULL */
        size_t count;
} Doomed;

static int add_doomed(Text *text, const Doomed *doomed, size_t i)
{
        int r = text_add(text, "<Object><Key>");

        if (r >= 0)
                r = add_escaped(text, doomed->keys[i]);
        if (r >= 0)
                r = text_add(text, "</Key>");
        if (r >= 0 && doomed->versions)
                r = text_add(text, "<VersionId>");
        if (r >= 0 && doomed->versions)
                r = add_escaped(text, doomed->versions[i]);
        if (r >= 0 && doomed->versions)
                r = text_add(text, "</VersionId>");
        return r < 0 ? r : text_add(text, "</Object>");
}

/* *ret_count tells how many are in it. */
static int make_order(const Doomed *doomed, Text *ret, size_t *ret_count)
{
        int r = text_add(ret, "<Delete xmlns=\"" NAMESPACE "\">");

        *ret_count = 0;
        for (size_t i = 0; i < doomed->count && r >= 0; i++) {
                if (!is_writable(doomed->keys[i]))
                        continue;
                r = add_doomed(ret, doomed, i);
                (*ret_count)++;
        }
        return r < 0 ? r : text_add(ret, "<Quiet>true</Quiet></Delete>");
}

static int read_result(void *userdata, const HttpReply *reply, ApiError *reterr)
{
        Xml **result = userdata;

        *result = xml_free(*result);
        return s3_read_document(reply, "DeleteResult", result, reterr);
}

/* Beside the calls, each of which has an error of its own. */
typedef struct Refusals {
        StringList *keys;
        ApiError first;
} Refusals;

static int refuse(Refusals *refusals, const char *key, const char *code, const char *message)
{
        if (!refusals->first.code &&
                api_error_set(&refusals->first, code ? code : "Error", message) < 0)
                return -ENOMEM;
        return string_list_add(refusals->keys, key ? key : "");
}

/* What S3 says of single objects: all others are gone. */
typedef struct Verdicts {
        Refusals *refusals;
        StringList busy_keys, busy_versions; /* that it had no time for */
        ApiError busy;                       /* what it said of the first of them */
} Verdicts;

static void verdicts_done(Verdicts *verdicts)
{
        string_list_done(&verdicts->busy_keys);
        string_list_done(&verdicts->busy_versions);
        api_error_done(&verdicts->busy);
}

static bool is_busy(const char *code)
{
        const ApiError error = { .code = (char *)(uintptr_t)code };
        ApiErrorClass class = code ? api_error_classify(&error) : API_ERROR_FINAL;

        return class == API_ERROR_TRANSIENT || class == API_ERROR_THROTTLED;
}

/* Only what was asked for. */
static bool is_doomed(const Doomed *doomed, const char *key, const char *version)
{
        for (size_t i = 0; key && i < doomed->count; i++)
                if (streq(doomed->keys[i], key) &&
                        (!doomed->versions || streq_ptr(version, doomed->versions[i])))
                        return true;
        return false;
}

static int note_busy(
        Verdicts *verdicts, const Doomed *doomed, const XmlNode *item, const char *version)
{
        if (!verdicts->busy.code &&
                api_error_set(&verdicts->busy, xml_text(item, "Code"), xml_text(item, "Message")) <
                        0)
                return -ENOMEM;
        if (doomed->versions && string_list_add(&verdicts->busy_versions, version) < 0)
                return -ENOMEM;
        return string_list_add(&verdicts->busy_keys, xml_text(item, "Key"));
}

static int note_verdicts(const XmlNode *root, const Doomed *doomed, Verdicts *verdicts)
{
        int r = 0;

        for (const XmlNode *item = xml_first(root); item && r >= 0; item = xml_next(item)) {
                const char *code = xml_text(item, "Code"), *version = xml_text(item, "VersionId");
                const char *key = xml_text(item, "Key");

                if (!streq(xml_name(item), "Error") || streq_ptr(code, "NoSuchKey") ||
                        streq_ptr(code, "NoSuchVersion"))
                        continue;
                r = is_busy(code) && is_doomed(doomed, key, version)
                        ? note_busy(verdicts, doomed, item, version)
                        : refuse(verdicts->refusals, key, code, xml_text(item, "Message"));
        }
        return r;
}

static int delete_some(S3Bucket *bucket, const Doomed *doomed, Verdicts *verdicts, ApiError *reterr)
{
        static const KeyValue query[] = { { "delete", "" } };
        static const KeyValue headers[] = { { "Content-Type", "application/xml" } };
        _cleanup_(text_done) Text order = TEXT_INIT;
        _cleanup_(xml_freep) Xml *result = NULL;
        S3Call call = {
                .method = "POST",
                .query = query,
                .n_query = ELEMENTSOF(query),
                .headers = headers,
                .n_headers = ELEMENTSOF(headers),
                .read = read_result,
                .userdata = &result,
        };
        size_t count;
        int r = make_order(doomed, &order, &count);

        if (r < 0 || count == 0)
                return r;
        call.body = order.data;
        call.body_size = order.length;
        r = s3_call(bucket, &call, reterr);
        return r != 0 ? r : note_verdicts(xml_root(result), doomed, verdicts);
}

/* It has lasted too long, and is a refusal like others. */
static int refuse_busy(const Verdicts *verdicts)
{
        int r = 0;

        for (size_t i = 0; i < verdicts->busy_keys.count && r >= 0; i++)
                r = refuse(verdicts->refusals, verdicts->busy_keys.items[i], verdicts->busy.code,
                        verdicts->busy.message);
        return r;
}

/*
 * The call may succeed, and S3 have had no time for some of the objects: "InternalError" and
 * "SlowDown" stand beside single keys then (S3 API Reference, "DeleteObjects").
 */
static int delete_patiently(
        S3Bucket *bucket, const Doomed *doomed, Refusals *refusals, ApiError *reterr)
{
        _cleanup_(verdicts_done) Verdicts last = { .busy = API_ERROR_INIT };
        Doomed left = *doomed;
        Retry retry;

        retry_init(&retry, clock_usec(), /* retries_not_found= */ false);
        for (;;) {
                _cleanup_(verdicts_done) Verdicts verdicts = {
                        .refusals = refusals,
                        .busy = API_ERROR_INIT,
                };
                uint64_t wait_usec;
                int r = delete_some(bucket, &left, &verdicts, reterr);

                if (r != 0 || verdicts.busy_keys.count == 0)
                        return r;
                if (retry_next(&retry, api_error_classify(&verdicts.busy), clock_usec(),
                            retry_random(), &wait_usec) != 0)
                        return refuse_busy(&verdicts);
                if (!s3_bucket_wait(bucket, wait_usec))
                        return S3_E_CANCELLED;
                verdicts_done(&last);
                last = verdicts;
                verdicts = (Verdicts){ .busy = API_ERROR_INIT };
                left.keys = last.busy_keys.items;
                left.versions = doomed->versions ? last.busy_versions.items : NULL;
                left.count = last.busy_keys.count;
        }
}

static int delete_unwritable(S3Bucket *bucket, const Doomed *doomed, ApiError *reterr)
{
        int r = 0;

        for (size_t i = 0; i < doomed->count && r == 0; i++)
                if (!is_writable(doomed->keys[i]))
                        r = s3_delete_version(bucket, doomed->keys[i],
                                doomed->versions ? doomed->versions[i] : NULL, reterr);
        return r;
}

static int delete_all(S3Bucket *bucket, const StringList *keys, const StringList *versions,
        Refusals *refusals, ApiError *reterr)
{
        int r = 0;

        for (size_t i = 0; i < keys->count && r == 0; i += S3_DELETE_MAX) {
                const Doomed some = {
                        .keys = keys->items + i,
                        .versions = versions ? versions->items + i : NULL,
                        .count = keys->count - i < S3_DELETE_MAX ? keys->count - i : S3_DELETE_MAX,
                };

                r = delete_patiently(bucket, &some, refusals, reterr);
                if (r == 0)
                        r = delete_unwritable(bucket, &some, reterr);
        }
        if (r != 0 || refusals->keys->count == 0)
                return r;
        api_error_done(reterr);
        *reterr = refusals->first;
        refusals->first = API_ERROR_INIT;
        return streq_ptr(reterr->code, "AccessDenied") ? S3_E_DENIED : S3_E_REFUSED;
}

static int delete_list(S3Bucket *bucket, const StringList *keys, const StringList *versions,
        StringList *ret_refused, ApiError *reterr)
{
        Refusals refusals = { .keys = ret_refused, .first = API_ERROR_INIT };
        int r = delete_all(bucket, keys, versions, &refusals, reterr);

        api_error_done(&refusals.first);
        return r;
}

int s3_delete_objects(
        S3Bucket *bucket, const StringList *keys, StringList *ret_refused, ApiError *reterr)
{
        return delete_list(bucket, keys, /* versions= */ NULL, ret_refused, reterr);
}

int s3_delete_versions(S3Bucket *bucket, const StringList *keys, const StringList *versions,
        StringList *ret_refused, ApiError *reterr)
{
        return delete_list(bucket, keys, versions, ret_refused, reterr);
}
