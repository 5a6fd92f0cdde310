/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Launch templates: which image a version of one launches from. */

#include "aws/ec2.h"
#include "base/list.h"

typedef struct Ec2TemplateVersion {
        char *template_id;
        char *template_name;
        char *image_id; /* as it is written: "ami-..." or "resolve:ssm:NAME"; NULL if it has none */
        StringList snapshots; /* that its volumes are made of */
        uint64_t version;
        bool is_default;
} Ec2TemplateVersion;

typedef struct Ec2TemplateVersionList {
        Ec2TemplateVersion *items;
        size_t count;
} Ec2TemplateVersionList;

void ec2_template_version_list_done(Ec2TemplateVersionList *versions);

/* The latest and the default version of every template. 0 and the common outcomes. */
int ec2_describe_current_templates(AwsClient *client, Ec2TemplateVersionList *ret,
        ApiError *reterr);

/* Which template: by its id, or where that is NULL by its name, which is as unique in a region. */
typedef struct Ec2TemplateKey {
        const char *id;
        const char *name;
} Ec2TemplateKey;

/*
 * Adds some versions of one template ("7", "$Latest"), which are at most EC2_VERSIONS_MAX. 0,
 * NOT_FOUND (the template, or one of the versions) and the common outcomes.
 */
#define EC2_VERSIONS_MAX 200
int ec2_describe_template_versions(AwsClient *client, Ec2TemplateKey key,
        const StringList *numbers, Ec2TemplateVersionList *versions, ApiError *reterr);
