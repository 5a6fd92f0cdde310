/* SPDX-License-Identifier: Apache-2.0 */
/* An instance as EC2 describes it, and what is attached to it. */

#include "aws/ec2-instance.h"

#include "base/text.h"

/* Paths in a reply's instancesSet/item. */
static const XmlField instance_fields[] = {
        { "instanceId", offsetof(Ec2Instance, id) },
        { "instanceState/name", offsetof(Ec2Instance, state) },
        { "stateReason/message", offsetof(Ec2Instance, state_message) },
        { "imageId", offsetof(Ec2Instance, image_id) },
        { "instanceType", offsetof(Ec2Instance, instance_type) },
        { "placement/availabilityZone", offsetof(Ec2Instance, zone) },
        { "launchTime", offsetof(Ec2Instance, launch_time) },
        { "architecture", offsetof(Ec2Instance, architecture) },
        { "virtualizationType", offsetof(Ec2Instance, virtualization_type) },
        { "rootDeviceName", offsetof(Ec2Instance, root_device_name) },
        { "rootDeviceType", offsetof(Ec2Instance, root_device_type) },
        { "bootMode", offsetof(Ec2Instance, boot_mode) },
        { "currentInstanceBootMode", offsetof(Ec2Instance, current_boot_mode) },
        { "sriovNetSupport", offsetof(Ec2Instance, sriov_net_support) },
        { "kernelId", offsetof(Ec2Instance, kernel_id) },
        { "ramdiskId", offsetof(Ec2Instance, ramdisk_id) },
        { "platform", offsetof(Ec2Instance, platform) },
        { "platformDetails", offsetof(Ec2Instance, platform_details) },
        { "usageOperation", offsetof(Ec2Instance, usage_operation) },
        { "tpmSupport", offsetof(Ec2Instance, tpm_support) },
        { "metadataOptions/httpTokens", offsetof(Ec2Instance, http_tokens) },
};

static const XmlField attachment_fields[] = {
        { "deviceName", offsetof(Ec2Attachment, device_name) },
        { "ebs/volumeId", offsetof(Ec2Attachment, volume_id) },
        { "ebs/status", offsetof(Ec2Attachment, status) },
};

void ec2_instance_done(Ec2Instance *instance)
{
        xml_free_fields(instance_fields, ELEMENTSOF(instance_fields), instance);
        string_list_done(&instance->product_codes);
        for (size_t i = 0; i < instance->n_attachments; i++)
                xml_free_fields(attachment_fields, ELEMENTSOF(attachment_fields),
                        &instance->attachments[i]);
        free(instance->attachments);
        tag_list_done(&instance->tags);
        *instance = (Ec2Instance){ 0 };
}

static int read_attachments(const XmlNode *set, Ec2Instance *instance)
{
        for (const XmlNode *item = xml_first(set); item; item = xml_next(item)) {
                Ec2Attachment *attachment =
                        ARRAY_ADD(instance->attachments, instance->n_attachments);

                if (!attachment ||
                        xml_copy_fields(item, attachment_fields, ELEMENTSOF(attachment_fields),
                                attachment) < 0)
                        return -ENOMEM;
                attachment->delete_on_termination =
                        xml_bool(item, "ebs/deleteOnTermination", false);
        }
        return 0;
}

static int read_instance(const XmlNode *item, Ec2Instance *ret)
{
        _cleanup_(ec2_instance_done) Ec2Instance instance = { 0 };
        int r = xml_copy_fields(item, instance_fields, ELEMENTSOF(instance_fields), &instance);

        if (r >= 0)
                r = read_attachments(xml_find(item, "blockDeviceMapping"), &instance);
        if (r >= 0)
                r = ec2_read_product_codes(item, &instance.product_codes);
        if (r >= 0)
                r = tag_list_read(xml_find(item, "tagSet"), &instance.tags);
        if (r < 0)
                return r;
        instance.ena_support = xml_bool(item, "enaSupport", false);
        *ret = instance;
        instance = (Ec2Instance){ 0 };
        return 0;
}

int ec2_describe_instance(AwsClient *client, const char *id, Ec2Instance *ret, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;
        const XmlNode *item;
        int r;

        ec2_begin(&query, "DescribeInstances");
        query_add(&query, "InstanceId.1", id);
        r = ec2_call(client, &query, /* flags= */ 0, &reply, reterr);
        if (r != 0)
                return r;
        item = xml_find(xml_root(reply), "reservationSet/item/instancesSet/item");
        if (!streq_ptr(xml_text(item, "instanceId"), id))
                return api_error_set(reterr, NULL, "The answer is about another instance") < 0 ?
                        -ENOMEM :
                        EC2_E_LOST;
        return read_instance(item, ret);
}

/* --- Lists of them ---------------------------------------------------------------------------- */

void ec2_instance_list_done(Ec2InstanceList *instances)
{
        for (size_t i = 0; i < instances->count; i++)
                ec2_instance_done(&instances->items[i]);
        free(instances->items);
        *instances = (Ec2InstanceList){ 0 };
}

typedef struct Listing {
        const Ec2InstanceFilter *filter;
        Ec2InstanceList instances;
} Listing;

/* A service that does not know a filter lists everything, and what is found may be terminated. */
static bool filter_fits(const Ec2InstanceFilter *filter, const XmlNode *item)
{
        const char *image_id = xml_text(item, "imageId");
        const XmlNode *tag = xml_first(xml_find(item, "tagSet"));

        if (filter->image_ids)
                return image_id && string_list_contains(filter->image_ids, image_id);
        for (; tag; tag = xml_next(tag))
                if (streq_ptr(xml_text(tag, "key"), filter->tag_key))
                        return !filter->tag_value ||
                                streq_ptr(xml_text(tag, "value"), filter->tag_value);
        return false;
}

static int read_reservation(const XmlNode *reservation, Listing *listing)
{
        const XmlNode *item = xml_first(xml_find(reservation, "instancesSet"));
        int r = 0;

        for (; item && r >= 0; item = xml_next(item)) {
                Ec2Instance *instance;

                if (!xml_text(item, "instanceId") || !filter_fits(listing->filter, item))
                        continue;
                instance = ARRAY_ADD(listing->instances.items, listing->instances.count);
                r = instance ? read_instance(item, instance) : -ENOMEM;
        }
        return r;
}

static int on_page(void *userdata, const XmlNode *root)
{
        const XmlNode *reservation = xml_first(xml_find(root, "reservationSet"));
        int r = 0;

        for (; reservation && r >= 0; reservation = xml_next(reservation))
                r = read_reservation(reservation, userdata);
        return r;
}

/* `values` from `start` on, as many as a filter takes; or the tag's key. */
static int list_some(AwsClient *client, Listing *listing, size_t start, ApiError *reterr)
{
        const StringList *image_ids = listing->filter->image_ids;
        const char *tag_key = listing->filter->tag_key, *tag_value = listing->filter->tag_value;
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(freep) char *name = NULL;

        ec2_begin(&query, "DescribeInstances");
        query_add(&query, "MaxResults", EC2_PAGE_ITEMS);
        if (image_ids) {
                StringList some = { image_ids->items + start, image_ids->count - start };

                if (some.count > EC2_FILTER_VALUES_MAX)
                        some.count = EC2_FILTER_VALUES_MAX;
                query_add_filter_list(&query, 1, "image-id", &some);
        } else if (tag_value) {
                if (string_printf(&name, "tag:%s", tag_key) < 0)
                        return -ENOMEM;
                query_add_filter(&query, 1, name, tag_value);
        } else {
                query_add_filter(&query, 1, "tag-key", tag_key);
        }
        return ec2_call_pages(client, &query, /* flags= */ 0, on_page, listing, reterr);
}

int ec2_describe_instances(AwsClient *client, const Ec2InstanceFilter *filter, Ec2InstanceList *ret,
        ApiError *reterr)
{
        size_t count = filter->image_ids ? filter->image_ids->count : 1, i = 0;
        Listing listing = { .filter = filter };
        int r = 0;

        for (; i < count && r == 0; i += EC2_FILTER_VALUES_MAX)
                r = list_some(client, &listing, i, reterr);
        if (r == 0)
                *ret = listing.instances;
        else
                ec2_instance_list_done(&listing.instances);
        return r;
}

bool ec2_instance_is_alive(const Ec2Instance *instance)
{
        return !streq_ptr(instance->state, "terminated") &&
                !streq_ptr(instance->state, "shutting-down");
}

/* --- Its firmware ----------------------------------------------------------------------------- */

int ec2_get_uefi_data(AwsClient *client, const char *id, char **ret, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;
        const char *data;
        int r;

        ec2_begin(&query, "GetInstanceUefiData");
        query_add(&query, "InstanceId", id);
        r = ec2_call(client, &query, /* flags= */ 0, &reply, reterr);
        if (r != 0)
                return r;
        data = xml_text(xml_root(reply), "uefiData");
        if (data && strlen(data) > EC2_UEFI_DATA_MAX)
                return -EMSGSIZE;
        return data && *data ? string_replace(ret, data) : 0;
}
