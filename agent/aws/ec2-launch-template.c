/* SPDX-License-Identifier: Apache-2.0 */
/* Launch templates: which image a version of one launches from. */

#include "aws/ec2-launch-template.h"

/* Paths in a reply's launchTemplateVersionSet/item. */
static const XmlField version_fields[] = {
        { "launchTemplateId", offsetof(Ec2TemplateVersion, template_id) },
        { "launchTemplateName", offsetof(Ec2TemplateVersion, template_name) },
        { "launchTemplateData/imageId", offsetof(Ec2TemplateVersion, image_id) },
};

void ec2_template_version_list_done(Ec2TemplateVersionList *versions)
{
        for (size_t i = 0; i < versions->count; i++) {
                xml_free_fields(version_fields, ELEMENTSOF(version_fields), &versions->items[i]);
                string_list_done(&versions->items[i].snapshots);
        }
        free(versions->items);
        *versions = (Ec2TemplateVersionList){ 0 };
}

static int read_snapshots(const XmlNode *item, StringList *snapshots)
{
        const XmlNode *device =
                xml_first(xml_find(item, "launchTemplateData/blockDeviceMappingSet"));
        int r = 0;

        for (; device && r >= 0; device = xml_next(device)) {
                const char *id = xml_text(device, "ebs/snapshotId");

                if (id)
                        r = string_list_add(snapshots, id);
        }
        return r;
}

static int on_page(void *userdata, const XmlNode *root)
{
        Ec2TemplateVersionList *versions = userdata;
        const XmlNode *item = xml_first(xml_find(root, "launchTemplateVersionSet"));
        int r = 0;

        for (; item && r >= 0; item = xml_next(item)) {
                Ec2TemplateVersion *version;

                if (!xml_text(item, "launchTemplateId"))
                        continue;
                version = ARRAY_ADD(versions->items, versions->count);
                if (!version)
                        return -ENOMEM;
                version->version = xml_u64(item, "versionNumber", 0);
                version->is_default = xml_bool(item, "defaultVersion", false);
                r = xml_copy_fields(item, version_fields, ELEMENTSOF(version_fields), version);
                if (r >= 0)
                        r = read_snapshots(item, &version->snapshots);
        }
        return r;
}

int ec2_describe_current_templates(AwsClient *client, Ec2TemplateVersionList *ret, ApiError *reterr)
{
        _cleanup_(ec2_template_version_list_done) Ec2TemplateVersionList versions = { 0 };
        _cleanup_(query_done) Query query = QUERY_INIT;
        int r;

        ec2_begin(&query, "DescribeLaunchTemplateVersions");
        query_add(&query, "LaunchTemplateVersion.1", "$Latest");
        query_add(&query, "LaunchTemplateVersion.2", "$Default");
        r = ec2_call_pages(client, &query, /* flags= */ 0, on_page, &versions, reterr);
        if (r != 0)
                return r;
        *ret = versions;
        versions = (Ec2TemplateVersionList){ 0 };
        return 0;
}

int ec2_describe_template_versions(AwsClient *client, Ec2TemplateKey key,
        const StringList *numbers, Ec2TemplateVersionList *versions, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;

        /* Without a version EC2 describes them all. */
        if (numbers->count == 0)
                return 0;
        if (numbers->count > EC2_VERSIONS_MAX)
                return -E2BIG;
        ec2_begin(&query, "DescribeLaunchTemplateVersions");
        if (key.id)
                query_add(&query, "LaunchTemplateId", key.id);
        else
                query_add(&query, "LaunchTemplateName", key.name);
        query_add_list(&query, "LaunchTemplateVersion", numbers);
        return ec2_call_pages(client, &query, /* flags= */ 0, on_page, versions, reterr);
}
