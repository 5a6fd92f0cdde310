/* SPDX-License-Identifier: Apache-2.0 */
/* What an image registered from snapshots takes over from its instance. */

#include "flow/spec.h"

#include "base/text.h"

/* The text members that RegisterImage takes, under their names in the spec. */
static const struct {
        const char *key;
        size_t offset;
} texts[] = {
        { "architecture", offsetof(Ec2Image, architecture) },
        { "root-device-name", offsetof(Ec2Image, root_device_name) },
        { "virtualization-type", offsetof(Ec2Image, virtualization_type) },
        { "boot-mode", offsetof(Ec2Image, boot_mode) },
        { "tpm-support", offsetof(Ec2Image, tpm_support) },
        { "imds-support", offsetof(Ec2Image, imds_support) },
        { "sriov-net-support", offsetof(Ec2Image, sriov_net_support) },
        { "kernel-id", offsetof(Ec2Image, kernel_id) },
        { "ramdisk-id", offsetof(Ec2Image, ramdisk_id) },
        { "uefi-data", offsetof(Ec2Image, uefi_data) },
};

/*
 * DescribeVolumes tells the IOPS of every SSD, and RegisterImage refuses them for types where they
 * follow from the size: EC2 API Reference, EbsBlockDevice.
 */
static bool takes_iops(const char *type)
{
        return streq_ptr(type, "gp3") || streq_ptr(type, "io1") || streq_ptr(type, "io2");
}

static json_t *device_to_json(const Ec2Attachment *attached, const Ec2Volume *volume)
{
        const Ec2Volume none = { 0 };

        if (!volume)
                volume = &none;
        return json_pack("{s:s,s:s,s:b,s:s*,s:I,s:I,s:I}", "device-name", attached->device_name,
                "volume-id", attached->volume_id, "delete-on-termination",
                attached->delete_on_termination, "volume-type", volume->type, "size-gib",
                (json_int_t)volume->size_gib, "iops",
                (json_int_t)(takes_iops(volume->type) ? volume->iops : 0), "throughput",
                (json_int_t)(streq_ptr(volume->type, "gp3") ? volume->throughput : 0));
}

static bool is_attached(const Ec2Instance *instance, const char *device_name)
{
        for (size_t i = 0; i < instance->n_attachments; i++)
                if (streq_ptr(instance->attachments[i].device_name, device_name))
                        return true;
        return false;
}

/*
 * Instance-store disks, and devices that are to stay away, are no part of the instance's mapping: the
 * source image knows them. A volume attached in such a place since comes first, as RegisterImage
 * takes each device name once.
 */
static json_t *mapping_to_json(const Ec2BlockDevice *device)
{
        if (device->virtual_name)
                return json_pack("{s:s,s:s}", "device-name", device->device_name, "virtual-name",
                        device->virtual_name);
        return json_pack("{s:s,s:b}", "device-name", device->device_name, "no-device", true);
}

static json_t *devices_to_json(const SpecInput *input)
{
        const Ec2Instance *instance = input->instance;
        const Ec2Image *source = input->source;
        json_t *devices = json_array();
        int r = 0;

        for (size_t i = 0; i < instance->n_attachments; i++) {
                const Ec2Attachment *attached = &instance->attachments[i];

                if (string_list_contains(&input->plan->volumes, attached->volume_id))
                        r |= json_array_append_new(devices,
                                device_to_json(attached,
                                        ec2_volume_list_find(input->volumes, attached->volume_id)));
        }
        for (size_t i = 0; source && i < source->n_devices; i++) {
                const Ec2BlockDevice *device = &source->devices[i];

                if ((device->virtual_name || device->no_device) &&
                        !is_attached(instance, device->device_name))
                        r |= json_array_append_new(devices, mapping_to_json(device));
        }
        if (r < 0)
                return json_decref(devices), NULL;
        return devices;
}

static const char *first_of(const char *a, const char *b)
{
        return a ? a : b;
}

/*
 * What the instance booted with is not asked: an image without a boot mode leaves that to the type
 * of each instance (EC2 User Guide, "Boot modes"), and so does what is made of it.
 */
static const char *boot_mode(const SpecInput *input)
{
        const char *asked = input->instance->boot_mode;

        if (input->source)
                return first_of(asked, input->source->boot_mode);
        return first_of(asked, input->instance->current_boot_mode);
}

/* An instance that lives without IMDSv1 was launched from what can: the default must not fall back. */
static const char *imds_support(const SpecInput *input)
{
        if (input->source)
                return input->source->imds_support;
        return streq_ptr(input->instance->http_tokens, "required") ? "v2.0" : NULL;
}

int spec_make(const SpecInput *input, json_t **ret)
{
        const Ec2Instance *instance = input->instance;
        const Ec2Image none = { 0 };
        const Ec2Image *source = input->source ? input->source : &none;
        json_t *spec;

        spec = json_pack("{s:s*,s:s*,s:s*,s:s*,s:s*,s:s*,s:s*,s:s*,s:s*,s:s*,s:b,s:o}",
                "architecture", instance->architecture, "root-device-name",
                instance->root_device_name, "virtualization-type", instance->virtualization_type,
                "boot-mode", boot_mode(input), "tpm-support",
                first_of(source->tpm_support, instance->tpm_support), "imds-support",
                imds_support(input), "sriov-net-support",
                instance->sriov_net_support, "kernel-id",
                instance->kernel_id, "ramdisk-id", instance->ramdisk_id, "uefi-data",
                input->uefi_data, "ena-support", instance->ena_support,
                "devices", devices_to_json(input));
        if (!spec)
                return -ENOMEM;
        *ret = spec;
        return 0;
}

static int copy_text(char **target, const char *value)
{
        return value ? string_replace(target, value) : 0;
}

static int device_from_json(const json_t *device, const Ec2SnapshotList *snapshots,
        Ec2BlockDevice *ret)
{
        const char *volume_id = json_get_string(device, "volume-id", NULL);
        const Ec2Snapshot *snapshot =
                volume_id ? ec2_snapshot_list_find_volume(snapshots, volume_id) : NULL;

        if (volume_id && !snapshot)
                return -ENOENT;
        ret->is_ebs = volume_id;
        ret->no_device = json_get_bool(device, "no-device", false);
        ret->delete_on_termination = json_get_bool(device, "delete-on-termination", false);
        ret->size_gib = json_get_u64(device, "size-gib", 0);
        ret->iops = json_get_u64(device, "iops", 0);
        ret->throughput = json_get_u64(device, "throughput", 0);
        if (copy_text(&ret->device_name, json_get_string(device, "device-name", NULL)) < 0 ||
                copy_text(&ret->virtual_name, json_get_string(device, "virtual-name", NULL)) < 0 ||
                copy_text(&ret->volume_type, json_get_string(device, "volume-type", NULL)) < 0 ||
                copy_text(&ret->snapshot_id, snapshot ? snapshot->id : NULL) < 0)
                return -ENOMEM;
        return 0;
}

static int devices_from_json(const json_t *spec, const Ec2SnapshotList *snapshots, Ec2Image *image)
{
        json_t *device;
        size_t i;

        json_array_foreach(json_object_get(spec, "devices"), i, device) {
                Ec2BlockDevice *added = ARRAY_ADD(image->devices, image->n_devices);
                int r;

                if (!added)
                        return -ENOMEM;
                r = device_from_json(device, snapshots, added);
                if (r < 0)
                        return r;
        }
        return 0;
}

int spec_to_image(const json_t *spec, const char *name, const char *description,
        const Ec2SnapshotList *snapshots, Ec2Image *ret)
{
        _cleanup_(ec2_image_done) Ec2Image image = { 0 };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (copy_text((char **)((char *)&image + texts[i].offset),
                            json_get_string(spec, texts[i].key, NULL)) < 0)
                        return -ENOMEM;
        image.ena_support = json_get_bool(spec, "ena-support", false);
        if (copy_text(&image.name, name) < 0 || copy_text(&image.description, description) < 0)
                return -ENOMEM;
        r = devices_from_json(spec, snapshots, &image);
        if (r < 0)
                return r;
        *ret = image;
        image = (Ec2Image){ 0 };
        return 0;
}
