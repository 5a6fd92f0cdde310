/* SPDX-License-Identifier: Apache-2.0 */
/* What speaks against deleting an image or a snapshot, as far as EC2 tells it. */

#include "aws/ec2-guarded.h"

#include "base/text.h"

/* A lock that is over is listed too, for a while. */
static int on_locks(void *userdata, const XmlNode *root)
{
        const XmlNode *item = xml_first(xml_find(root, "snapshotSet"));
        StringList *ids = userdata;
        int r = 0;

        for (; item && r >= 0; item = xml_next(item)) {
                const char *id = xml_text(item, "snapshotId"), *state = xml_text(item, "lockState");

                if (id && !streq_ptr(state, "expired"))
                        r = string_list_add(ids, id);
        }
        return r;
}

int ec2_list_locked_snapshots(AwsClient *client, StringList *ids, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;

        ec2_begin(&query, "DescribeLockedSnapshots");
        query_add(&query, "MaxResults", EC2_PAGE_ITEMS);
        return ec2_call_pages(client, &query, /* flags= */ 0, on_locks, ids, reterr);
}

int ec2_is_image_shared(AwsClient *client, const char *id, bool *ret, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;
        int r;

        ec2_begin(&query, "DescribeImageAttribute");
        query_add(&query, "ImageId", id);
        query_add(&query, "Attribute", "launchPermission");
        r = ec2_call(client, &query, /* flags= */ 0, &reply, reterr);
        if (r == 0)
                *ret = xml_first(xml_find(xml_root(reply), "launchPermission"));
        return r;
}

int ec2_is_snapshot_shared(AwsClient *client, const char *id, bool *ret, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;
        int r;

        ec2_begin(&query, "DescribeSnapshotAttribute");
        query_add(&query, "SnapshotId", id);
        query_add(&query, "Attribute", "createVolumePermission");
        r = ec2_call(client, &query, /* flags= */ 0, &reply, reterr);
        if (r == 0)
                *ret = xml_first(xml_find(xml_root(reply), "createVolumePermission"));
        return r;
}
