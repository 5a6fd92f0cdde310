/* SPDX-License-Identifier: Apache-2.0 */
/* EBS volumes as EC2 describes them. */

#include "aws/ec2-volume.h"

/* Paths in a reply's volumeSet/item. */
static const XmlField volume_fields[] = {
        { "volumeId", offsetof(Ec2Volume, id) },
        { "status", offsetof(Ec2Volume, state) },
        { "volumeType", offsetof(Ec2Volume, type) },
        { "availabilityZone", offsetof(Ec2Volume, zone) },
        { "snapshotId", offsetof(Ec2Volume, snapshot_id) },
        { "kmsKeyId", offsetof(Ec2Volume, kms_key_id) },
        { "attachmentSet/item/instanceId", offsetof(Ec2Volume, attached_instance_id) },
        { "attachmentSet/item/device", offsetof(Ec2Volume, attached_device_name) },
};

void ec2_volume_list_done(Ec2VolumeList *volumes)
{
        for (size_t i = 0; i < volumes->count; i++) {
                xml_free_fields(volume_fields, ELEMENTSOF(volume_fields), &volumes->items[i]);
                tag_list_done(&volumes->items[i].tags);
        }
        free(volumes->items);
        *volumes = (Ec2VolumeList){ 0 };
}

const Ec2Volume *ec2_volume_list_find(const Ec2VolumeList *volumes, const char *id)
{
        for (size_t i = 0; i < volumes->count; i++)
                if (streq(volumes->items[i].id, id))
                        return &volumes->items[i];
        return NULL;
}

static int read_volume(const XmlNode *item, Ec2Volume *volume)
{
        volume->size_gib = xml_u64(item, "size", 0);
        volume->iops = xml_u64(item, "iops", 0);
        volume->throughput = xml_u64(item, "throughput", 0);
        volume->encrypted = xml_bool(item, "encrypted", false);
        volume->multi_attach = xml_bool(item, "multiAttachEnabled", false);
        if (xml_copy_fields(item, volume_fields, ELEMENTSOF(volume_fields), volume) < 0)
                return -ENOMEM;
        return tag_list_read(xml_find(item, "tagSet"), &volume->tags);
}

static int on_page(void *userdata, const XmlNode *root)
{
        Ec2VolumeList *volumes = userdata;
        const XmlNode *item = xml_first(xml_find(root, "volumeSet"));
        int r = 0;

        for (; item && r >= 0; item = xml_next(item)) {
                Ec2Volume *volume;

                if (!xml_text(item, "volumeId"))
                        continue;
                volume = ARRAY_ADD(volumes->items, volumes->count);
                r = volume ? read_volume(item, volume) : -ENOMEM;
        }
        return r;
}

int ec2_describe_volumes(AwsClient *client, const StringList *ids, Ec2VolumeList *ret,
        ApiError *reterr)
{
        _cleanup_(ec2_volume_list_done) Ec2VolumeList volumes = { 0 };
        _cleanup_(query_done) Query query = QUERY_INIT;
        int r;

        /* Without an id EC2 describes every volume of the account. */
        if (ids->count == 0) {
                *ret = volumes;
                return 0;
        }
        if (ids->count > EC2_IDS_MAX)
                return -E2BIG;
        ec2_begin(&query, "DescribeVolumes");
        query_add_list(&query, "VolumeId", ids);
        r = ec2_call_pages(client, &query, /* flags= */ 0, on_page, &volumes, reterr);
        if (r != 0)
                return r;
        *ret = volumes;
        volumes = (Ec2VolumeList){ 0 };
        return 0;
}
