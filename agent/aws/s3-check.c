/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a bucket is fit for bundles, before any is made. */

#include "aws/s3-check.h"

#include "base/text.h"

/* --- Whether it is there ---------------------------------------------------------------------- */

static int head_bucket(S3Bucket *bucket, bool any_owner, ApiError *reterr)
{
        const S3Call call = { .method = "HEAD", .any_owner = any_owner };
        int r = s3_call(bucket, &call, reterr);

        return r == S3_E_NOT_FOUND ? S3_E_NO_BUCKET : r;
}

/* With the owner in the request S3 says "denied" in either case; without it, only if we are. */
static int find_bucket(S3Bucket *bucket, ApiError *reterr)
{
        _cleanup_(api_error_done) ApiError other = API_ERROR_INIT;
        int r = head_bucket(bucket, /* any_owner= */ false, reterr);

        if (r != S3_E_DENIED)
                return r;
        return head_bucket(bucket, /* any_owner= */ true, &other) == 0 ? S3_E_NOT_OURS : r;
}

/* --- How it is set up ------------------------------------------------------------------------- */

/* A service that does not know the question may answer another one: then there is no answer. */
static int read_any(void *userdata, const HttpReply *reply, ApiError *reterr)
{
        Xml **document = userdata;
        int r;

        *document = xml_free(*document);
        r = xml_parse(reply->body.data ? reply->body.data : "", reply->body.length, document);
        return r < 0 ? r : 0;
}

/* 0 with the document or NULL, if it is refused; TIMEOUT and what else is no answer at all. */
static int ask(
        S3Bucket *bucket, const char *question, const char *root, Xml **ret, ApiError *reterr)
{
        _cleanup_(xml_freep) Xml *document = NULL;
        const KeyValue query[] = { { question, "" } };
        const S3Call call = {
                .method = "GET",
                .query = query,
                .n_query = ELEMENTSOF(query),
                .read = read_any,
                .userdata = &document,
        };
        int r;

        api_error_done(reterr);
        r = s3_call(bucket, &call, reterr);
        if (r == S3_E_REFUSED || r == S3_E_DENIED || r == S3_E_NOT_FOUND)
                return 0;
        if (r == 0 && document && streq(xml_name(xml_root(document)), root))
                *ret = TAKE_PTR(document);
        return r;
}

/* Buckets of before 2021 may have no such setting: they take lists. */
static int ask_for_ownership(S3Bucket *bucket, S3Answer *ret, ApiError *reterr)
{
        _cleanup_(xml_freep) Xml *document = NULL;
        int r = ask(bucket, "ownershipControls", "OwnershipControls", &document, reterr);
        const char *rule = xml_text(xml_root(document), "Rule/ObjectOwnership");

        if (r != 0)
                return r;
        if (streq_ptr(reterr->code, "OwnershipControlsNotFoundError"))
                *ret = S3_YES;
        else if (rule)
                *ret = streq(rule, "BucketOwnerEnforced") ? S3_NO : S3_YES;
        return 0;
}

int s3_bucket_ask_versions(S3Bucket *bucket, S3Answer *ret, ApiError *reterr)
{
        _cleanup_(xml_freep) Xml *document = NULL;
        int r;

        *ret = S3_UNKNOWN;
        r = ask(bucket, "versioning", "VersioningConfiguration", &document, reterr);

        if (r == 0 && document)
                *ret = xml_text(xml_root(document), "Status") ? S3_YES : S3_NO;
        return r;
}

static int ask_for_lock(S3Bucket *bucket, S3Answer *ret, ApiError *reterr)
{
        _cleanup_(xml_freep) Xml *document = NULL;
        int r = ask(bucket, "object-lock", "ObjectLockConfiguration", &document, reterr);

        if (r != 0)
                return r;
        if (streq_ptr(reterr->code, "ObjectLockConfigurationNotFoundError"))
                *ret = S3_NO;
        else if (document)
                *ret = streq_ptr(xml_text(xml_root(document), "ObjectLockEnabled"), "Enabled")
                        ? S3_YES
                        : S3_NO;
        return 0;
}

int s3_bucket_check(S3Bucket *bucket, S3BucketState *ret, ApiError *reterr)
{
        S3BucketState state = { 0 };
        int r = find_bucket(bucket, reterr);

        if (r == 0)
                r = ask_for_ownership(bucket, &state.takes_acls, reterr);
        if (r == 0)
                r = s3_bucket_ask_versions(bucket, &state.is_versioned, reterr);
        if (r == 0)
                r = ask_for_lock(bucket, &state.is_locked, reterr);
        if (r != 0)
                return r;
        api_error_done(reterr);
        *ret = state;
        return 0;
}

/* --- What that means -------------------------------------------------------------------------- */

int s3_bucket_find_obstacle(
        const S3Bucket *bucket, const S3BucketState *state, const char *region, char **ret)
{
        *ret = NULL;
        if (!streq(s3_bucket_region(bucket), region))
                return string_printf(ret,
                        "bucket %s is in region %s, and EC2 registers an image only from a bucket "
                        "in its own: name one in %s",
                        s3_bucket_name(bucket), s3_bucket_region(bucket), region);
        if (state->takes_acls == S3_NO)
                return s3_explain(bucket, S3_E_ACLS_OFF, &API_ERROR_INIT, ret);
        return 0;
}

int s3_bucket_find_remark(const S3BucketState *state, char **ret)
{
        *ret = NULL;
        if (state->is_locked == S3_YES)
                return string_printf(ret,
                        "Object Lock is on: what it retains cannot be deleted before its time, and "
                        "is paid for until then");
        if (state->is_versioned == S3_YES)
                return string_printf(ret,
                        "it keeps old versions: to delete a bundle for good takes "
                        "s3:ListBucketVersions and s3:DeleteObjectVersion as well");
        return 0;
}
