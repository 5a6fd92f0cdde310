/* SPDX-License-Identifier: Apache-2.0 */
/* A file as one object: by one request if it is small, else in parts. */

#include "aws/s3-file.h"

#include "aws/s3-crew.h"
#include "base/clock.h"
#include "base/text.h"

#define CONNECTIONS 4
#define NUMBER_BYTES 16
#define BEGINS_MAX 3
#define FRESH_USEC (3 * USEC_PER_SEC) /* how far two clocks may be apart, see aws/client.h */

typedef struct Assembly {
        S3Bucket *bucket;
        const S3Put *put;
        int fd;
        uint64_t size_bytes, part_bytes;
        char *upload_id;
        char (*etags)[64]; /* one for each part */
        size_t n_parts;
        bool undo_begun;
} Assembly;

typedef struct Part {
        const Assembly *assembly;
        size_t index;
        void *body;
        size_t size;
        char *etag; /* where it is wanted: 64 bytes */
} Part;

static void part_free(void *userdata)
{
        Part *part = userdata;

        free(part->body);
        free(part);
}

static void part_freep(Part **part)
{
        if (*part)
                part_free(*part);
}

uint64_t s3_file_part_bytes(uint64_t size_bytes)
{
        uint64_t part_bytes = S3_FILE_PART_BYTES;

        if (size_bytes > S3_FILE_BYTES_MAX)
                return 0;
        while (part_bytes * S3_FILE_PARTS_MAX < size_bytes)
                part_bytes *= 2;
        return part_bytes;
}

static int read_piece(int fd, uint64_t offset, size_t size, void **ret)
{
        _cleanup_(freep) char *bytes = malloc(size > 0 ? size : 1);

        if (!bytes)
                return -ENOMEM;
        for (size_t done = 0; done < size;) {
                ssize_t n = pread(fd, bytes + done, size - done, (off_t)(offset + done));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -ENODATA;
                done += (size_t)n;
        }
        *ret = TAKE_PTR(bytes);
        return 0;
}

/* --- Its begin and its end -------------------------------------------------------------------- */

static int read_begin(void *userdata, const HttpReply *reply, ApiError *reterr)
{
        _cleanup_(xml_freep) Xml *document = NULL;
        Assembly *assembly = userdata;
        int r = s3_read_document(reply, "InitiateMultipartUploadResult", &document, reterr);
        const char *id = r == 0 ? xml_text(xml_root(document), "UploadId") : NULL;

        if (r != 0)
                return r;
        if (!id)
                return aws_call_fail_unintelligible(reply, reterr);
        return string_replace(&assembly->upload_id, id);
}

static int read_uploads(void *userdata, const HttpReply *reply, ApiError *reterr)
{
        Xml **document = userdata;

        *document = xml_free(*document);
        return s3_read_document(reply, "ListMultipartUploadsResult", document, reterr);
}

static bool is_fresh(const XmlNode *upload, const char *key, uint64_t since_usec)
{
        const char *initiated = xml_text(upload, "Initiated");
        uint64_t initiated_usec = 0;

        return streq(xml_name(upload), "Upload") && streq_ptr(xml_text(upload, "Key"), key) &&
                initiated && timestamp_parse(initiated, &initiated_usec) == 0 &&
                initiated_usec + FRESH_USEC >= since_usec;
}

/*
 * S3 has no token for a begin whose answer is lost: it is looked for by its key and its time. Where
 * there are two nobody knows which is ours. 0 if it was found, LOST if not.
 */
static int assembly_find(Assembly *assembly, uint64_t since_usec)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const KeyValue query[] = { { "uploads", "" }, { "prefix", assembly->put->key } };
        _cleanup_(xml_freep) Xml *document = NULL;
        const S3Call call = {
                .method = "GET",
                .query = query,
                .n_query = ELEMENTSOF(query),
                .read = read_uploads,
                .userdata = &document,
        };
        const XmlNode *found = NULL;
        int r = s3_call(assembly->bucket, &call, &error);

        for (const XmlNode *node = xml_first(xml_root(document)); r == 0 && node;
                node = xml_next(node)) {
                if (!is_fresh(node, assembly->put->key, since_usec))
                        continue;
                if (found)
                        return S3_E_LOST;
                found = node;
        }
        if (r != 0 || !xml_text(found, "UploadId"))
                return r < 0 ? r : S3_E_LOST;
        return string_replace(&assembly->upload_id, xml_text(found, "UploadId"));
}

static int assembly_begin(Assembly *assembly, ApiError *reterr)
{
        static const KeyValue query[] = { { "uploads", "" } };
        _cleanup_(freep) char *tagging = NULL;
        uint64_t since_usec = s3_bucket_realtime_usec(assembly->bucket);
        KeyValue headers[S3_HEADERS_MAX];
        S3Call call = {
                .method = "POST",
                .key = assembly->put->key,
                .query = query,
                .n_query = ELEMENTSOF(query),
                .headers = headers,
                .read = read_begin,
                .once = true,
                .userdata = assembly,
        };
        int r = s3_put_headers(assembly->put, headers, &call.n_headers, &tagging);

        if (r < 0)
                return r;
        for (unsigned n = 0; n < BEGINS_MAX; n++) {
                api_error_done(reterr);
                r = s3_call(assembly->bucket, &call, reterr);
                if (r == S3_E_LOST || r == S3_E_TIMEOUT)
                        r = assembly_find(assembly, since_usec);
                if (r != S3_E_LOST)
                        break;
        }
        assembly->undo_begun = r == 0;
        return r;
}

static int make_order(const Assembly *assembly, Text *ret)
{
        int r = text_add(
                ret, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");

        for (size_t i = 0; i < assembly->n_parts && r >= 0; i++)
                r = text_addf(ret, "<Part><PartNumber>%zu</PartNumber><ETag>%s</ETag></Part>",
                        i + 1, assembly->etags[i]);
        return r < 0 ? r : text_add(ret, "</CompleteMultipartUpload>");
}

/* S3 begins its reply before it knows what comes of it: an error may stand below a status of 200.
 */
static int read_end(void *userdata, const HttpReply *reply, ApiError *reterr)
{
        _cleanup_(xml_freep) Xml *document = NULL;
        int r = xml_parse(reply->body.data ? reply->body.data : "", reply->body.length, &document);

        if (r < 0)
                return r;
        if (r > 0 || streq(xml_name(xml_root(document)), "CompleteMultipartUploadResult"))
                return r > 0 ? aws_call_fail_unintelligible(reply, reterr) : 0;
        r = api_error_set(reterr, xml_text(xml_root(document), "Code"),
                xml_text(xml_root(document), "Message"));
        return r < 0 ? r : AWS_E_REFUSED;
}

/* Whether an end whose answer was lost has been one: the number of parts is in the ETag. */
static bool is_complete(const Assembly *assembly)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        char suffix[NUMBER_BYTES];
        S3Head head;

        (void)snprintf(suffix, sizeof(suffix), "-%zu\"", assembly->n_parts);
        return s3_head_object(assembly->bucket, assembly->put->key, &head, &error) == 0 &&
                head.size_bytes == assembly->size_bytes && endswith(head.etag, suffix);
}

static int assembly_end(Assembly *assembly, ApiError *reterr)
{
        const KeyValue query[] = { { "uploadId", assembly->upload_id } };
        static const KeyValue headers[] = { { "Content-Type", "application/xml" } };
        _cleanup_(text_done) Text order = TEXT_INIT;
        S3Call call = {
                .method = "POST",
                .key = assembly->put->key,
                .query = query,
                .n_query = ELEMENTSOF(query),
                .headers = headers,
                .n_headers = ELEMENTSOF(headers),
                .read = read_end,
        };
        int r = make_order(assembly, &order);

        if (r < 0)
                return r;
        call.body = order.data;
        call.body_size = order.length;
        r = s3_call(assembly->bucket, &call, reterr);
        if (r == S3_E_REFUSED && streq_ptr(reterr->code, "NoSuchUpload") && is_complete(assembly))
                r = 0;
        assembly->undo_begun = r != 0;
        return r;
}

/* Heeds no cancel. What it cannot undo stands in the error's message. */
static int assembly_undo(Assembly *assembly, ApiError *reterr)
{
        const KeyValue query[] = { { "uploadId", assembly->upload_id } };
        const S3Call call = {
                .method = "DELETE",
                .key = assembly->put->key,
                .query = query,
                .n_query = ELEMENTSOF(query),
        };
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = NULL;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *message = NULL, *reason = NULL;
        int r;

        if (!assembly->undo_begun)
                return 0;
        r = s3_bucket_clone(assembly->bucket, /* cancelled= */ NULL, NULL, &bucket);
        if (r == 0)
                r = s3_call(bucket, &call, &error);
        if (r <= 0 || streq_ptr(error.code, "NoSuchUpload"))
                return r < 0 ? r : 0;
        if (api_error_format(reterr, &reason) < 0 ||
                string_printf(&message,
                        "%s; and the upload %s of %s could not be aborted: what was sent is left",
                        reason, assembly->upload_id, assembly->put->key) < 0)
                return -ENOMEM;
        return api_error_set(reterr, reterr->code, message);
}

static void assembly_done(Assembly *assembly)
{
        free(assembly->upload_id);
        free(assembly->etags);
}

/* --- Its parts -------------------------------------------------------------------------------- */

static int read_etag(void *userdata, const HttpReply *reply, ApiError *reterr)
{
        const Part *part = userdata;

        if (reply->etag[0] == '\0')
                return aws_call_fail_unintelligible(reply, reterr);
        memcpy(part->etag, reply->etag, sizeof(reply->etag));
        return 0;
}

static int run_part(void *userdata, S3Bucket *bucket, void *task, ApiError *reterr)
{
        _cleanup_(part_freep) Part *part = task;
        char number[NUMBER_BYTES];
        const KeyValue query[] = {
                { "partNumber", number },
                { "uploadId", part->assembly->upload_id },
        };
        const S3Call call = {
                .method = "PUT",
                .key = part->assembly->put->key,
                .query = query,
                .n_query = ELEMENTSOF(query),
                .body = part->body,
                .body_size = part->size,
                .read = read_etag,
                .userdata = part,
        };

        (void)snprintf(number, sizeof(number), "%zu", part->index + 1);
        return s3_call(bucket, &call, reterr);
}

static int read_part(Assembly *assembly, size_t index, Part **ret)
{
        _cleanup_(part_freep) Part *part = calloc(1, sizeof(Part));
        uint64_t offset = index * assembly->part_bytes, left = assembly->size_bytes - offset;
        int r;

        if (!part)
                return -ENOMEM;
        part->assembly = assembly;
        part->index = index;
        part->size = (size_t)(left < assembly->part_bytes ? left : assembly->part_bytes);
        part->etag = assembly->etags[index];
        r = read_piece(assembly->fd, offset, part->size, &part->body);
        if (r >= 0)
                *ret = TAKE_PTR(part);
        return r;
}

static int send_parts(Assembly *assembly, ApiError *reterr)
{
        const S3Work work = { .run = run_part, .drop = part_free };
        _cleanup_(s3_crew_freep) S3Crew *crew = NULL;
        int r = s3_crew_new(assembly->bucket, CONNECTIONS, &work, &crew);

        for (size_t i = 0; i < assembly->n_parts && r == 0; i++) {
                Part *part;

                r = read_part(assembly, i, &part);
                if (r == 0)
                        r = s3_crew_give(crew, part, reterr);
        }
        return r == 0 ? s3_crew_finish(crew, reterr) : r;
}

static int put_in_parts(
        S3Bucket *bucket, const S3Put *put, int fd, uint64_t size_bytes, ApiError *reterr)
{
        uint64_t part_bytes = s3_file_part_bytes(size_bytes);
        _cleanup_(assembly_done) Assembly assembly = {
                .bucket = bucket,
                .put = put,
                .fd = fd,
                .size_bytes = size_bytes,
                .part_bytes = part_bytes,
                .n_parts = (size_t)((size_bytes + part_bytes - 1) / part_bytes),
        };
        int r, undone;

        assembly.etags = calloc(assembly.n_parts, sizeof(*assembly.etags));
        if (!assembly.etags)
                return -ENOMEM;
        r = assembly_begin(&assembly, reterr);
        if (r == 0)
                r = send_parts(&assembly, reterr);
        if (r == 0)
                r = assembly_end(&assembly, reterr);
        undone = assembly_undo(&assembly, reterr);
        return r != 0 ? r : undone;
}

int s3_put_file(S3Bucket *bucket, const S3Put *put, int fd, uint64_t size_bytes, ApiError *reterr)
{
        uint64_t part_bytes = s3_file_part_bytes(size_bytes);
        _cleanup_(freep) void *body = NULL;
        S3Put whole = *put;
        int r;

        if (part_bytes == 0)
                return S3_E_TOO_LARGE;
        if (size_bytes > part_bytes)
                return put_in_parts(bucket, put, fd, size_bytes, reterr);
        r = read_piece(fd, 0, (size_t)size_bytes, &body);
        if (r < 0)
                return r;
        whole.body = body;
        whole.size = (size_t)size_bytes;
        return s3_put_object(bucket, &whole, reterr);
}
