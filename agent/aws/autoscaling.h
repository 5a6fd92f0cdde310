/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* EC2 Auto Scaling: what the groups of an account launch from. */

#include "aws/client.h"
#include "base/list.h"

#define AUTOSCALING_SERVICE "autoscaling" /* of an AwsClientConfig */

/* One way in which a group launches: from a template, from a configuration, or from an image. */
typedef struct AutoScalingSource {
        char *group;
        char *template_id; /* NULL unless it is a template */
        char *template_name;
        char *version; /* "7", "$Latest", "$Default"; NULL: the default */
        char *configuration; /* the name of a launch configuration, or NULL */
        char *image_id; /* that stands in the group itself, over that of its template; or NULL */
} AutoScalingSource;

typedef struct AutoScalingSourceList {
        AutoScalingSource *items;
        size_t count;
} AutoScalingSourceList;

void autoscaling_source_list_done(AutoScalingSourceList *sources);

/* Of every group, those of its mixed instances policy too. 0, an AwsOutcome, or -ENOMEM. */
int autoscaling_describe_groups(AwsClient *client, AutoScalingSourceList *ret, ApiError *reterr);

typedef struct AutoScalingConfiguration {
        char *name;
        char *image_id;
        StringList snapshots; /* that its volumes are made of */
} AutoScalingConfiguration;

typedef struct AutoScalingConfigurationList {
        AutoScalingConfiguration *items;
        size_t count;
} AutoScalingConfigurationList;

void autoscaling_configuration_list_done(AutoScalingConfigurationList *configurations);

/* Every launch configuration. 0, an AwsOutcome, or -ENOMEM. */
int autoscaling_describe_configurations(AwsClient *client, AutoScalingConfigurationList *ret,
        ApiError *reterr);
