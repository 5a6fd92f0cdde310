/* SPDX-License-Identifier: Apache-2.0 */
/* Instances that are launched from an image, and ended again. */

#include "aws/ec2-launch.h"

#include "base/text.h"

/* Data volumes of an image outlive its instances, as a rule: ours must leave nothing behind. */
static void write_devices(const StringList *devices, Query *query)
{
        for (size_t i = 0; devices && i < devices->count; i++) {
                query_addf(query, devices->items[i], "BlockDeviceMapping.%zu.DeviceName", i + 1);
                query_addf(query, "true", "BlockDeviceMapping.%zu.Ebs.DeleteOnTermination", i + 1);
        }
}

static void write_launch(const Ec2Launch *launch, Query *query)
{
        const char *profile = launch->instance_profile;
        bool is_arn = profile && startswith(profile, "arn:");

        ec2_begin(query, "RunInstances");
        query_add(query, "ImageId", launch->image_id);
        query_add_u64(query, "MinCount", 1);
        query_add_u64(query, "MaxCount", 1);
        query_add(query, "ClientToken", launch->client_token);
        query_add(query, "InstanceType", launch->instance_type);
        query_add(query, "SubnetId", launch->subnet_id);
        query_add(query, is_arn ? "IamInstanceProfile.Arn" : "IamInstanceProfile.Name", profile);
        query_add_list(query, "SecurityGroupId", launch->security_groups);
        /* "can only be used for EBS-backed images" (InvalidParameterCombination) */
        query_add(query, "InstanceInitiatedShutdownBehavior",
                launch->is_on_store ? NULL : "terminate");
        query_add(query, "MetadataOptions.HttpTokens", "required");
        query_add(query, "MetadataOptions.InstanceMetadataTags", "enabled");
        write_devices(launch->devices, query);
        tag_list_write(launch->tags, query, 1, "instance");
        tag_list_write(launch->tags, query, 2, "volume");
}

int ec2_run_instance(AwsClient *client, const Ec2Launch *launch, char **ret_id, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;
        const char *id;
        int r;

        write_launch(launch, &query);
        r = ec2_call(client, &query, /* flags= */ 0, &reply, reterr);
        if (r != 0)
                return r;
        id = xml_text(xml_root(reply), "instancesSet/item/instanceId");
        if (!id)
                return api_error_set(reterr, NULL, "The answer names nothing that was launched") < 0 ?
                        -ENOMEM :
                        EC2_E_LOST;
        return string_replace(ret_id, id);
}

bool ec2_lacks_capacity(const ApiError *error)
{
        return error->code && streq(error->code, "InsufficientInstanceCapacity");
}

int ec2_terminate_instance(AwsClient *client, const char *id, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;

        ec2_begin(&query, "TerminateInstances");
        query_add(&query, "InstanceId.1", id);
        return ec2_call(client, &query, /* flags= */ 0, &reply, reterr);
}
