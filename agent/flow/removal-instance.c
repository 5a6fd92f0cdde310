/* SPDX-License-Identifier: Apache-2.0 */
/* Instances that were launched to prove an image, and run on. */

#include "flow/removal-instance.h"

#include "aws/ec2-launch.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/labels.h"

static bool may_end(const Removal *removal, const Ec2Instance *instance)
{
        return tag_list_get(&instance->tags, LABEL_VERIFY) &&
                !streq_ptr(instance->id, removal->bake->identity.instance_id);
}

static int end_instance(Removal *removal, json_t *entry)
{
        _cleanup_(ec2_instance_done) Ec2Instance instance = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        AwsClient *client = removal->bake->aws;
        int r = ec2_describe_instance(client, entry_id(entry), &instance, &error);

        if (r != 0 && r != EC2_E_NOT_FOUND)
                return removal_leave_api(removal, entry, "DescribeInstances", r, &error);
        if (r == 0 && !may_end(removal, &instance))
                return entry_refuse(entry, FAILURE_PROTECTED,
                        "it carries no tag " LABEL_VERIFY ", and is no verification");
        if (r == 0)
                r = ec2_terminate_instance(client, entry_id(entry), &error);
        if (r != 0 && r != EC2_E_NOT_FOUND)
                return removal_leave_api(removal, entry, "TerminateInstances", r, &error);
        log_notice("Terminated %s", entry_id(entry));
        return json_object_set_new(entry, "done", json_true()) < 0 ? -ENOMEM : 0;
}

int removal_end_instances(Removal *removal)
{
        json_t *entry;
        size_t i;

        json_array_foreach(removal_entries(removal, "instances"), i, entry) {
                int r;

                if (entry_is_settled(entry) || removal->stop)
                        continue;
                r = bake_check_cancelled(removal->bake);
                removal_begin_entry(removal, "instances", i);
                if (r >= 0)
                        r = end_instance(removal, entry);
                if (r >= 0)
                        r = removal_save(removal);
                if (r < 0)
                        return r;
        }
        return 0;
}
