/* SPDX-License-Identifier: Apache-2.0 */
/* Many objects go up while more of them are made: several at once. */

#include "aws/s3-upload.h"

#include <stdatomic.h>

#include "aws/s3-crew.h"
#include "aws/s3-many.h"
#include "base/text.h"

#define PRESENT_MAX 100000 /* what is beyond is sent again */

typedef struct Present {
        char *key;
        uint64_t size_bytes;
} Present;

struct S3Upload {
        S3Bucket *bucket;
        char *acl, *content_type; /* or NULL */
        TagList tags;
        S3Crew *crew;
        Present *present; /* sorted by key, and not changed once there is a part */
        size_t n_present;
        StringList keys; /* of all parts that were given */
        atomic_uint_fast64_t n_sent, sent_bytes, n_skipped;
};

typedef struct Part {
        char *key;
        void *body;
        size_t size;
} Part;

static void part_free(void *userdata)
{
        Part *part = userdata;

        free(part->key);
        free(part->body);
        free(part);
}

static void part_freep(Part **part)
{
        if (*part)
                part_free(*part);
}

/* --- What is there already -------------------------------------------------------------------- */

static int compare_present(const void *a, const void *b)
{
        const Present *left = a, *right = b;

        return strcmp(left->key, right->key);
}

static const Present *find_present(const S3Upload *upload, const char *key)
{
        const Present wanted = { .key = (char *)(uintptr_t)key };

        if (upload->n_present == 0)
                return NULL;
        return bsearch(
                &wanted, upload->present, upload->n_present, sizeof(Present), compare_present);
}

static int on_object(void *userdata, const S3Object *object)
{
        S3Upload *upload = userdata;
        Present *present;

        if (upload->n_present >= PRESENT_MAX)
                return 0;
        present = ARRAY_ADD(upload->present, upload->n_present);
        if (!present)
                return -ENOMEM;
        present->size_bytes = object->size_bytes;
        present->key = strdup(object->key);
        return present->key ? 0 : -ENOMEM;
}

int s3_upload_resume(S3Upload *upload, const char *prefix, ApiError *reterr)
{
        int r = s3_list_objects(upload->bucket, prefix, on_object, upload, reterr);

        if (r == 0 && upload->n_present > 1)
                qsort(upload->present, upload->n_present, sizeof(Present), compare_present);
        return r;
}

/*
 * Only what we have put says so, and was given the same list: what others brought there, as `aws s3
 * cp` does, has the same bytes and ETag, and EC2 may not read it. Where S3 does not tell, it is
 * not.
 */
static bool is_present(
        const S3Upload *upload, S3Bucket *bucket, const Part *part, const S3Digest *digest)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const Present *present = find_present(upload, part->key);
        S3Head head;

        if (!present || present->size_bytes != part->size)
                return false;
        return s3_head_object(bucket, part->key, &head, &error) == 0 &&
                head.size_bytes == part->size && streq(head.digest, digest->base64);
}

/* --- Parts ------------------------------------------------------------------------------------ */

static int send_part(S3Upload *upload, S3Bucket *bucket, const Part *part, ApiError *reterr)
{
        S3Digest digest;
        const S3Put put = {
                .key = part->key,
                .body = part->body,
                .size = part->size,
                .content_type = upload->content_type,
                .acl = upload->acl,
                .tags = &upload->tags,
                .digest = &digest,
        };
        int r = s3_digest(part->body, part->size, &digest);

        if (r < 0)
                return r;
        if (is_present(upload, bucket, part, &digest)) {
                atomic_fetch_add(&upload->n_skipped, 1);
                return 0;
        }
        r = s3_put_object(bucket, &put, reterr);
        if (r == 0) {
                atomic_fetch_add(&upload->n_sent, 1);
                atomic_fetch_add(&upload->sent_bytes, part->size);
        }
        return r;
}

static int run_part(void *userdata, S3Bucket *bucket, void *task, ApiError *reterr)
{
        _cleanup_(part_freep) Part *part = task;

        return send_part(userdata, bucket, part, reterr);
}

int s3_upload_part(S3Upload *upload, const char *key, void *body, size_t size, ApiError *reterr)
{
        _cleanup_(part_freep) Part *part = calloc(1, sizeof(Part));

        if (!part) {
                free(body);
                return -ENOMEM;
        }
        part->body = body;
        part->size = size;
        part->key = strdup(key);
        if (!part->key || string_list_add(&upload->keys, key) < 0)
                return -ENOMEM;
        return s3_crew_give(upload->crew, TAKE_PTR(part), reterr);
}

/* --- Lifetime --------------------------------------------------------------------------------- */

S3Upload *s3_upload_free(S3Upload *upload)
{
        if (!upload)
                return NULL;
        (void)s3_crew_free(upload->crew);
        for (size_t i = 0; i < upload->n_present; i++)
                free(upload->present[i].key);
        free(upload->present);
        string_list_done(&upload->keys);
        tag_list_done(&upload->tags);
        free(upload->content_type);
        free(upload->acl);
        free(upload);
        return NULL;
}

static int upload_copy(S3Upload *upload, const S3UploadConfig *config)
{
        if (config->acl && string_replace(&upload->acl, config->acl) < 0)
                return -ENOMEM;
        if (config->content_type && string_replace(&upload->content_type, config->content_type) < 0)
                return -ENOMEM;
        return config->tags ? tag_list_copy(config->tags, &upload->tags) : 0;
}

int s3_upload_new(S3Bucket *bucket, const S3UploadConfig *config, S3Upload **ret)
{
        _cleanup_(s3_upload_freep) S3Upload *upload = calloc(1, sizeof(S3Upload));
        S3Work work = { .run = run_part, .drop = part_free, .userdata = upload };
        unsigned connections = config->connections ? config->connections : S3_UPLOAD_CONNECTIONS;
        int r;

        if (!upload)
                return -ENOMEM;
        upload->bucket = bucket;
        r = upload_copy(upload, config);
        if (r < 0)
                return r;
        r = s3_crew_new(bucket, connections, &work, &upload->crew);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(upload);
        return 0;
}

int s3_upload_finish(S3Upload *upload, S3UploadSum *ret, ApiError *reterr)
{
        int r = s3_crew_finish(upload->crew, reterr);

        if (r == 0)
                *ret = (S3UploadSum){
                        .n_sent = atomic_load(&upload->n_sent),
                        .sent_bytes = atomic_load(&upload->sent_bytes),
                        .n_skipped = atomic_load(&upload->n_skipped),
                };
        return r;
}

int s3_upload_undo(S3Upload *upload, StringList *ret_refused, ApiError *reterr)
{
        upload->crew = s3_crew_free(upload->crew);
        return s3_delete_objects(upload->bucket, &upload->keys, ret_refused, reterr);
}
