/* SPDX-License-Identifier: Apache-2.0 */
/* Guards of what somebody launches from. */

#include "aws/autoscaling.h"
#include "aws/ec2-launch-template.h"
#include "aws/ssm.h"
#include "base/text.h"
#include "flow/guard.h"
#include "flow/identify.h"
#include "flow/labels.h"

#define RESOLVE_PREFIX "resolve:ssm:"

/* --- Parameters ------------------------------------------------------------------------------- */

static int doubt_parameter(Guard *guard, const char *name, int outcome, const ApiError *error)
{
        _cleanup_(freep) char *what = NULL;
        bool lacks_key = error->message && strstr(error->message, "kms:"); /* of a SecureString */
        GuardDoubt doubt = { .permission = lacks_key ? "kms:Decrypt" : "ssm:GetParameter" };

        if (string_printf(&what, "what the parameter %s names", name) < 0)
                return -ENOMEM;
        doubt.what = what;
        return guard_doubt(guard, &doubt, outcome, error);
}

/* What the parameter names stays; `who` is the one that refers to it. */
static int hold_parameter(Guard *guard, const char *name, const char *who)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(aws_client_freep) AwsClient *client = NULL;
        _cleanup_(string_list_done) StringList values = STRING_LIST_INIT;
        int r = bake_open_client(
                guard->bake, SSM_SERVICE, aws_client_region(guard->bake->aws), &client);

        if (r < 0)
                return r;
        r = ssm_read_values(client, name, &values, &error);
        if (r == SSM_E_NOT_FOUND)
                return 0;
        if (r != 0)
                return doubt_parameter(guard, name, r, &error);
        for (size_t i = 0; r >= 0 && i < values.count; i++)
                r = guard_hold(guard, values.items[i], "the parameter %s names it%s%s", name,
                        *who ? ", which is used by " : "", who);
        return r;
}

static int add_name(StringList *names, const char *name)
{
        return !name || string_list_contains(names, name) ? 0 : string_list_add(names, name);
}

static int add_names(StringList *names, const char *blank_separated)
{
        _cleanup_(string_list_done) StringList some = STRING_LIST_INIT;
        int r = blank_separated ? string_list_split(&some, blank_separated, " ") : 0;

        for (size_t i = 0; r >= 0 && i < some.count; i++)
                r = add_name(names, some.items[i]);
        return r;
}

/* By the parameter of this profile, and by that of any other which has made one of them. */
int guard_check_published(Guard *guard)
{
        _cleanup_(string_list_done) StringList names = STRING_LIST_INIT;
        int r = add_name(&names, guard->bake->profile.ssm_parameter);

        for (size_t i = 0; r >= 0 && i < guard->n_victims; i++)
                r = add_names(&names, guard->victims[i]->parameter);
        for (size_t i = 0; r >= 0 && i < names.count; i++)
                r = hold_parameter(guard, names.items[i], "");
        return r;
}

/* An image as templates and groups write it: by its id, or by a parameter that names it. */
static int hold_reference(Guard *guard, const char *image, const char *who)
{
        const char *parameter = image ? startswith(image, RESOLVE_PREFIX) : NULL;

        if (!image)
                return 0;
        return parameter ? hold_parameter(guard, parameter, who)
                         : guard_hold(guard, image, "%s uses it", who);
}

/* --- Launch templates ------------------------------------------------------------------------- */

static const GuardDoubt templates_doubt = { "which launch templates use it",
        "ec2:DescribeLaunchTemplateVersions" };

/* EC2 deletes such a snapshot without a word, and every launch fails from then on. */
static int hold_snapshots(Guard *guard, const StringList *snapshots, const char *who)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < snapshots->count; i++)
                r = guard_hold(guard, snapshots->items[i], "%s uses its snapshot %s", who,
                        snapshots->items[i]);
        return r;
}

static int hold_versions(Guard *guard, const Ec2TemplateVersionList *versions, const char *group)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < versions->count; i++) {
                const Ec2TemplateVersion *version = &versions->items[i];
                _cleanup_(freep) char *who = NULL;

                r = string_printf(&who, "%s%sversion %llu of the launch template %s", group,
                        *group ? " by " : "", (unsigned long long)version->version,
                        version->template_name ? version->template_name : version->template_id);
                if (r >= 0)
                        r = hold_reference(guard, version->image_id, who);
                if (r >= 0)
                        r = hold_snapshots(guard, &version->snapshots, who);
        }
        return r;
}

int guard_check_templates(Guard *guard)
{
        _cleanup_(ec2_template_version_list_done) Ec2TemplateVersionList versions = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = ec2_describe_current_templates(guard->bake->aws, &versions, &error);

        return r == 0 ? hold_versions(guard, &versions, "")
                      : guard_doubt(guard, &templates_doubt, r, &error);
}

/* --- Auto Scaling ----------------------------------------------------------------------------- */

/* $Latest and $Default are asked for like any other: the other check may be overridden. */
static int hold_version(Guard *guard, const AutoScalingSource *source)
{
        _cleanup_(ec2_template_version_list_done) Ec2TemplateVersionList versions = { 0 };
        _cleanup_(string_list_done) StringList numbers = STRING_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const Ec2TemplateKey key = { source->template_id, source->template_name };
        _cleanup_(freep) char *group = NULL;
        int r;

        if (string_list_add(&numbers, source->version ? source->version : "$Default") < 0 ||
                string_printf(&group, "the Auto Scaling group %s", source->group) < 0)
                return -ENOMEM;
        r = ec2_describe_template_versions(
                guard->bake->aws, key, &numbers, &versions, &error);
        if (r == EC2_E_NOT_FOUND)
                return 0;
        return r == 0 ? hold_versions(guard, &versions, group)
                      : guard_doubt(guard, &templates_doubt, r, &error);
}

static int hold_source(Guard *guard, const AutoScalingSource *source)
{
        _cleanup_(freep) char *group = NULL;
        int r = 0;

        if (string_printf(&group, "the Auto Scaling group %s", source->group) < 0)
                return -ENOMEM;
        if (source->image_id)
                r = hold_reference(guard, source->image_id, group);
        if (r < 0 || (!source->template_id && !source->template_name))
                return r;
        return hold_version(guard, source);
}

static int hold_groups(Guard *guard, AwsClient *client)
{
        static const GuardDoubt doubt = { "which Auto Scaling groups use it",
                "autoscaling:DescribeAutoScalingGroups" };
        _cleanup_(autoscaling_source_list_done) AutoScalingSourceList sources = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = autoscaling_describe_groups(client, &sources, &error);

        if (r != 0)
                return guard_doubt(guard, &doubt, r, &error);
        for (size_t i = 0; r >= 0 && i < sources.count; i++)
                r = hold_source(guard, &sources.items[i]);
        return r;
}

static int hold_configuration(Guard *guard, const AutoScalingConfiguration *configuration)
{
        _cleanup_(freep) char *who = NULL;
        int r = string_printf(&who, "the launch configuration %s", configuration->name);

        if (r >= 0)
                r = hold_reference(guard, configuration->image_id, who);
        return r < 0 ? r : hold_snapshots(guard, &configuration->snapshots, who);
}

static int hold_configurations(Guard *guard, AwsClient *client)
{
        static const GuardDoubt doubt = { "which launch configurations use it",
                "autoscaling:DescribeLaunchConfigurations" };
        _cleanup_(autoscaling_configuration_list_done) AutoScalingConfigurationList found = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = autoscaling_describe_configurations(client, &found, &error);

        if (r != 0)
                return guard_doubt(guard, &doubt, r, &error);
        for (size_t i = 0; r >= 0 && i < found.count; i++)
                r = hold_configuration(guard, &found.items[i]);
        return r;
}

int guard_check_auto_scaling(Guard *guard)
{
        _cleanup_(aws_client_freep) AwsClient *client = NULL;
        Bake *bake = guard->bake;
        int r = bake_open_client(bake, AUTOSCALING_SERVICE, aws_client_region(bake->aws), &client);

        if (r >= 0)
                r = hold_groups(guard, client);
        return r < 0 ? r : hold_configurations(guard, client);
}

/* --- Verification ----------------------------------------------------------------------------- */

int guard_check_verification(Guard *guard)
{
        static const GuardDoubt doubt = { "whether it is being verified", "ec2:DescribeInstances" };
        _cleanup_(ec2_instance_list_done) Ec2InstanceList instances = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Ec2InstanceFilter filter = { .tag_key = LABEL_VERIFY };
        int r = ec2_describe_instances(guard->bake->aws, &filter, &instances, &error);

        if (r != 0)
                return guard_doubt(guard, &doubt, r, &error);
        for (size_t i = 0; r >= 0 && i < instances.count; i++)
                if (instances.items[i].image_id &&
                        !streq_ptr(instances.items[i].state, "terminated"))
                        r = guard_hold(guard, instances.items[i].image_id,
                                "the instance %s verifies it", instances.items[i].id);
        return r;
}
