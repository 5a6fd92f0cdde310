/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle on its way into a bucket: parts go up while the image is read, the manifest comes last.
 */

#include "image/store.h"

#include "aws/s3-many.h"

typedef struct Store {
        const StoreOrder *order;
        S3Upload *upload;
        char *manifest_key;
        StringList undo_keys; /* of all that was given to the bucket */
        int outcome;          /* of the bucket, where it was not 0 */
        ApiError error;
} Store;

static void store_done(Store *store)
{
        store->upload = s3_upload_free(store->upload);
        string_list_done(&store->undo_keys);
        api_error_done(&store->error);
        free(store->manifest_key);
}

/* What S3 says goes into words at the end; until then it is an error like others. */
static int note_outcome(Store *store, int r)
{
        if (r > 0)
                store->outcome = r;
        return r > 0 ? -EREMOTEIO : r;
}

static int make_key(const Store *store, const char *filename, const char *suffix, char **ret)
{
        return string_printf(ret, "%s%s%s", store->order->folder, filename, suffix);
}

static int store_init(Store *store, const StoreOrder *order, const char *name)
{
        const S3UploadConfig config = {
                .acl = S3_ACL_EXEC_READ,
                .content_type = BUNDLE_PART_TYPE,
                .tags = order->tags,
        };
        int r;

        *store = (Store){ .order = order, .error = API_ERROR_INIT };
        r = make_key(store, name, MANIFEST_SUFFIX, &store->manifest_key);
        return r < 0 ? r : s3_upload_new(order->bucket, &config, &store->upload);
}

/* --- What is there already -------------------------------------------------------------------- */

typedef struct Search {
        const char *folder, *name;
        StringList *keys;
} Search;

static int on_object(void *userdata, const S3Object *object)
{
        const Search *search = userdata;
        const char *filename = startswith(object->key, search->folder);

        if (!filename || !manifest_is_part_name(search->name, filename))
                return 0;
        return string_list_add(search->keys, object->key);
}

int store_find_parts(S3Bucket *bucket, const char *folder, const char *name, StringList *keys,
        ApiError *reterr)
{
        Search search = { folder, name, keys };
        _cleanup_(freep) char *prefix = NULL;
        int r = string_printf(&prefix, "%s%s.part.", folder, name);

        return r < 0 ? r : s3_list_objects(bucket, prefix, on_object, &search, reterr);
}

/* --- Parts ------------------------------------------------------------------------------------ */

static int take_part(void *userdata, BundlePart *given, char **reterr_message)
{
        _cleanup_(bundle_part_freep) BundlePart *part = given;
        _cleanup_(freep) char *key = NULL;
        Store *store = userdata;
        size_t size = part->size;
        int r = make_key(store, part->filename, "", &key);

        if (r >= 0)
                r = string_list_add(&store->undo_keys, key);
        if (r < 0)
                return r;
        r = s3_upload_part(store->upload, key, TAKE_PTR(part->data), size, &store->error);
        return r != 0 ? note_outcome(store, r) : part_watch_tell(store->order->watch, size);
}

static int refuse_leftovers(const Store *store, const StringList *keys, char **reterr_message)
{
        if (string_printf(reterr_message,
                    "There are %zu parts of that name without a manifest, s3://%s/%s for one: another "
                    "run sends them, or was killed; choose another name, or, if it was killed, "
                    "--remove-leftovers",
                    keys->count, s3_bucket_name(store->order->bucket), keys->items[0]) < 0)
                return -ENOMEM;
        return -EEXIST;
}

/* Whether the other run is alive nobody here can know: only who asks for it has them deleted. */
static int end_leftovers(Store *store, const char *name, char **reterr_message)
{
        _cleanup_(string_list_done) StringList keys = STRING_LIST_INIT;
        _cleanup_(string_list_done) StringList refused = STRING_LIST_INIT;
        const StoreOrder *order = store->order;
        int r = store_find_parts(order->bucket, order->folder, name, &keys, &store->error);

        if (r == S3_E_DENIED) {
                api_error_done(&store->error);
                return 0;
        }
        if (r == 0 && keys.count > 0 && !order->removes_leftovers)
                return refuse_leftovers(store, &keys, reterr_message);
        if (r == 0 && keys.count > 0)
                r = s3_delete_objects(order->bucket, &keys, &refused, &store->error);
        if (r == 0 && order->ret_leftovers)
                *order->ret_leftovers = keys.count;
        return note_outcome(store, r);
}

/* Whether it may begin, and what is there already. */
static int begin_parts(Store *store, const char *name, char **reterr_message)
{
        _cleanup_(freep) char *prefix = NULL;
        S3Head head;
        int r;

        if (store->order->goes_on) {
                r = make_key(store, name, ".part.", &prefix);
                return r < 0 ? r
                             : note_outcome(store,
                                       s3_upload_resume(store->upload, prefix, &store->error));
        }
        r = s3_head_object(store->order->bucket, store->manifest_key, &head, &store->error);
        /* Who may not list is denied what is not there. */
        if (r == S3_E_NOT_FOUND || r == S3_E_DENIED)
                return end_leftovers(store, name, reterr_message);
        if (r != 0)
                return note_outcome(store, r);
        if (string_printf(reterr_message,
                    "There is a bundle s3://%s/%s already: choose another name, or delete it",
                    s3_bucket_name(store->order->bucket), store->manifest_key) < 0)
                return -ENOMEM;
        return -EEXIST;
}

static int send_parts(Store *store, Manifest *manifest, S3UploadSum *ret, char **reterr_message)
{
        const PartSink sink = { .take = take_part, .userdata = store };
        const StoreOrder *order = store->order;
        _cleanup_(manifest_done) Manifest written = { 0 };
        int r = bundle_write(
                order->image_fd, manifest->name, order->keys, &sink, &written, reterr_message);

        if (r >= 0)
                r = note_outcome(store, s3_upload_finish(store->upload, ret, &store->error));
        if (r >= 0)
                manifest_take_parts(manifest, &written);
        return r;
}

/* --- The manifest ----------------------------------------------------------------------------- */

static int send_manifest(Store *store, const Manifest *manifest, char **reterr_message)
{
        _cleanup_(freep) char *text = NULL;
        S3Put put = {
                .key = store->manifest_key,
                .content_type = BUNDLE_MANIFEST_TYPE,
                .acl = S3_ACL_EXEC_READ,
                .tags = store->order->tags,
        };
        int r = manifest_write(manifest, store->order->private_key, &text, reterr_message);

        if (r >= 0)
                r = string_list_add(&store->undo_keys, store->manifest_key);
        if (r < 0)
                return r;
        put.body = text;
        put.size = strlen(text);
        return note_outcome(store, s3_put_object(store->order->bucket, &put, &store->error));
}

/* --- Failure ---------------------------------------------------------------------------------- */

static int explain(const Store *store, char **reterr_message)
{
        free(*reterr_message);
        *reterr_message = NULL;
        return s3_explain(store->order->bucket, store->outcome, &store->error, reterr_message);
}

/* On a connection that no cancel breaks off. */
static int delete_all(Store *store)
{
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = NULL;
        _cleanup_(string_list_done) StringList refused = STRING_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = s3_bucket_clone(store->order->bucket, NULL, NULL, &bucket);

        return r < 0 ? r : s3_delete_objects(bucket, &store->undo_keys, &refused, &error);
}

static int undo(Store *store, const char *name, char **reterr_message)
{
        _cleanup_(freep) char *before = NULL;

        /* Nothing is under way any more. */
        store->upload = s3_upload_free(store->upload);
        if (store->order->stays || store->undo_keys.count == 0 || delete_all(store) == 0)
                return 0;
        before = TAKE_PTR(*reterr_message);
        return string_printf(reterr_message,
                "%s; what was sent could not be deleted again: it lies at s3://%s/%s%s.part.*",
                before ? before : "The upload failed", s3_bucket_name(store->order->bucket),
                store->order->folder, name);
}

int store_bundle(
        const StoreOrder *order, Manifest *manifest, S3UploadSum *ret, char **reterr_message)
{
        _cleanup_(store_done) Store store;
        S3UploadSum sum = { 0 };
        int r = store_init(&store, order, manifest->name);

        if (r >= 0)
                r = begin_parts(&store, manifest->name, reterr_message);
        if (r >= 0)
                r = send_parts(&store, manifest, &sum, reterr_message);
        if (r >= 0)
                r = send_manifest(&store, manifest, reterr_message);
        if (r >= 0) {
                *ret = sum;
                return 0;
        }
        if (store.outcome > 0 && explain(&store, reterr_message) < 0)
                r = -ENOMEM;
        if (store.outcome > 0 && order->reterr) {
                api_error_done(order->reterr);
                *order->reterr = store.error;
                store.error = API_ERROR_INIT;
        }
        if (undo(&store, manifest->name, reterr_message) < 0)
                r = -ENOMEM;
        return r == -EREMOTEIO && store.outcome > 0 ? store.outcome : r;
}
