/* SPDX-License-Identifier: Apache-2.0 */
/* Step 1: who am I, and with whose keys do I speak? */

#include "flow/identify.h"

#include "base/text.h"
#include "flow/labels.h"

static int fetch(void *userdata, const char *path, char **ret)
{
        int r = imds_get(userdata, path, ret);

        if (r == IMDS_E_ABSENT)
                return -ENOENT;
        if (r == IMDS_E_UNREACHABLE || r == IMDS_E_DISABLED)
                return -EHOSTUNREACH;
        return r > 0 ? -EREMOTEIO : r;
}

static int open_imds(Bake *bake)
{
        int r;

        if (bake->imds)
                return 0;
        r = imds_new(&bake->imds);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_CONFIG_INVALID, r,
                        "AWS_EC2_METADATA_SERVICE_ENDPOINT: %s; it must be an http:// address",
                        strerror(-r));
        r = credentials_provider_new(bake->imds, &bake->credentials);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r, "Out of memory");
        return 0;
}

static int open_client(Bake *bake, const char *service, const char *region, const char *domain,
        AwsClient **ret)
{
        _cleanup_(freep) char *message = NULL;
        AwsClientConfig config = {
                .service = service,
                .region = region,
                .domain = domain,
                .cancelled = bake_cancelled,
                .userdata = bake,
        };
        int r;

        r = open_imds(bake);
        if (r < 0)
                return r;
        config.credentials = bake->credentials;
        r = aws_client_new(&config, ret, &message);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_CONFIG_INVALID, r, "%s",
                        message ? message : strerror(-r));
        return 0;
}

int bake_open_client(Bake *bake, const char *service, const char *region, AwsClient **ret)
{
        const Identity *identity = &bake->identity;

        return open_client(bake, service, region,
                streq_ptr(region, identity->region) ? identity->domain : NULL, ret);
}

int bake_open_bucket(Bake *bake, const char *name, S3Bucket **ret)
{
        _cleanup_(freep) char *message = NULL;
        const Identity *identity = &bake->identity;
        const char *region = aws_client_region(bake->aws);
        const S3BucketConfig config = {
                .name = name,
                .region = region,
                .domain = streq_ptr(region, identity->region) ? identity->domain : NULL,
                .owner = identity->account_id,
                .credentials = bake->credentials,
                .cancelled = bake_cancelled,
                .userdata = bake,
        };
        int r;

        if (!identity->account_id)
                return failure_set(&bake->failure, FAILURE_API_ERROR, -ENODATA,
                        "The metadata service does not say to which account this instance belongs; "
                        "so it is not known whether bucket %s is ours",
                        name);
        r = s3_bucket_new(&config, ret, &message);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_CONFIG_INVALID, r, "%s",
                        message ? message : strerror(-r));
        return 0;
}

int bake_connect(Bake *bake, const char *region, const char *domain)
{
        return open_client(bake, "ec2", region, domain, &bake->aws);
}

int bake_identify(Bake *bake)
{
        _cleanup_(freep) char *message = NULL;
        int r;

        r = open_imds(bake);
        if (r < 0)
                return r;
        r = identity_read(fetch, bake->imds, &bake->identity, &message);
        if (r == -EHOSTUNREACH)
                return failure_set(&bake->failure, FAILURE_NOT_ON_EC2, r,
                        "This is no EC2 instance, or its metadata service cannot be reached: %s",
                        imds_message(bake->imds));
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_API_ERROR, r,
                        "The metadata service does not say who this instance is: %s %s",
                        message ? message : strerror(-r), imds_message(bake->imds));
        return 0;
}

int bake_find_trial(Bake *bake, char **ret_image)
{
        int r = imds_get(bake->imds, "meta-data/tags/instance/" LABEL_VERIFY, ret_image);

        return r == -ENOMEM ? r : 0; /* instances need not tell their tags; ours do */
}

int step_identity(Bake *bake)
{
        const char *region = aws_region_from_environment();
        json_t *report = NULL;
        int r;

        observer_step(bake->observer, STEP_IDENTITY);
        r = bake_identify(bake);
        if (r < 0)
                return r;
        if (identity_to_json(&bake->identity, &report) >= 0)
                observer_send(bake->observer, "identity", report);
        return bake_connect(bake, region ? region : bake->identity.region,
                region && !streq(region, bake->identity.region) ? NULL : bake->identity.domain);
}
