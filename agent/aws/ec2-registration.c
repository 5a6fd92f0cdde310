/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing an image into being, and taking it away again. */

#include "aws/ec2-registration.h"

/* --- CreateImage ------------------------------------------------------------------------------ */

int ec2_prepare_create_image(AwsClient *client, const Ec2CreateImage *arguments, Ec2Request **ret)
{
        const StringList *excluded = arguments->exclude_devices;
        _cleanup_(query_done) Query query = QUERY_INIT;

        ec2_begin(&query, "CreateImage");
        query_add(&query, "InstanceId", arguments->instance_id);
        query_add(&query, "Name", arguments->name);
        query_add(&query, "Description", arguments->description);
        query_add_bool(&query, "NoReboot", !arguments->reboot);
        for (size_t i = 0; excluded && i < excluded->count; i++) {
                query_addf(&query, excluded->items[i], "BlockDeviceMapping.%zu.DeviceName", i + 1);
                query_addf(&query, "", "BlockDeviceMapping.%zu.NoDevice", i + 1);
        }
        tag_list_write(arguments->image_tags, &query, 1, "image");
        tag_list_write(arguments->snapshot_tags, &query, 2, "snapshot");
        return ec2_request_new(client, &query, "imageId", ret);
}

const char *ec2_request_image_id(const Ec2Request *request)
{
        return xml_text(ec2_request_reply(request), "imageId");
}

/* --- RegisterImage ---------------------------------------------------------------------------- */

static bool is_one_of(const char *type, const char *const *types)
{
        for (; type && *types; types++)
                if (streq(type, *types))
                        return true;
        return false;
}

/*
 * DescribeVolumes tells IOPS and throughput of types that take none (the burst baseline of gp2),
 * and RegisterImage refuses those; and whether a volume is encrypted follows from its snapshot: see
 * EbsBlockDevice in the EC2 API reference.
 */
static void write_ebs(const Ec2BlockDevice *device, size_t index, Query *query)
{
        static const char *const with_iops[] = { "gp3", "io1", "io2", NULL };
        char number[24];

        query_addf(query, device->snapshot_id, "BlockDeviceMapping.%zu.Ebs.SnapshotId", index);
        query_addf(query, device->volume_type, "BlockDeviceMapping.%zu.Ebs.VolumeType", index);
        if (device->size_gib > 0) {
                (void)snprintf(
                        number, sizeof(number), "%llu", (unsigned long long)device->size_gib);
                query_addf(query, number, "BlockDeviceMapping.%zu.Ebs.VolumeSize", index);
        }
        if (device->iops > 0 && is_one_of(device->volume_type, with_iops)) {
                (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)device->iops);
                query_addf(query, number, "BlockDeviceMapping.%zu.Ebs.Iops", index);
        }
        if (device->throughput > 0 && streq_ptr(device->volume_type, "gp3")) {
                (void)snprintf(number, sizeof(number), "%llu",
                        (unsigned long long)device->throughput);
                query_addf(query, number, "BlockDeviceMapping.%zu.Ebs.Throughput", index);
        }
        query_addf(query, device->delete_on_termination ? "true" : "false",
                "BlockDeviceMapping.%zu.Ebs.DeleteOnTermination", index);
}

static void write_device(const Ec2BlockDevice *device, size_t index, Query *query)
{
        query_addf(query, device->device_name, "BlockDeviceMapping.%zu.DeviceName", index);
        query_addf(query, device->virtual_name, "BlockDeviceMapping.%zu.VirtualName", index);
        if (device->no_device)
                query_addf(query, "", "BlockDeviceMapping.%zu.NoDevice", index);
        if (device->is_ebs)
                write_ebs(device, index, query);
}

static void write_image(const Ec2Image *image, Query *query)
{
        query_add(query, "ImageLocation", image->location);
        query_add(query, "Name", image->name);
        query_add(query, "Description", image->description);
        query_add(query, "Architecture", image->architecture);
        query_add(query, "RootDeviceName", image->root_device_name);
        query_add(query, "VirtualizationType", image->virtualization_type);
        query_add(query, "BootMode", image->boot_mode);
        query_add(query, "TpmSupport", image->tpm_support);
        query_add(query, "ImdsSupport", image->imds_support);
        query_add(query, "SriovNetSupport", image->sriov_net_support);
        query_add(query, "KernelId", image->kernel_id);
        query_add(query, "RamdiskId", image->ramdisk_id);
        query_add(query, "UefiData", image->uefi_data);
        if (image->ena_support) /* it must not be said of a paravirtual image */
                query_add_bool(query, "EnaSupport", true);
        for (size_t i = 0; i < image->n_devices; i++)
                write_device(&image->devices[i], i + 1, query);
        tag_list_write(&image->tags, query, 1, "image");
}

int ec2_register_image(AwsClient *client, const Ec2Image *image, char **ret_id, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;
        int r;

        ec2_begin(&query, "RegisterImage");
        write_image(image, &query);
        r = ec2_call(client, &query, EC2_UNREPEATABLE, &reply, reterr);
        if (r != 0)
                return r;
        if (!xml_text(xml_root(reply), "imageId"))
                return api_error_set(reterr, NULL, "The answer does not name the image") < 0 ?
                        -ENOMEM :
                        EC2_E_LOST;
        return xml_copy(xml_root(reply), "imageId", ret_id);
}

/* --- DeregisterImage -------------------------------------------------------------------------- */

static int call_deregister(AwsClient *client, const char *id, bool with_snapshots, Xml **ret,
        ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;

        ec2_begin(&query, "DeregisterImage");
        query_add(&query, "ImageId", id);
        if (with_snapshots)
                query_add_bool(&query, "DeleteAssociatedSnapshots", true);
        return ec2_call(client, &query, /* flags= */ 0, ret, reterr);
}

static int read_deleted(const XmlNode *root, StringList *ret)
{
        _cleanup_(string_list_done) StringList deleted = STRING_LIST_INIT;
        const XmlNode *item = xml_first(xml_find(root, "deleteSnapshotResultSet"));

        for (; item; item = xml_next(item)) {
                const char *id = xml_text(item, "snapshotId");

                if (id && streq_ptr(xml_text(item, "returnCode"), "success") &&
                        string_list_add(&deleted, id) < 0)
                        return -ENOMEM;
        }
        *ret = deleted;
        deleted = STRING_LIST_INIT;
        return 0;
}

int ec2_deregister_image(AwsClient *client, const char *id, StringList *ret_deleted,
        ApiError *reterr)
{
        _cleanup_(xml_freep) Xml *reply = NULL;
        int r = call_deregister(client, id, /* with_snapshots= */ true, &reply, reterr);

        /* The parameter is of 2025, younger than many a compatible cloud. */
        if (r == EC2_E_REFUSED && ec2_is_unknown_parameter(reterr))
                r = call_deregister(client, id, /* with_snapshots= */ false, &reply, reterr);
        if (r != 0 && r != EC2_E_NOT_FOUND)
                return r;
        return read_deleted(xml_root(reply), ret_deleted);
}
