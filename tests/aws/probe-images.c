/* SPDX-License-Identifier: Apache-2.0 */
/* What aws-probe does with images. */

#include "aws/ec2-registration.h"
#include "tests/aws/probe.h"

static json_t *devices_to_json(const Ec2Image *image)
{
        json_t *array = json_array();

        for (size_t i = 0; i < image->n_devices; i++) {
                const Ec2BlockDevice *device = &image->devices[i];
                json_t *item = json_object();

                probe_put(item, "device", device->device_name);
                probe_put(item, "snapshot", device->snapshot_id);
                probe_put(item, "type", device->volume_type);
                probe_put_number(item, "iops", device->iops);
                probe_put_number(item, "throughput", device->throughput);
                json_object_set_new(item, "delete", json_boolean(device->delete_on_termination));
                json_array_append_new(array, item);
        }
        return array;
}

int probe_describe_images(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        const Ec2ImageFilter filter = {
                .id = json_get_string(command, "id", NULL),
                .name = json_get_string(command, "name", NULL),
                .tag_key = json_get_string(command, "tag-key", NULL),
                .tag_value = json_get_string(command, "tag-value", NULL),
        };
        json_t *array = json_array();
        int r = ec2_describe_images(probe->client, &filter, probe_flags(command), &images, &error);

        probe_put_error(answer, &error);
        for (size_t i = 0; i < images.count; i++) {
                const Ec2Image *image = &images.items[i];
                json_t *item = json_object();

                probe_put(item, "id", image->id);
                probe_put(item, "name", image->name);
                probe_put(item, "architecture", image->architecture);
                probe_put(item, "boot-mode", image->boot_mode);
                probe_put(item, "tpm-support", image->tpm_support);
                probe_put(item, "imds-support", image->imds_support);
                probe_put(item, "sriov-net-support", image->sriov_net_support);
                probe_put(item, "root-device-name", image->root_device_name);
                json_object_set_new(item, "ena", json_boolean(image->ena_support));
                json_object_set_new(item, "is-available",
                        json_boolean(image->state == EC2_IMAGE_AVAILABLE));
                json_object_set_new(item, "devices", devices_to_json(image));
                json_object_set_new(item, "tags", probe_tags(&image->tags));
                json_array_append_new(array, item);
        }
        json_object_set_new(answer, "images", array);
        return r;
}

static void read_devices(const json_t *array, Ec2Image *image)
{
        size_t i;
        json_t *item;

        json_array_foreach(array, i, item) {
                Ec2BlockDevice *device = ARRAY_ADD(image->devices, image->n_devices);

                *device = (Ec2BlockDevice){
                        .device_name = strdup(probe_argument(item, "device")),
                        .snapshot_id = strdup(probe_argument(item, "snapshot")),
                        .volume_type = strdup(probe_argument(item, "type")),
                        .iops = json_get_u64(item, "iops", 0),
                        .throughput = json_get_u64(item, "throughput", 0),
                        .delete_on_termination = json_get_bool(item, "delete", false),
                        .is_ebs = true,
                };
        }
}

int probe_register_image(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(ec2_image_done) Ec2Image image = {
                .name = strdup(probe_argument(command, "name")),
                .architecture = strdup("x86_64"),
                .root_device_name = strdup("/dev/xvda"),
                .virtualization_type = strdup("hvm"),
                .boot_mode = strdup("uefi-preferred"),
                .tpm_support = strdup("v2.0"),
                .imds_support = strdup("v2.0"),
                .sriov_net_support = strdup("simple"),
                .ena_support = true,
        };
        _cleanup_(freep) char *id = NULL;
        int r;

        read_devices(json_object_get(command, "devices"), &image);
        probe_read_tags(json_object_get(command, "tags"), &image.tags);
        r = ec2_register_image(probe->client, &image, &id, &error);
        probe_put_error(answer, &error);
        probe_put(answer, "id", id);
        return r;
}

int probe_deregister_image(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(string_list_done) StringList deleted = STRING_LIST_INIT;
        int r = ec2_deregister_image(
                probe->client, probe_argument(command, "id"), &deleted, &error);
        json_t *array = json_array();

        probe_put_error(answer, &error);
        for (size_t i = 0; i < deleted.count; i++)
                json_array_append_new(array, json_string(deleted.items[i]));
        json_object_set_new(answer, "deleted", array);
        return r;
}

int probe_prepare_image(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(string_list_done) StringList excluded = STRING_LIST_INIT;
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        const Ec2CreateImage arguments = {
                .instance_id = probe_argument(command, "instance"),
                .name = probe_argument(command, "name"),
                .exclude_devices = &excluded,
                .image_tags = &tags,
                .snapshot_tags = &tags,
        };

        probe_read_strings(json_object_get(command, "exclude"), &excluded);
        probe_read_tags(json_object_get(command, "tags"), &tags);
        probe->request = ec2_request_free(probe->request);
        return ec2_prepare_create_image(probe->client, &arguments, &probe->request);
}
