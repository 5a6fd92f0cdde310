/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs of aws-probe about instances that are launched. */

#include "aws/ec2-health.h"
#include "aws/ec2-instance.h"
#include "aws/ec2-launch.h"
#include "tests/aws/probe.h"

int probe_run_instance(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(string_list_done) StringList devices = STRING_LIST_INIT;
        _cleanup_(string_list_done) StringList groups = STRING_LIST_INIT;
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        _cleanup_(freep) char *id = NULL;
        const Ec2Launch launch = {
                .image_id = probe_argument(command, "image"),
                .instance_type = json_get_string(command, "type", NULL),
                .subnet_id = json_get_string(command, "subnet", NULL),
                .instance_profile = json_get_string(command, "profile", NULL),
                .security_groups = &groups,
                .devices = &devices,
                .tags = &tags,
                .client_token = probe_argument(command, "token"),
        };
        int r;

        probe_read_strings(json_object_get(command, "groups"), &groups);
        probe_read_strings(json_object_get(command, "devices"), &devices);
        probe_read_tags(json_object_get(command, "tags"), &tags);
        r = ec2_run_instance(probe->client, &launch, &id, &error);
        probe_put_error(answer, &error);
        probe_put(answer, "id", id);
        json_object_set_new(answer, "lacks-capacity", json_boolean(ec2_lacks_capacity(&error)));
        return r;
}

int probe_terminate_instance(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = ec2_terminate_instance(probe->client, probe_argument(command, "id"), &error);

        probe_put_error(answer, &error);
        return r;
}

int probe_describe_instances(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(ec2_instance_list_done) Ec2InstanceList instances = { 0 };
        _cleanup_(string_list_done) StringList images = STRING_LIST_INIT;
        const Ec2InstanceFilter filter = {
                .image_ids = json_object_get(command, "images") ? &images : NULL,
                .tag_key = json_get_string(command, "tag-key", NULL),
                .tag_value = json_get_string(command, "tag-value", NULL),
        };
        json_t *array = json_array();
        int r;

        probe_read_strings(json_object_get(command, "images"), &images);
        r = ec2_describe_instances(probe->client, &filter, &instances, &error);
        probe_put_error(answer, &error);
        for (size_t i = 0; i < instances.count; i++) {
                const Ec2Instance *instance = &instances.items[i];
                json_t *item = json_object();

                probe_put(item, "id", instance->id);
                probe_put(item, "state", instance->state);
                probe_put(item, "state-message", instance->state_message);
                json_object_set_new(
                        item, "is-alive", json_boolean(ec2_instance_is_alive(instance)));
                json_array_append_new(array, item);
        }
        json_object_set_new(answer, "instances", array);
        return r;
}

int probe_describe_health(Probe *probe, const json_t *command, json_t *answer)
{
        static const char *const checks[] = { "pending", "ok", "impaired" };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(ec2_health_done) Ec2Health health = { 0 };
        int r = ec2_describe_health(
                probe->client, probe_argument(command, "id"), &health, &error);

        probe_put_error(answer, &error);
        probe_put(answer, "state", health.state);
        probe_put(answer, "system", checks[health.system]);
        probe_put(answer, "instance", checks[health.instance]);
        return r;
}

int probe_get_console(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *text = NULL;
        int r = ec2_get_console(probe->client, probe_argument(command, "id"),
                json_get_bool(command, "latest", false), &text, &error);

        probe_put_error(answer, &error);
        probe_put(answer, "text", text);
        json_object_set_new(answer, "lacks-latest", json_boolean(ec2_lacks_latest_console(&error)));
        return r;
}
