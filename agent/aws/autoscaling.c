/* SPDX-License-Identifier: Apache-2.0 */
/* EC2 Auto Scaling: what the groups of an account launch from. */

#include "aws/autoscaling.h"

#include "aws/query-call.h"

#define API_VERSION "2011-01-01"
#define PAGE_RECORDS 100 /* the most that both calls take */

static const XmlField source_fields[] = {
        { "AutoScalingGroupName", offsetof(AutoScalingSource, group) },
        { "LaunchConfigurationName", offsetof(AutoScalingSource, configuration) },
        { "LaunchTemplateId", offsetof(AutoScalingSource, template_id) },
        { "LaunchTemplateName", offsetof(AutoScalingSource, template_name) },
        { "Version", offsetof(AutoScalingSource, version) },
        { "ImageId", offsetof(AutoScalingSource, image_id) },
};

static const XmlField configuration_fields[] = {
        { "LaunchConfigurationName", offsetof(AutoScalingConfiguration, name) },
        { "ImageId", offsetof(AutoScalingConfiguration, image_id) },
};

void autoscaling_source_list_done(AutoScalingSourceList *sources)
{
        for (size_t i = 0; i < sources->count; i++)
                xml_free_fields(source_fields, ELEMENTSOF(source_fields), &sources->items[i]);
        free(sources->items);
        *sources = (AutoScalingSourceList){ 0 };
}

void autoscaling_configuration_list_done(AutoScalingConfigurationList *configurations)
{
        for (size_t i = 0; i < configurations->count; i++) {
                xml_free_fields(configuration_fields, ELEMENTSOF(configuration_fields),
                        &configurations->items[i]);
                string_list_done(&configurations->items[i].snapshots);
        }
        free(configurations->items);
        *configurations = (AutoScalingConfigurationList){ 0 };
}

/* --- Groups ----------------------------------------------------------------------------------- */

/* `node` has some of the fields, or is NULL: nothing to add. */
static int add_source(AutoScalingSourceList *sources, const char *group, const XmlNode *node)
{
        AutoScalingSource *source;

        if (!xml_first(node))
                return 0;
        source = ARRAY_ADD(sources->items, sources->count);
        if (!source ||
                xml_copy_fields(node, source_fields, ELEMENTSOF(source_fields), source) < 0)
                return -ENOMEM;
        return source->group ? 0 : string_replace(&source->group, group);
}

static int read_overrides(AutoScalingSourceList *sources, const char *group, const XmlNode *member)
{
        int r = 0;

        for (; member && r >= 0; member = xml_next(member)) {
                r = add_source(sources, group, xml_find(member, "LaunchTemplateSpecification"));
                if (r >= 0 && xml_text(member, "ImageId"))
                        r = add_source(sources, group, member);
        }
        return r;
}

static int read_group(AutoScalingSourceList *sources, const XmlNode *member)
{
        const XmlNode *mixed = xml_find(member, "MixedInstancesPolicy/LaunchTemplate");
        const char *group = xml_text(member, "AutoScalingGroupName");
        int r = 0;

        if (!group)
                return 0;
        if (xml_text(member, "LaunchConfigurationName"))
                r = add_source(sources, group, member);
        if (r >= 0)
                r = add_source(sources, group, xml_find(member, "LaunchTemplate"));
        if (r >= 0)
                r = add_source(sources, group, xml_find(mixed, "LaunchTemplateSpecification"));
        return r < 0 ? r : read_overrides(sources, group, xml_first(xml_find(mixed, "Overrides")));
}

static int on_groups(void *userdata, const XmlNode *root)
{
        const XmlNode *groups = xml_find(root, "DescribeAutoScalingGroupsResult/AutoScalingGroups");
        int r = 0;

        for (const XmlNode *one = xml_first(groups); one && r >= 0; one = xml_next(one))
                r = read_group(userdata, one);
        return r;
}

/* --- Configurations --------------------------------------------------------------------------- */

static int read_configuration(const XmlNode *member, AutoScalingConfiguration *configuration)
{
        const XmlNode *device = xml_first(xml_find(member, "BlockDeviceMappings"));
        int r = xml_copy_fields(member, configuration_fields, ELEMENTSOF(configuration_fields),
                configuration);

        for (; device && r >= 0; device = xml_next(device)) {
                const char *id = xml_text(device, "Ebs/SnapshotId");

                if (id)
                        r = string_list_add(&configuration->snapshots, id);
        }
        return r;
}

static int on_configurations(void *userdata, const XmlNode *root)
{
        AutoScalingConfigurationList *found = userdata;
        const XmlNode *member = xml_first(
                xml_find(root, "DescribeLaunchConfigurationsResult/LaunchConfigurations"));
        int r = 0;

        for (; member && r >= 0; member = xml_next(member)) {
                AutoScalingConfiguration *one;

                if (!xml_text(member, "LaunchConfigurationName"))
                        continue;
                one = ARRAY_ADD(found->items, found->count);
                r = one ? read_configuration(member, one) : -ENOMEM;
        }
        return r;
}

/* --- The calls -------------------------------------------------------------------------------- */

static int describe(AwsClient *client, const char *action, const QueryPager *pager,
        ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;

        query_begin(&query, action, API_VERSION);
        query_add_u64(&query, "MaxRecords", PAGE_RECORDS);
        return query_call_pages(client, &query, pager, reterr);
}

int autoscaling_describe_groups(AwsClient *client, AutoScalingSourceList *ret, ApiError *reterr)
{
        _cleanup_(autoscaling_source_list_done) AutoScalingSourceList sources = { 0 };
        const QueryPager pager = {
                .token_path = "DescribeAutoScalingGroupsResult/NextToken",
                .on_page = on_groups,
                .userdata = &sources,
        };
        int r = describe(client, "DescribeAutoScalingGroups", &pager, reterr);

        if (r != 0)
                return r;
        *ret = sources;
        sources = (AutoScalingSourceList){ 0 };
        return 0;
}

int autoscaling_describe_configurations(AwsClient *client, AutoScalingConfigurationList *ret,
        ApiError *reterr)
{
        _cleanup_(autoscaling_configuration_list_done) AutoScalingConfigurationList found = { 0 };
        const QueryPager pager = {
                .token_path = "DescribeLaunchConfigurationsResult/NextToken",
                .on_page = on_configurations,
                .userdata = &found,
        };
        int r = describe(client, "DescribeLaunchConfigurations", &pager, reterr);

        if (r != 0)
                return r;
        *ret = found;
        found = (AutoScalingConfigurationList){ 0 };
        return 0;
}
