/* SPDX-License-Identifier: Apache-2.0 */
/* Images as EC2 describes them. */

#include "aws/ec2-image.h"

#include "base/clock.h"

/* Paths in a reply's imagesSet/item. */
static const XmlField image_fields[] = {
        { "imageId", offsetof(Ec2Image, id) },
        { "name", offsetof(Ec2Image, name) },
        { "description", offsetof(Ec2Image, description) },
        { "imageOwnerId", offsetof(Ec2Image, owner_id) },
        { "stateReason/message", offsetof(Ec2Image, state_message) },
        { "creationDate", offsetof(Ec2Image, creation_date) },
        { "imageLocation", offsetof(Ec2Image, location) },
        { "sourceInstanceId", offsetof(Ec2Image, source_instance_id) },
        { "sourceImageId", offsetof(Ec2Image, source_image_id) },
        { "deregistrationProtection", offsetof(Ec2Image, deregistration_protection) },
        { "deprecationTime", offsetof(Ec2Image, deprecation_time) },
        { "architecture", offsetof(Ec2Image, architecture) },
        { "rootDeviceName", offsetof(Ec2Image, root_device_name) },
        { "rootDeviceType", offsetof(Ec2Image, root_device_type) },
        { "virtualizationType", offsetof(Ec2Image, virtualization_type) },
        { "bootMode", offsetof(Ec2Image, boot_mode) },
        { "tpmSupport", offsetof(Ec2Image, tpm_support) },
        { "imdsSupport", offsetof(Ec2Image, imds_support) },
        { "sriovNetSupport", offsetof(Ec2Image, sriov_net_support) },
        { "kernelId", offsetof(Ec2Image, kernel_id) },
        { "ramdiskId", offsetof(Ec2Image, ramdisk_id) },
        { "platform", offsetof(Ec2Image, platform) },
};

static const XmlField device_fields[] = {
        { "deviceName", offsetof(Ec2BlockDevice, device_name) },
        { "virtualName", offsetof(Ec2BlockDevice, virtual_name) },
        { "ebs/snapshotId", offsetof(Ec2BlockDevice, snapshot_id) },
        { "ebs/volumeType", offsetof(Ec2BlockDevice, volume_type) },
        { "ebs/kmsKeyId", offsetof(Ec2BlockDevice, kms_key_id) },
};

void ec2_block_device_done(Ec2BlockDevice *device)
{
        xml_free_fields(device_fields, ELEMENTSOF(device_fields), device);
        *device = (Ec2BlockDevice){ 0 };
}

void ec2_image_done(Ec2Image *image)
{
        xml_free_fields(image_fields, ELEMENTSOF(image_fields), image);
        free(image->uefi_data);
        string_list_done(&image->product_codes);
        for (size_t i = 0; i < image->n_devices; i++)
                ec2_block_device_done(&image->devices[i]);
        free(image->devices);
        tag_list_done(&image->tags);
        *image = (Ec2Image){ 0 };
}

void ec2_image_list_done(Ec2ImageList *images)
{
        for (size_t i = 0; i < images->count; i++)
                ec2_image_done(&images->items[i]);
        free(images->items);
        *images = (Ec2ImageList){ 0 };
}

/* --- Reading ---------------------------------------------------------------------------------- */

static Ec2ImageState read_state(const XmlNode *item)
{
        static const struct {
                const char *name;
                Ec2ImageState state;
        } names[] = {
                { "pending", EC2_IMAGE_PENDING },
                { "transient", EC2_IMAGE_PENDING },
                { "available", EC2_IMAGE_AVAILABLE },
                { "failed", EC2_IMAGE_FAILED },
                { "error", EC2_IMAGE_FAILED },
                { "invalid", EC2_IMAGE_FAILED },
                { "deregistered", EC2_IMAGE_FAILED },
                { "disabled", EC2_IMAGE_DISABLED },
        };
        const char *text = xml_text(item, "imageState");

        for (size_t i = 0; text && i < ELEMENTSOF(names); i++)
                if (streq(text, names[i].name))
                        return names[i].state;
        return EC2_IMAGE_STATE_INVALID;
}

static int read_device(const XmlNode *item, Ec2BlockDevice *device)
{
        const XmlNode *ebs = xml_find(item, "ebs");

        device->is_ebs = ebs;
        device->no_device = xml_find(item, "noDevice");
        device->size_gib = xml_u64(ebs, "volumeSize", 0);
        device->iops = xml_u64(ebs, "iops", 0);
        device->throughput = xml_u64(ebs, "throughput", 0);
        device->encrypted = xml_bool(ebs, "encrypted", false);
        device->delete_on_termination = xml_bool(ebs, "deleteOnTermination", false);
        return xml_copy_fields(item, device_fields, ELEMENTSOF(device_fields), device);
}

static int read_devices(const XmlNode *set, Ec2Image *image)
{
        int r = 0;

        for (const XmlNode *item = xml_first(set); item && r >= 0; item = xml_next(item)) {
                Ec2BlockDevice *device = ARRAY_ADD(image->devices, image->n_devices);

                r = device ? read_device(item, device) : -ENOMEM;
        }
        return r;
}

static int read_image(const XmlNode *item, Ec2Image *image)
{
        int r;

        image->state = read_state(item);
        image->ena_support = xml_bool(item, "enaSupport", false);
        image->is_public = xml_bool(item, "isPublic", false);
        r = xml_copy_fields(item, image_fields, ELEMENTSOF(image_fields), image);
        if (image->creation_date)
                (void)timestamp_parse(image->creation_date, &image->created_usec);
        if (r >= 0)
                r = read_devices(xml_find(item, "blockDeviceMapping"), image);
        if (r >= 0)
                r = ec2_read_product_codes(item, &image->product_codes);
        return r < 0 ? r : tag_list_read(xml_find(item, "tagSet"), &image->tags);
}

/* --- Filters ---------------------------------------------------------------------------------- */

static int write_tag_filter(const Ec2ImageFilter *filter, Query *query)
{
        _cleanup_(freep) char *name = NULL;

        if (!filter->tag_key)
                return -EINVAL;
        if (string_printf(&name, "tag:%s", filter->tag_key) < 0)
                return -ENOMEM;
        query_add_filter(query, 1, name, filter->tag_value);
        return 0;
}

static int write_filter(const Ec2ImageFilter *filter, Query *query)
{
        const StringList *list = filter->ids ? filter->ids : filter->snapshot_ids;

        if (list && list->count > EC2_FILTER_VALUES_MAX)
                return -E2BIG;
        if (filter->id)
                query_add(query, "ImageId.1", filter->id);
        else if (!filter->ids)
                query_add(query, "Owner.1", "self");
        if (filter->id || filter->all)
                return 0;
        if (filter->ids)
                query_add_filter_list(query, 1, "image-id", filter->ids);
        else if (filter->snapshot_ids)
                query_add_filter_list(
                        query, 1, "block-device-mapping.snapshot-id", filter->snapshot_ids);
        else if (filter->name)
                query_add_filter(query, 1, "name", filter->name);
        else if (filter->location)
                query_add_filter(query, 1, "manifest-location", filter->location);
        else
                return write_tag_filter(filter, query);
        return 0;
}

bool ec2_image_uses(const Ec2Image *image, const char *snapshot_id)
{
        for (size_t i = 0; i < image->n_devices; i++)
                if (streq_ptr(image->devices[i].snapshot_id, snapshot_id))
                        return true;
        return false;
}

static bool uses_any(const Ec2Image *image, const StringList *snapshot_ids)
{
        for (size_t i = 0; i < snapshot_ids->count; i++)
                if (ec2_image_uses(image, snapshot_ids->items[i]))
                        return true;
        return false;
}

static bool filter_fits(const Ec2ImageFilter *filter, const Ec2Image *image)
{
        if (filter->id)
                return streq_ptr(image->id, filter->id);
        if (filter->ids)
                return string_list_contains(filter->ids, image->id);
        if (filter->snapshot_ids)
                return uses_any(image, filter->snapshot_ids);
        if (filter->all)
                return true;
        if (filter->name)
                return streq_ptr(image->name, filter->name);
        if (filter->location)
                return streq_ptr(image->location, filter->location);
        return streq_ptr(tag_list_get(&image->tags, filter->tag_key), filter->tag_value);
}

/* A service that does not know a filter lists everything, and what is found may be deregistered. */
static void keep_fitting(const Ec2ImageFilter *filter, Ec2ImageList *images)
{
        size_t kept = 0;

        for (size_t i = 0; i < images->count; i++) {
                if (filter_fits(filter, &images->items[i]))
                        images->items[kept++] = images->items[i];
                else
                        ec2_image_done(&images->items[i]);
        }
        images->count = kept;
}

/* --- Verbs ------------------------------------------------------------------------------------ */

typedef struct Listing {
        const Ec2ImageFilter *filter;
        Ec2OnImages on_images;
        void *userdata;
} Listing;

static int on_page(void *userdata, const XmlNode *root)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        const XmlNode *item = xml_first(xml_find(root, "imagesSet"));
        const Listing *listing = userdata;
        int r = 0;

        for (; item && r >= 0; item = xml_next(item)) {
                Ec2Image *image;

                if (!xml_text(item, "imageId"))
                        continue;
                image = ARRAY_ADD(images.items, images.count);
                r = image ? read_image(item, image) : -ENOMEM;
        }
        if (r < 0)
                return r;
        keep_fitting(listing->filter, &images);
        return listing->on_images(listing->userdata, &images);
}

/* Disabled ones are left out unless asked for; EC2 takes MaxResults or ids, not both. */
static int call_describe(AwsClient *client, Listing *listing, Ec2Flags flags, bool is_new,
        ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        int r;

        ec2_begin(&query, "DescribeImages");
        r = write_filter(listing->filter, &query);
        if (r < 0)
                return r;
        if (is_new)
                query_add_bool(&query, "IncludeDisabled", true);
        if (is_new && !listing->filter->id)
                query_add(&query, "MaxResults", EC2_PAGE_ITEMS);
        return ec2_call_pages(client, &query, flags, on_page, listing, reterr);
}

/* Both parameters are of 2023, and a compatible cloud may know neither: then all come at once. */
static int list_images(AwsClient *client, Listing *listing, Ec2Flags flags, ApiError *reterr)
{
        int r = call_describe(client, listing, flags, /* is_new= */ true, reterr);

        if (r != EC2_E_REFUSED || !ec2_is_unknown_parameter(reterr))
                return r;
        return call_describe(client, listing, flags, /* is_new= */ false, reterr);
}

int ec2_list_images(AwsClient *client, const Ec2ImageFilter *filter, Ec2OnImages on_images,
        void *userdata, ApiError *reterr)
{
        Listing listing = { .filter = filter, .on_images = on_images, .userdata = userdata };

        return list_images(client, &listing, /* flags= */ 0, reterr);
}

static int collect(void *userdata, Ec2ImageList *page)
{
        Ec2ImageList *images = userdata;

        for (size_t i = 0; i < page->count; i++) {
                Ec2Image *image = ARRAY_ADD(images->items, images->count);

                if (!image)
                        return -ENOMEM;
                *image = page->items[i];
                page->items[i] = (Ec2Image){ 0 };
        }
        return 0;
}

int ec2_describe_images(AwsClient *client, const Ec2ImageFilter *filter, Ec2Flags flags,
        Ec2ImageList *ret, ApiError *reterr)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        Listing listing = { .filter = filter, .on_images = collect, .userdata = &images };
        int r = list_images(client, &listing, flags, reterr);

        if (r != 0)
                return r;
        if (filter->id && images.count == 0)
                return api_error_set(reterr, NULL, "There is no such image") < 0 ? -ENOMEM :
                                                                                   EC2_E_NOT_FOUND;
        *ret = images;
        images = (Ec2ImageList){ 0 };
        return 0;
}
