/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of S3, one at a time. */

#include "aws/s3-object.h"

#include <openssl/evp.h>

#include "aws/uri.h"
#include "base/text.h"

int s3_digest(const void *body, size_t size, S3Digest *ret)
{
        unsigned char hash[EVP_MAX_MD_SIZE];
        unsigned length = 0;

        if (EVP_Digest(size > 0 ? body : "", size, hash, &length, EVP_sha256(), NULL) != 1)
                return -EIO;
        (void)EVP_EncodeBlock((unsigned char *)ret->base64, hash, (int)length);
        hex_encode(hash, length, ret->hex);
        return 0;
}

int s3_write_tags(const TagList *tags, char **ret)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        int r = 0;

        for (size_t i = 0; i < tags->count && r >= 0; i++) {
                r = text_add(&text, i > 0 ? "&" : "");
                if (r >= 0)
                        r = uri_encode(&text, tags->items[i].key, URI_COMPONENT);
                if (r >= 0)
                        r = text_add(&text, "=");
                if (r >= 0)
                        r = uri_encode(&text, tags->items[i].value, URI_COMPONENT);
        }
        return r < 0 ? r : text_take(&text, ret);
}

int s3_put_headers(const S3Put *put, KeyValue *ret, size_t *ret_count, char **ret_tagging)
{
        size_t count = 0;

        if (put->tags && put->tags->count > 0) {
                if (s3_write_tags(put->tags, ret_tagging) < 0)
                        return -ENOMEM;
                ret[count++] = (KeyValue){ "x-amz-tagging", *ret_tagging };
        }
        if (put->content_type)
                ret[count++] = (KeyValue){ "Content-Type", put->content_type };
        if (put->acl)
                ret[count++] = (KeyValue){ "x-amz-acl", put->acl };
        if (put->digest)
                ret[count++] = (KeyValue){ "x-amz-meta-quiesced-sha256", put->digest->base64 };
        *ret_count = count;
        return 0;
}

int s3_put_object(S3Bucket *bucket, const S3Put *put, ApiError *reterr)
{
        _cleanup_(freep) char *tagging = NULL;
        KeyValue headers[S3_HEADERS_MAX];
        S3Call call = {
                .method = "PUT",
                .key = put->key,
                .headers = headers,
                .body = put->size > 0 ? put->body : "",
                .body_size = put->size,
                .payload_hash = put->digest ? put->digest->hex : NULL,
        };
        int r = s3_put_headers(put, headers, &call.n_headers, &tagging);

        return r < 0 ? r : s3_call(bucket, &call, reterr);
}

static int read_body(void *userdata, const HttpReply *reply, ApiError *reterr)
{
        Text *text = userdata;

        (void)reterr;
        text->length = 0; /* of an earlier attempt */
        return text_add_bytes(text, reply->body.data ? reply->body.data : "", reply->body.length);
}

int s3_get_object(S3Bucket *bucket, const char *key, size_t most, Text *ret, ApiError *reterr)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        const S3Call call = {
                .method = "GET",
                .key = key,
                .reply_max = most,
                .read = read_body,
                .userdata = &text,
        };
        int r = s3_call(bucket, &call, reterr);

        if (r != 0)
                return r;
        *ret = text;
        text = TEXT_INIT;
        return 0;
}

static int read_head(void *userdata, const HttpReply *reply, ApiError *reterr)
{
        S3Head *head = userdata;

        memcpy(head->etag, reply->etag, sizeof(head->etag));
        memcpy(head->digest, reply->digest, sizeof(head->digest));
        if (parse_u64(reply->content_length, &head->size_bytes) < 0)
                return aws_call_fail_unintelligible(reply, reterr);
        return 0;
}

int s3_head_object(S3Bucket *bucket, const char *key, S3Head *ret, ApiError *reterr)
{
        S3Head head = { 0 };
        const S3Call call = {
                .method = "HEAD",
                .key = key,
                .read = read_head,
                .userdata = &head,
        };
        int r = s3_call(bucket, &call, reterr);

        if (r == 0)
                *ret = head;
        return r;
}

static int read_tags(void *userdata, const HttpReply *reply, ApiError *reterr)
{
        Xml **document = userdata;

        *document = xml_free(*document);
        return s3_read_document(reply, "Tagging", document, reterr);
}

int s3_get_object_tags(
        S3Bucket *bucket, const char *key, const char *version, TagList *ret, ApiError *reterr)
{
        const KeyValue query[] = { { "tagging", "" }, { "versionId", version } };
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        _cleanup_(xml_freep) Xml *document = NULL;
        const S3Call call = {
                .method = "GET",
                .key = key,
                .query = query,
                .n_query = version ? 2 : 1,
                .read = read_tags,
                .userdata = &document,
        };
        const XmlNode *tag;
        int r = s3_call(bucket, &call, reterr);

        tag = r == 0 ? xml_first(xml_find(xml_root(document), "TagSet")) : NULL;
        for (; tag && r == 0; tag = xml_next(tag))
                if (xml_text(tag, "Key"))
                        r = tag_list_set(&tags, xml_text(tag, "Key"),
                                xml_text(tag, "Value") ? xml_text(tag, "Value") : "");
        if (r != 0)
                return r;
        *ret = tags;
        tags = TAG_LIST_INIT;
        return 0;
}

int s3_delete_version(S3Bucket *bucket, const char *key, const char *version, ApiError *reterr)
{
        const KeyValue query[] = { { "versionId", version } };
        const S3Call call = {
                .method = "DELETE",
                .key = key,
                .query = query,
                .n_query = version ? 1 : 0,
        };
        int r = s3_call(bucket, &call, reterr);

        return r == S3_E_NOT_FOUND ? 0 : r;
}

int s3_delete_object(S3Bucket *bucket, const char *key, ApiError *reterr)
{
        return s3_delete_version(bucket, key, /* version= */ NULL, reterr);
}
