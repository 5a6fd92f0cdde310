/* SPDX-License-Identifier: Apache-2.0 */
/* Method=bundle: what is asked before, what goes on record, and what EC2 is told in the end. */

#include "flow/bundling.h"

#include "aws/s3-check.h"
#include "base/text.h"
#include "flow/bundling-record.h"
#include "flow/identify.h"
#include "flow/staging.h"
#include "image/manifest.h"

#define CREDENTIALS_DIRECTORY "CREDENTIALS_DIRECTORY"
#define ANCESTORS_MAX 256

const char *bundling_get(const Bake *bake, const char *key)
{
        return json_get_string(bake->record.bundle, key, NULL);
}

static int fail_memory(Bake *bake)
{
        return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
}

int bundling_set(Bake *bake, const char *key, json_t *value)
{
        return json_object_set_new(bake->record.bundle, key, value) < 0 ? fail_memory(bake) : 0;
}

int bundling_judge(
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
                        "S3: %s; it takes %s, see \"Images with an instance-store root\" in the "
                        "README",
                        words, needs);
        return failure_set(&bake->failure, FAILURE_API_ERROR, -EREMOTEIO, "S3: %s", words);
}

/* --- Certificates and keys -------------------------------------------------------------------- */

/* Of what systemd hands to the daemon, and so to its workers: systemd.exec(5), "LoadCredential=".
 */
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
        const char *certificate, *private_key;
        const char *ec2_certificate; /* a path, or one behind the name of its partition */
} Papers;

static int fail_papers(Bake *bake, const char *ec2_certificate, int r, const char *reason)
{
        const char *partition = bake->identity.partition;

        return failure_set(&bake->failure, r == -EINVAL ? FAILURE_CONFIG_INVALID : FAILURE_INTERNAL,
                r, "%s%s%s%s%s%s", ec2_certificate ? "Ec2Certificate=" : "",
                ec2_certificate ? ec2_certificate : "",
                ec2_certificate && partition ? ", for partition " : "",
                ec2_certificate && partition ? partition : "", ec2_certificate ? ": " : "",
                reason ? reason : strerror(-r));
}

static int read_papers(Bake *bake, const Papers *papers, BundleCertificates *ret)
{
        _cleanup_(freep) char *private_key = NULL, *reason = NULL;
        int r = find_secret(bake, papers->private_key, &private_key);

        if (r < 0)
                return r;
        r = bundle_ec2_certificate_read(bundle_ec2_path(papers->ec2_certificate), ret, &reason);
        if (r < 0)
                return fail_papers(bake, papers->ec2_certificate, r, reason);
        r = bundle_user_papers_read(papers->certificate, private_key, ret, &reason);
        return r < 0 ? fail_papers(bake, NULL, r, reason) : 0;
}

int bundling_read_papers(Bake *bake, BundleCertificates *ret)
{
        const Papers papers = {
                .certificate = bundling_get(bake, "certificate"),
                .private_key = bundling_get(bake, "private-key"),
                .ec2_certificate = bundling_get(bake, "ec2-certificate"),
        };

        if (!papers.certificate || !papers.private_key || !papers.ec2_certificate ||
                !bundle_ec2_path(papers.ec2_certificate))
                return failure_set(&bake->failure, FAILURE_INTERNAL, -EBADMSG,
                        "The record of the job does not say which certificates its bundle has");
        return read_papers(bake, &papers, ret);
}

/* --- Before anything is made ------------------------------------------------------------------ */

static int check_bucket(Bake *bake)
{
        const char *name = bake->profile.bucket;
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = NULL;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *obstacle = NULL;
        S3BucketState state;
        int r = bake_open_bucket(bake, name, &bucket);

        if (r < 0)
                return r;
        r = s3_bucket_check(bucket, &state, &error);
        r = bundling_judge(bake, bucket, "s3:ListBucket", r, &error);
        if (r > 0)
                return failure_set(&bake->failure, FAILURE_API_UNREACHABLE, -EREMOTEIO,
                        "S3 cannot be asked for bucket %s: %s", name,
                        error.message ? error.message : "there was no answer");
        if (r < 0)
                return r;
        if (s3_bucket_find_obstacle(bucket, &state, aws_client_region(bake->aws), &obstacle) < 0)
                return fail_memory(bake);
        if (!obstacle)
                return 0;
        return failure_set(
                &bake->failure, FAILURE_CONFIG_INVALID, -EINVAL, "Bucket=%s: %s", name, obstacle);
}

static int check_papers(Bake *bake, const BundleWish *wish, const char *ec2_certificate)
{
        const Papers papers = { wish->certificate, wish->private_key, ec2_certificate };
        _cleanup_(bundle_certificates_done) BundleCertificates certificates = { 0 };

        return read_papers(bake, &papers, &certificates);
}

int bundling_check_host(Bake *bake, const BundleWish *wish)
{
        const StringList *entries = &wish->ec2_certificates;
        int r = 0;

        for (size_t i = 0; i < entries->count && r >= 0; i++)
                r = check_papers(bake, wish, entries->items[i]);
        return r < 0 ? r : staging_check(bake);
}

int bundling_check(Bake *bake)
{
        const BundleWish *wish = &bake->profile.bundle;
        const char *ec2_certificate =
                bundle_find_ec2(&wish->ec2_certificates, bake->identity.partition);
        int r = check_papers(bake, wish, ec2_certificate); /* the plan refuses if there is none */

        if (r >= 0)
                r = staging_check(bake);
        return r < 0 ? r : check_bucket(bake);
}

/* The images that it goes back to: those of the one that this instance was launched from, and that.
 */
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
        bundle = json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o*,s:o,s:o}", "location", location,
                "bucket", profile->bucket, "prefix", prefix, "name", name, "certificate",
                json_text(wish->certificate), "private-key", json_text(wish->private_key),
                "ec2-certificate", json_text(
                        bundle_find_ec2(&wish->ec2_certificates, bake->identity.partition)), "folder",
                json_text(wish->folder && *wish->folder ? wish->folder : NULL), "ancestry",
                ancestry, "product-codes", list_codes(&bake->instance.product_codes));
        if (!bundle)
                return fail_memory(bake);
        json_decref(bake->record.bundle);
        bake->record.bundle = bundle;
        return 0;
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
        if (string_replace(&image->location, bundling_get(bake, "location")) < 0)
                return fail_memory(bake);
        return bundling_set(bake, "registering", json_true());
}
