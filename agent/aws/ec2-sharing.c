/* SPDX-License-Identifier: Apache-2.0 */
/* Whom images and snapshots are shared with. */

#include "aws/ec2-sharing.h"

static const char *member_of(const char *whom)
{
        if (!startswith(whom, "arn:"))
                return "UserId";
        return strstr(whom, ":ou/") ? "OrganizationalUnitArn" : "OrganizationArn";
}

int ec2_share_image(AwsClient *client, const char *id, const StringList *with, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;

        ec2_begin(&query, "ModifyImageAttribute");
        query_add(&query, "ImageId", id);
        for (size_t i = 0; i < with->count; i++)
                query_addf(&query, with->items[i], "LaunchPermission.Add.%zu.%s", i + 1,
                        member_of(with->items[i]));
        return ec2_call(client, &query, EC2_FRESH, &reply, reterr);
}

int ec2_share_snapshot(
        AwsClient *client, const char *id, const StringList *accounts, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;

        ec2_begin(&query, "ModifySnapshotAttribute");
        query_add(&query, "SnapshotId", id);
        query_add(&query, "Attribute", "createVolumePermission");
        for (size_t i = 0; i < accounts->count; i++)
                query_addf(&query, accounts->items[i], "CreateVolumePermission.Add.%zu.UserId",
                        i + 1);
        return ec2_call(client, &query, EC2_FRESH, &reply, reterr);
}
