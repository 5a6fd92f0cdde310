/* SPDX-License-Identifier: Apache-2.0 */
/* How long an image is offered, and what keeps it from being deregistered. */

#include "aws/ec2-image-keeping.h"

#include "base/clock.h"

int ec2_deprecate_image(AwsClient *client, const char *id, uint64_t at_usec, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;
        char at[TIMESTAMP_MAX];

        timestamp_format(at_usec, at);
        ec2_begin(&query, "EnableImageDeprecation");
        query_add(&query, "ImageId", id);
        query_add(&query, "DeprecateAt", at);
        return ec2_call(client, &query, EC2_FRESH, &reply, reterr);
}

int ec2_protect_image(AwsClient *client, const char *id, bool with_cooldown, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;

        ec2_begin(&query, "EnableImageDeregistrationProtection");
        query_add(&query, "ImageId", id);
        if (with_cooldown)
                query_add_bool(&query, "WithCooldown", true);
        return ec2_call(client, &query, EC2_FRESH, &reply, reterr);
}

int ec2_unprotect_image(AwsClient *client, const char *id, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;

        ec2_begin(&query, "DisableImageDeregistrationProtection");
        query_add(&query, "ImageId", id);
        return ec2_call(client, &query, /* flags= */ 0, &reply, reterr);
}
