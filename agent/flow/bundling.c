/* SPDX-License-Identifier: Apache-2.0 */
/* Step 7 of Method=bundle: the staged image becomes parts in S3, and a manifest. */

#include "flow/bundling.h"

#include "aws/s3-many.h"
#include "aws/s3-upload.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/follow.h"
#include "flow/identify.h"
#include "flow/labels.h"
#include "flow/staging.h"
#include "image/bundle.h"
#include "image/certificates.h"

#define CONTENT_TYPE_MANIFEST "application/xml"
#define CREDENTIALS_DIRECTORY "CREDENTIALS_DIRECTORY"

/* Of the progress of the job: EC2 then looks at the image, which takes seconds. */
#define UPLOADED_PERCENT 95
#define ANCESTORS_MAX 256

/* The texts of the record's object. */
static const char *get(const Bake *bake, const char *key)
{
        return json_get_string(bake->record.bundle, key, NULL);
}

static int fail_memory(Bake *bake)
{
        return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
}

static int set(Bake *bake, const char *key, json_t *value)
{
        return json_object_set_new(bake->record.bundle, key, value) < 0 ? fail_memory(bake) : 0;
}

/* What will be otherwise by itself is returned as it is; all else is a failure by name. */
static int judge_s3(
        Bake *bake, const S3Bucket *bucket, const char *needs, int outcome, const ApiError *error)
{
        _cleanup_(freep) char *words = NULL;

        if (outcome == 0)
                return 0;
        if (outcome == S3_E_CANCELLED && bake_check_cancelled(bake) < 0)
                return -ECANCELED;
        if (outcome < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, outcome, "Bucket %s: %s",
                        s3_bucket_name(bucket), strerror(-outcome));
        if (outcome == S3_E_REFUSED && api_error_classify(error) == API_ERROR_THROTTLED)
                bake->throttled = true;
        if (bake_outcome_passes(outcome, error))
                return outcome;
        if (s3_explain(bucket, outcome, error, &words) < 0)
                return fail_memory(bake);
        if (outcome == S3_E_DENIED)
                return failure_set(&bake->failure, FAILURE_ACCESS_DENIED, -EACCES,
                        "S3: %s; it takes %s, see \"IAM policy\" in the README", words, needs);
        return failure_set(&bake->failure, FAILURE_API_ERROR, -EREMOTEIO, "S3: %s", words);
}

/* --- Certificates and keys -------------------------------------------------------------------- */

/* Of what systemd hands to the daemon, and so to its workers: systemd.exec(5), "LoadCredential=". */
static int find_secret(Bake *bake, const char *name, char **ret)
{
        const char *folder = getenv(CREDENTIALS_DIRECTORY);

        if (*name == '/')
                return string_replace(ret, name) < 0 ? fail_memory(bake) : 0;
        if (!folder || !*folder)
                return failure_set(&bake->failure, FAILURE_CONFIG_INVALID, -ENOENT,
                        "PrivateKey=%s names a systemd credential, and this service has none: say "
                        "LoadCredential=%s:/PATH in a drop-in of quiesced.service",
                        name, name);
        return string_printf(ret, "%s/%s", folder, name) < 0 ? fail_memory(bake) : 0;
}

typedef struct Papers {
        const char *certificate, *private_key, *ec2_certificate;
} Papers;

static int read_papers(Bake *bake, const Papers *papers, BundleCertificates *ret)
{
        _cleanup_(freep) char *private_key = NULL, *reason = NULL;
        int r = find_secret(bake, papers->private_key, &private_key);

        if (r < 0)
                return r;
        r = bundle_certificates_read(
                papers->ec2_certificate, papers->certificate, private_key, ret, &reason);
        if (r >= 0)
                return 0;
        return failure_set(&bake->failure, r == -EINVAL ? FAILURE_CONFIG_INVALID : FAILURE_INTERNAL,
                r, "%s", reason ? reason : strerror(-r));
}

static int read_recorded_papers(Bake *bake, BundleCertificates *ret)
{
        const Papers papers = {
                .certificate = get(bake, "certificate"),
                .private_key = get(bake, "private-key"),
                .ec2_certificate = get(bake, "ec2-certificate"),
        };

        if (!papers.certificate || !papers.private_key || !papers.ec2_certificate)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -EBADMSG,
                        "The record of the job does not say which certificates its bundle has");
        return read_papers(bake, &papers, ret);
}

/* --- Before anything is made ------------------------------------------------------------------ */

static int ignore_object(void *userdata, const S3Object *object)
{
        return 0;
}

/* By a listing of what is not there: it tells all that can be told without a change. */
static int check_bucket(Bake *bake)
{
        const Profile *profile = &bake->profile;
        const char *region = aws_client_region(bake->aws);
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = NULL;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *prefix = NULL;
        int r = bake_open_bucket(bake, profile->bucket, &bucket);

        if (r < 0)
                return r;
        if (string_printf(&prefix, "%s%s.part.", profile->bucket_prefix ? profile->bucket_prefix : "",
                    bake->identity.instance_id) < 0)
                return fail_memory(bake);
        r = s3_list_objects(bucket, prefix, ignore_object, NULL, &error);
        r = judge_s3(bake, bucket, "s3:ListBucket", r, &error);
        if (r > 0)
                return failure_set(&bake->failure, FAILURE_API_UNREACHABLE, -EREMOTEIO,
                        "S3 cannot be asked for bucket %s: %s", profile->bucket,
                        error.message ? error.message : "there was no answer");
        if (r < 0 || streq(s3_bucket_region(bucket), region))
                return r;
        return failure_set(&bake->failure, FAILURE_CONFIG_INVALID, -EINVAL,
                "Bucket %s is in region %s, and an image is registered in the region of its bundle: "
                "name one in %s",
                profile->bucket, s3_bucket_region(bucket), region);
}

int bundling_check(Bake *bake)
{
        const BundleWish *wish = &bake->profile.bundle;
        const Papers papers = { wish->certificate, wish->private_key, wish->ec2_certificate };
        _cleanup_(bundle_certificates_done) BundleCertificates certificates = { 0 };
        int r = read_papers(bake, &papers, &certificates);

        return r < 0 ? r : check_bucket(bake);
}

/* The images that it goes back to: those of the one that this instance was launched from, and that. */
static int list_ancestry(Bake *bake, json_t *ret)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(freep) char *text = NULL;
        const char *own = bake->instance.image_id;
        int r = imds_get(bake->imds, "meta-data/ancestor-ami-ids", &text);

        if (r == -ENOMEM || (r == 0 && string_list_split(&ids, text, "\n\r ") < 0))
                return -ENOMEM;
        if (own && !string_list_contains(&ids, own) && string_list_add(&ids, own) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < ids.count && i < ANCESTORS_MAX; i++)
                if (startswith(ids.items[i], "ami-") &&
                        json_array_append_new(ret, json_text(ids.items[i])) < 0)
                        return -ENOMEM;
        return 0;
}

static json_t *list_codes(const StringList *codes)
{
        json_t *array = json_array();

        for (size_t i = 0; array && i < codes->count; i++)
                if (json_array_append_new(array, json_text(codes->items[i])) < 0)
                        return json_decref(array), NULL;
        return array;
}

int bundling_record(Bake *bake)
{
        const Profile *profile = &bake->profile;
        const BundleWish *wish = &profile->bundle;
        const char *prefix = profile->bucket_prefix ? profile->bucket_prefix : "";
        _cleanup_(freep) char *name = NULL, *location = NULL;
        json_t *ancestry = json_array(), *bundle;

        if (string_printf(&name, "%s-%s", bake->identity.instance_id, bake->record.id) < 0 ||
                string_printf(&location, "%s/%s%s" MANIFEST_SUFFIX, profile->bucket, prefix, name) <
                        0 ||
                list_ancestry(bake, ancestry) < 0) {
                json_decref(ancestry);
                return fail_memory(bake);
        }
        bundle = json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o*,s:o,s:o}", "location", location, "bucket",
                profile->bucket, "prefix", prefix, "name", name, "certificate",
                json_text(wish->certificate), "private-key", json_text(wish->private_key),
                "ec2-certificate", json_text(wish->ec2_certificate), "folder",
                json_text(wish->folder && *wish->folder ? wish->folder : NULL), "ancestry", ancestry,
                "product-codes", list_codes(&bake->instance.product_codes));
        if (!bundle)
                return fail_memory(bake);
        json_decref(bake->record.bundle);
        bake->record.bundle = bundle;
        return 0;
}

/* --- What the manifest says ------------------------------------------------------------------- */

static int copy_text(char **target, const char *value)
{
        return value ? string_replace(target, value) : 0;
}

static int copy_list(const json_t *array, StringList *ret)
{
        json_t *value;
        size_t i;

        json_array_foreach(array, i, value)
                if (json_is_string(value) && string_list_add(ret, json_string_value(value)) < 0)
                        return -ENOMEM;
        return 0;
}

static int add_mapping(Manifest *manifest, const char *virtual_name, const char *device)
{
        ManifestMapping *mapping = ARRAY_ADD(manifest->mappings, manifest->n_mappings);

        if (!mapping || string_replace(&mapping->virtual_name, virtual_name) < 0)
                return -ENOMEM;
        return string_replace(&mapping->device, device);
}

/* "ami" is the root as the kernel has it, "root" as EC2 has it; the disks beside it by their own. */
static int add_mappings(const json_t *spec, Manifest *manifest)
{
        const char *root = json_get_string(spec, "root-device-name", NULL);
        const char *kernels = root ? startswith(root, "/dev/") : NULL;
        json_t *device;
        size_t i;

        if (root && (add_mapping(manifest, "ami", kernels ? kernels : root) < 0 ||
                            add_mapping(manifest, "root", root) < 0))
                return -ENOMEM;
        json_array_foreach(json_object_get(spec, "devices"), i, device) {
                const char *virtual_name = json_get_string(device, "virtual-name", NULL);
                const char *name = json_get_string(device, "device-name", NULL);

                if (virtual_name && name && startswith(virtual_name, "ephemeral") &&
                        add_mapping(manifest, virtual_name, name) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int describe(const Bake *bake, Manifest *manifest)
{
        const json_t *spec = bake->record.image, *bundle = bake->record.bundle;

        if (copy_text(&manifest->user, bake->identity.account_id) < 0 ||
                copy_text(&manifest->architecture, json_get_string(spec, "architecture", NULL)) <
                        0 ||
                copy_text(&manifest->kernel_id, json_get_string(spec, "kernel-id", NULL)) < 0 ||
                copy_text(&manifest->ramdisk_id, json_get_string(spec, "ramdisk-id", NULL)) < 0 ||
                copy_list(json_object_get(bundle, "ancestry"), &manifest->ancestry) < 0 ||
                copy_list(json_object_get(bundle, "product-codes"), &manifest->product_codes) < 0)
                return -ENOMEM;
        return add_mappings(spec, manifest);
}

/* --- Keys ------------------------------------------------------------------------------------- */

static int keys_from_record(const Bake *bake, WrappedKeys *ret)
{
        const json_t *keys = json_object_get(bake->record.bundle, "keys");

        if (copy_text(&ret->ec2_key, json_get_string(keys, "ec2-key", NULL)) < 0 ||
                copy_text(&ret->user_key, json_get_string(keys, "user-key", NULL)) < 0 ||
                copy_text(&ret->ec2_iv, json_get_string(keys, "ec2-iv", NULL)) < 0 ||
                copy_text(&ret->user_iv, json_get_string(keys, "user-iv", NULL)) < 0)
                return -ENOMEM;
        return ret->ec2_key && ret->user_key && ret->ec2_iv && ret->user_iv ? 0 : -EBADMSG;
}

/* On disk before the first part: with the same keys, the same parts are made again. */
static int make_keys(Bake *bake, const BundleCertificates *certificates)
{
        _cleanup_(bundle_keys_freep) BundleKeys *keys = NULL;
        WrappedKeys wrapped = { 0 };
        int r = bundle_keys_new(&keys);

        if (r >= 0)
                r = bundle_keys_wrap(keys, certificates->ec2, certificates->user, &wrapped);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r,
                        "No keys can be made for the bundle: %s%s", strerror(-r),
                        r == -EPERM ? "; see LimitMEMLOCK= in systemd.exec(5)" : "");
        r = set(bake, "keys",
                json_pack("{s:s,s:s,s:s,s:s}", "ec2-key", wrapped.ec2_key, "user-key",
                        wrapped.user_key, "ec2-iv", wrapped.ec2_iv, "user-iv", wrapped.user_iv));
        wrapped_keys_done(&wrapped);
        return r < 0 ? r : bake_save(bake);
}

static int take_keys(
        Bake *bake, const BundleCertificates *certificates, WrappedKeys *wrapped, BundleKeys **ret)
{
        int r = json_object_get(bake->record.bundle, "keys") ? 0 : make_keys(bake, certificates);

        if (r < 0)
                return r;
        r = keys_from_record(bake, wrapped);
        if (r >= 0)
                r = bundle_keys_unwrap(wrapped, certificates->private_key, ret);
        if (r >= 0)
                return 0;
        return failure_set(&bake->failure, FAILURE_CONFIG_INVALID, r,
                "The keys of the bundle cannot be read with the private key %s: %s; it is not the "
                "one that the bundle was begun with, perhaps",
                get(bake, "private-key"), strerror(-r));
}

/* --- Upload ----------------------------------------------------------------------------------- */

typedef struct Shipment {
        Bake *bake;
        S3Bucket *bucket;
        S3Upload *upload;
        TagList tags;
        Manifest manifest;
        uint64_t given_bytes;
        int outcome; /* of S3, if that is what went wrong */
        ApiError error;
} Shipment;

static void shipment_done(Shipment *shipment)
{
        (void)s3_upload_free(shipment->upload);
        (void)s3_bucket_free(shipment->bucket);
        tag_list_done(&shipment->tags);
        manifest_done(&shipment->manifest);
        api_error_done(&shipment->error);
}

/* S3 takes ten, of fewer characters than EC2: those by which it is known whose it is. */
static int add_tags(const Record *record, TagList *tags)
{
        static const char *const labels[] = { LABEL_JOB, LABEL_INSTANCE, LABEL_PROFILE };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(labels); i++) {
                const char *value = json_get_string(record->tags, labels[i], NULL);

                if (value)
                        r = tag_list_set(tags, labels[i], value);
        }
        return r;
}

static int make_key(const Bake *bake, const char *filename, char **ret)
{
        return string_printf(ret, "%s%s", json_get_string(bake->record.bundle, "prefix", ""),
                filename);
}

/* What is compressed has half the size, as a rule: the progress is a guess, and never goes back. */
static void show_progress(const Shipment *shipment)
{
        uint64_t used_bytes = json_get_u64(shipment->bake->record.bundle, "used-bytes", 0);
        uint64_t percent = used_bytes > 0 ? shipment->given_bytes * 200 / used_bytes : 0;

        observer_progress(shipment->bake->observer,
                percent < UPLOADED_PERCENT ? (unsigned)percent : UPLOADED_PERCENT);
}

static int take_part(void *userdata, BundlePart *given, char **reterr_message)
{
        _cleanup_(bundle_part_freep) BundlePart *part = given;
        _cleanup_(freep) char *key = NULL;
        Shipment *shipment = userdata;

        if (make_key(shipment->bake, part->filename, &key) < 0)
                return -ENOMEM;
        shipment->given_bytes += part->size;
        shipment->outcome = s3_upload_part(
                shipment->upload, key, TAKE_PTR(part->data), part->size, &shipment->error);
        if (shipment->outcome != 0)
                return shipment->outcome < 0 ? shipment->outcome : -EREMOTEIO;
        show_progress(shipment);
        bake_pause_point("part-given");
        return 0;
}

/* The caller's part of a manifest, and what bundle_write() made, in one. */
static void join(Manifest *manifest, Manifest *written)
{
        free(manifest->name);
        manifest->name = TAKE_PTR(written->name);
        memcpy(manifest->digest, written->digest, sizeof(manifest->digest));
        manifest->size_bytes = written->size_bytes;
        manifest->bundled_bytes = written->bundled_bytes;
        manifest->parts = TAKE_PTR(written->parts);
        manifest->n_parts = written->n_parts;
        written->n_parts = 0;
}

static int send_parts(Shipment *shipment, int image_fd, const BundleKeys *keys)
{
        const PartSink sink = { .take = take_part, .userdata = shipment };
        _cleanup_(manifest_done) Manifest written = { 0 };
        _cleanup_(freep) char *message = NULL;
        Bake *bake = shipment->bake;
        S3UploadSum sum;
        int r = bundle_write(image_fd, get(bake, "name"), keys, &sink, &written, &message);

        if (r < 0 && shipment->outcome == 0)
                return failure_set(&bake->failure, FAILURE_CAPTURE_FAILED, r, "%s",
                        message ? message : strerror(-r));
        if (shipment->outcome == 0)
                shipment->outcome = s3_upload_finish(shipment->upload, &sum, &shipment->error);
        r = judge_s3(bake, shipment->bucket, "s3:PutObject, s3:PutObjectAcl and s3:PutObjectTagging",
                shipment->outcome, &shipment->error);
        if (r != 0)
                return r;
        log_info("%llu parts are in bucket %s, of which %llu were there before",
                (unsigned long long)(sum.n_sent + sum.n_skipped), s3_bucket_name(shipment->bucket),
                (unsigned long long)sum.n_skipped);
        join(&shipment->manifest, &written);
        bake_pause_point("parts-sent");
        return 0;
}

static int send_manifest(Shipment *shipment, RsaKey *private_key)
{
        _cleanup_(freep) char *text = NULL, *filename = NULL, *key = NULL, *reason = NULL;
        Bake *bake = shipment->bake;
        S3Put put = {
                .content_type = CONTENT_TYPE_MANIFEST,
                .acl = S3_ACL_EXEC_READ,
                .tags = &shipment->tags,
        };
        int r = manifest_write(&shipment->manifest, private_key, &text, &reason);

        if (r < 0)
                return failure_set(&bake->failure, FAILURE_IMAGE_FAILED, r,
                        "The manifest cannot be made: %s", reason ? reason : strerror(-r));
        if (string_printf(&filename, "%s" MANIFEST_SUFFIX, get(bake, "name")) < 0 ||
                make_key(bake, filename, &key) < 0)
                return fail_memory(bake);
        put.key = key;
        put.body = text;
        put.size = strlen(text);
        r = s3_put_object(shipment->bucket, &put, &shipment->error);
        return judge_s3(bake, shipment->bucket,
                "s3:PutObject, s3:PutObjectAcl and s3:PutObjectTagging", r, &shipment->error);
}

/* The first call of all: afterwards the region is known, and what is there already. */
static int open_upload(Shipment *shipment)
{
        static const char parts[] = ".part.";
        _cleanup_(freep) char *prefix = NULL;
        Bake *bake = shipment->bake;
        const S3UploadConfig config = { .acl = S3_ACL_EXEC_READ, .tags = &shipment->tags };
        int r = bake_open_bucket(bake, get(bake, "bucket"), &shipment->bucket);

        if (r < 0)
                return r;
        if (string_printf(&prefix, "%s%s%s", get(bake, "prefix"), get(bake, "name"), parts) < 0 ||
                add_tags(&bake->record, &shipment->tags) < 0)
                return fail_memory(bake);
        r = s3_list_objects(shipment->bucket, prefix, ignore_object, NULL, &shipment->error);
        if (r == 0)
                r = s3_upload_new(shipment->bucket, &config, &shipment->upload);
        if (r == 0)
                r = s3_upload_resume(shipment->upload, prefix, &shipment->error);
        return judge_s3(bake, shipment->bucket, "s3:ListBucket", r, &shipment->error);
}

/* A `try` of follow(). */
static int try_upload(Bake *bake, Attempt *ret)
{
        _cleanup_(bundle_certificates_done) BundleCertificates certificates = { 0 };
        _cleanup_(shipment_done) Shipment shipment = { .bake = bake };
        _cleanup_(bundle_keys_freep) BundleKeys *keys = NULL;
        _cleanup_(closep) int image_fd = -EBADF;
        int r = read_recorded_papers(bake, &certificates);

        if (r >= 0)
                r = take_keys(bake, &certificates, &shipment.manifest.keys, &keys);
        if (r >= 0 && describe(bake, &shipment.manifest) < 0)
                r = fail_memory(bake);
        if (r >= 0)
                r = staging_open(bake, &image_fd);
        if (r == 0)
                r = open_upload(&shipment);
        if (r == 0)
                r = send_parts(&shipment, image_fd, keys);
        if (r == 0)
                r = send_manifest(&shipment, certificates.private_key);
        ret->complete = r == 0;
        if (r == 0)
                ret->percent = UPLOADED_PERCENT;
        return r;
}

int bundling_upload(Bake *bake)
{
        int r;

        if (json_get_bool(bake->record.bundle, "uploaded", false))
                return 0;
        bake_pause_point("uploading");
        r = follow(bake, try_upload);
        bake_pause_point("uploaded");
        if (r >= 0)
                r = set(bake, "uploaded", json_true());
        return r < 0 ? r : bake_save(bake);
}

/* --- Registration ----------------------------------------------------------------------------- */

/* What only a root on a volume has, or what the manifest says already, is not said. */
int bundling_finish_image(Bake *bake, Ec2Image *image)
{
        char **const not_said[] = { &image->root_device_name, &image->boot_mode,
                &image->tpm_support, &image->uefi_data };

        for (size_t i = 0; i < ELEMENTSOF(not_said); i++) {
                free(*not_said[i]);
                *not_said[i] = NULL;
        }
        if (string_replace(&image->location, get(bake, "location")) < 0)
                return fail_memory(bake);
        return set(bake, "registering", json_true());
}

/* --- What is left ----------------------------------------------------------------------------- */

void bundling_discard(Bake *bake)
{
        if (json_get_bool(bake->record.bundle, "discarded", false))
                return;
        if (staging_discard(bake) >= 0) {
                (void)json_object_set_new(bake->record.bundle, "discarded", json_true());
                return;
        }
        log_warning("The staged image of the job is left, and can be removed by hand from %s: %s",
                json_get_string(bake->record.bundle, "folder", CAPTURE_FOLDER),
                bake->failure.message ? bake->failure.message : "the capture does not answer");
        failure_done(&bake->failure);
}

typedef struct Found {
        const Bake *bake;
        StringList parts;
} Found;

static int on_object(void *userdata, const S3Object *object)
{
        Found *found = userdata;
        const char *filename = startswith(object->key,
                json_get_string(found->bake->record.bundle, "prefix", ""));

        if (!filename ||
                !manifest_is_part_name(
                        json_get_string(found->bake->record.bundle, "name", ""), filename))
                return 0;
        return string_list_add(&found->parts, object->key);
}

/* The manifest last: as long as it is there, somebody may find the parts by it. */
static int delete_found(Bake *bake, S3Bucket *bucket, const StringList *parts, ApiError *error)
{
        _cleanup_(string_list_done) StringList refused = STRING_LIST_INIT;
        _cleanup_(freep) char *key = NULL;
        int r;

        if (string_printf(&key, "%s%s" MANIFEST_SUFFIX, get(bake, "prefix"), get(bake, "name")) < 0)
                return -ENOMEM;
        r = s3_delete_objects(bucket, parts, &refused, error);
        return r == 0 ? s3_delete_object(bucket, key, error) : r;
}

static int delete_objects(Bake *bake)
{
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = NULL;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *prefix = NULL;
        Found found = { .bake = bake };
        int r = bake_open_bucket(bake, get(bake, "bucket"), &bucket);

        if (r < 0)
                return r;
        if (string_printf(&prefix, "%s%s.part.", get(bake, "prefix"), get(bake, "name")) < 0)
                return -ENOMEM;
        r = s3_list_objects(bucket, prefix, on_object, &found, &error);
        if (r == 0)
                r = delete_found(bake, bucket, &found.parts, &error);
        string_list_done(&found.parts);
        if (r == 0 || r == S3_E_NO_BUCKET)
                return set(bake, "gone", json_true());
        log_warning("What is in bucket %s of the job cannot be deleted: %s", s3_bucket_name(bucket),
                error.message ? error.message : r < 0 ? strerror(-r) : "there was no answer");
        return r < 0 ? r : -EREMOTEIO;
}

int bundling_undo(Bake *bake)
{
        int r = 0, q = 0;

        if (!bake->record.bundle)
                return 0;
        if (json_object_get(bake->record.bundle, "keys") &&
                !json_get_bool(bake->record.bundle, "gone", false))
                r = delete_objects(bake);
        if (!json_get_bool(bake->record.bundle, "discarded", false))
                q = staging_discard(bake);
        if (q >= 0)
                q = set(bake, "discarded", json_true());
        return r < 0 ? r : q;
}

int bundling_name_rest(const Record *record, StringList *names)
{
        const json_t *bundle = record->bundle;
        _cleanup_(freep) char *staged = NULL;

        if (!bundle)
                return 0;
        if (json_object_get(bundle, "keys") && !json_get_bool(bundle, "gone", false) &&
                string_list_add(names, json_get_string(bundle, "location", "")) < 0)
                return -ENOMEM;
        if (json_get_bool(bundle, "discarded", false))
                return 0;
        if (string_printf(&staged, "%s in %s", record->id,
                    json_get_string(bundle, "folder", CAPTURE_FOLDER)) < 0)
                return -ENOMEM;
        return string_list_add(names, staged);
}
