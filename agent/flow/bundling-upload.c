/* SPDX-License-Identifier: Apache-2.0 */
/* Method=bundle: the staged image goes into the bucket, part by part, and the manifest last. */

#include "aws/s3-many.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/bundling-record.h"
#include "flow/bundling.h"
#include "flow/follow.h"
#include "flow/identify.h"
#include "flow/labels.h"
#include "flow/staging.h"
#include "image/locked.h"
#include "image/store.h"

#define PUT_PERMISSIONS "s3:PutObject, s3:PutObjectAcl and s3:PutObjectTagging"

/* Of the progress of the job: EC2 then looks at the image, which takes seconds. */
#define UPLOADED_PERCENT 95

static int fail_memory(Bake *bake)
{
        return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
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

        json_array_foreach(array, i, value) if (json_is_string(value) &&
                string_list_add(ret, json_string_value(value)) < 0) return -ENOMEM;
        return 0;
}

static int add_mapping(Manifest *manifest, const char *virtual_name, const char *device)
{
        ManifestMapping *mapping = ARRAY_ADD(manifest->mappings, manifest->n_mappings);

        if (!mapping || string_replace(&mapping->virtual_name, virtual_name) < 0)
                return -ENOMEM;
        return string_replace(&mapping->device, device);
}

/* "ami" is the root as the kernel has it, "root" as EC2 has it; the disks beside it by their own.
 */
static int add_mappings(const json_t *spec, Manifest *manifest)
{
        const char *root = json_get_string(spec, "root-device-name", NULL);
        const char *kernels = root ? startswith(root, "/dev/") : NULL;
        json_t *device;
        size_t i;

        if (root &&
                (add_mapping(manifest, "ami", kernels ? kernels : root) < 0 ||
                        add_mapping(manifest, "root", root) < 0))
                return -ENOMEM;
        json_array_foreach(json_object_get(spec, "devices"), i, device)
        {
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

        if (copy_text(&manifest->name, bundling_get(bake, "name")) < 0 ||
                copy_text(&manifest->user, bake->identity.account_id) < 0 ||
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
        r = bundling_set(bake, "keys",
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
                bundling_get(bake, "private-key"), strerror(-r));
}

/* --- Upload ----------------------------------------------------------------------------------- */

typedef struct Shipment {
        Bake *bake;
        S3Bucket *bucket;
        TagList tags;
        Manifest manifest;
        uint64_t given_bytes;
        ApiError error;
} Shipment;

static void shipment_done(Shipment *shipment)
{
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

/* What is compressed has half the size, as a rule: the progress is a guess, and never goes back. */
static void show_progress(const Shipment *shipment)
{
        uint64_t used_bytes = json_get_u64(shipment->bake->record.bundle, "used-bytes", 0);
        uint64_t percent = used_bytes > 0 ? shipment->given_bytes * 200 / used_bytes : 0;

        observer_progress(shipment->bake->observer,
                percent < UPLOADED_PERCENT ? (unsigned)percent : UPLOADED_PERCENT);
}

static int tell_part(void *userdata, size_t size)
{
        Shipment *shipment = userdata;

        shipment->given_bytes += size;
        show_progress(shipment);
        bake_pause_point("part-given");
        return 0;
}

/* What went wrong on this host, with the image or behind all of its parts. */
static int fail_here(Shipment *shipment, int r, const char *message)
{
        return failure_set(&shipment->bake->failure,
                shipment->manifest.n_parts > 0 ? FAILURE_IMAGE_FAILED : FAILURE_CAPTURE_FAILED, r,
                "%s", message);
}

/* With the keys on record the same parts come, and those that are there are not sent again. */
static int send_bundle(
        Shipment *shipment, int image_fd, const BundleKeys *keys, RsaKey *private_key)
{
        const PartWatch watch = { .done = tell_part, .userdata = shipment };
        const StoreOrder order = {
                .image_fd = image_fd,
                .keys = keys,
                .private_key = private_key,
                .bucket = shipment->bucket,
                .folder = json_get_string(shipment->bake->record.bundle, "prefix", ""),
                .tags = &shipment->tags,
                .watch = &watch,
                .reterr = &shipment->error,
                .goes_on = true,
                .stays = true,
        };
        _cleanup_(freep) char *message = NULL;
        S3UploadSum sum;
        int r = store_bundle(&order, &shipment->manifest, &sum, &message);

        if (r < 0 && message)
                return fail_here(shipment, r, message);
        if (r != 0)
                return bundling_judge(shipment->bake, shipment->bucket, PUT_PERMISSIONS, r,
                        &shipment->error);
        log_info("%llu parts are in bucket %s, of which %llu were there before",
                (unsigned long long)(sum.n_sent + sum.n_skipped), s3_bucket_name(shipment->bucket),
                (unsigned long long)sum.n_skipped);
        return 0;
}

static int ignore_object(void *userdata, const S3Object *object)
{
        return 0;
}

/* The first call of all: afterwards the region is known, which the connections beside it need. */
static int open_bucket(Shipment *shipment)
{
        static const char parts[] = ".part.";
        _cleanup_(freep) char *prefix = NULL;
        Bake *bake = shipment->bake;
        int r = bake_open_bucket(bake, bundling_get(bake, "bucket"), &shipment->bucket);

        if (r < 0)
                return r;
        if (string_printf(&prefix, "%s%s%s", bundling_get(bake, "prefix"),
                    bundling_get(bake, "name"), parts) < 0 ||
                add_tags(&bake->record, &shipment->tags) < 0)
                return fail_memory(bake);
        r = s3_list_objects(shipment->bucket, prefix, ignore_object, NULL, &shipment->error);
        return bundling_judge(bake, shipment->bucket, "s3:ListBucket", r, &shipment->error);
}

/* A `try` of follow(). */
static int try_upload(Bake *bake, Attempt *ret)
{
        _cleanup_(bundle_certificates_done) BundleCertificates certificates = { 0 };
        _cleanup_(shipment_done) Shipment shipment = { .bake = bake };
        _cleanup_(bundle_keys_freep) BundleKeys *keys = NULL;
        _cleanup_(closep) int image_fd = -EBADF;
        int r = bundling_read_papers(bake, &certificates);

        if (r >= 0)
                r = take_keys(bake, &certificates, &shipment.manifest.keys, &keys);
        if (r >= 0 && describe(bake, &shipment.manifest) < 0)
                r = fail_memory(bake);
        if (r >= 0)
                r = staging_open(bake, &image_fd);
        if (r == 0)
                r = open_bucket(&shipment);
        if (r == 0)
                r = send_bundle(&shipment, image_fd, keys, certificates.private_key);
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
        r = locked_process();
        if (r < 0)
                log_warning("Copies of the bundle's keys may be swapped, see LimitMEMLOCK= in "
                            "systemd.exec(5): %s",
                        strerror(-r));
        r = follow(bake, try_upload);
        bake_pause_point("uploaded");
        if (r >= 0)
                r = bundling_set(bake, "uploaded", json_true());
        return r < 0 ? r : bake_save(bake);
}
