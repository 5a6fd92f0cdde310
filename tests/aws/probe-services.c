/* SPDX-License-Identifier: Apache-2.0 */
/* What aws-probe does with services beside EC2, and with launch templates. */

#include "aws/autoscaling.h"
#include "aws/ec2-launch-template.h"
#include "aws/ssm.h"
#include "tests/aws/probe.h"

/* --- Parameter Store -------------------------------------------------------------------------- */

int probe_get_parameter(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(aws_client_freep) AwsClient *client = probe_client(probe, SSM_SERVICE);
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *value = NULL;
        int r = ssm_get_parameter(client, probe_argument(command, "name"), &value, &error);

        probe_put_error(answer, &error);
        probe_put(answer, "value", value);
        return r;
}

int probe_put_parameter(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(aws_client_freep) AwsClient *client = probe_client(probe, SSM_SERVICE);
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        const SsmParameter parameter = {
                .name = probe_argument(command, "name"),
                .value = probe_argument(command, "value"),
                .data_type = json_get_string(command, "data-type", NULL),
                .description = json_get_string(command, "description", NULL),
                .tags = &tags,
        };
        int r;

        probe_read_tags(json_object_get(command, "tags"), &tags);
        r = ssm_put_parameter(client, &parameter, &error);
        probe_put_error(answer, &error);
        return r;
}

/* --- Launch templates ------------------------------------------------------------------------- */

int probe_describe_templates(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(ec2_template_version_list_done) Ec2TemplateVersionList versions = { 0 };
        _cleanup_(string_list_done) StringList numbers = STRING_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const char *id = json_get_string(command, "id", NULL);
        json_t *array = json_array();
        int r;

        probe_read_strings(json_object_get(command, "versions"), &numbers);
        if (id)
                r = ec2_describe_template_versions(
                        probe->client, (Ec2TemplateKey){ .id = id }, &numbers, &versions, &error);
        else
                r = ec2_describe_current_templates(probe->client, &versions, &error);
        probe_put_error(answer, &error);
        for (size_t i = 0; i < versions.count; i++) {
                const Ec2TemplateVersion *version = &versions.items[i];
                json_t *item = json_object();

                probe_put(item, "id", version->template_id);
                probe_put(item, "name", version->template_name);
                probe_put(item, "image", version->image_id);
                probe_put_number(item, "version", version->version);
                json_object_set_new(item, "is-default", json_boolean(version->is_default));
                json_array_append_new(array, item);
        }
        json_object_set_new(answer, "versions", array);
        return r;
}

/* --- Auto Scaling ----------------------------------------------------------------------------- */

int probe_describe_groups(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(aws_client_freep) AwsClient *client = probe_client(probe, AUTOSCALING_SERVICE);
        _cleanup_(autoscaling_source_list_done) AutoScalingSourceList sources = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        json_t *array = json_array();
        int r = autoscaling_describe_groups(client, &sources, &error);

        probe_put_error(answer, &error);
        for (size_t i = 0; i < sources.count; i++) {
                json_t *item = json_object();

                probe_put(item, "group", sources.items[i].group);
                probe_put(item, "template", sources.items[i].template_id);
                probe_put(item, "name", sources.items[i].template_name);
                probe_put(item, "version", sources.items[i].version);
                probe_put(item, "configuration", sources.items[i].configuration);
                probe_put(item, "image", sources.items[i].image_id);
                json_array_append_new(array, item);
        }
        json_object_set_new(answer, "sources", array);
        return r;
}

int probe_describe_configurations(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(aws_client_freep) AwsClient *client = probe_client(probe, AUTOSCALING_SERVICE);
        _cleanup_(autoscaling_configuration_list_done) AutoScalingConfigurationList found = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        json_t *images = json_object();
        int r = autoscaling_describe_configurations(client, &found, &error);

        probe_put_error(answer, &error);
        for (size_t i = 0; i < found.count; i++)
                probe_put(images, found.items[i].name, found.items[i].image_id);
        json_object_set_new(answer, "images", images);
        return r;
}
