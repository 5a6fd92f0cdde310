/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Instances that are launched from an image, and ended again. */

#include "aws/ec2.h"
#include "aws/tags.h"
#include "base/list.h"

typedef struct Ec2Launch {
        const char *image_id;
        const char *instance_type; /* NULL: EC2 chooses */
        const char *subnet_id; /* likewise */
        const char *instance_profile; /* a name or an ARN; NULL: none */
        bool is_on_store; /* the image's root is an instance store, which ends with any shutdown */
        const StringList *security_groups; /* ids; none: EC2 chooses */
        const StringList *devices; /* of the image's EBS volumes: they end with the instance */
        const TagList *tags; /* of the instance and of its volumes */
        const char *client_token; /* the same token never launches twice: at most 64 characters */
} Ec2Launch;

/*
 * One instance, which a shutdown from inside terminates, and whose metadata service takes tokens
 * only and tells its tags. A repetition with all the same arguments returns the same instance. 0 and
 * its id, NOT_FOUND (the image) and the common outcomes.
 */
int ec2_run_instance(AwsClient *client, const Ec2Launch *launch, char **ret_id, ApiError *reterr);

/* Whether EC2 refused for want of machines, of which it may have some in a moment. */
bool ec2_lacks_capacity(const ApiError *error);

/* 0, also for one that has ended; NOT_FOUND: gone, or not visible yet; the common outcomes. */
int ec2_terminate_instance(AwsClient *client, const char *id, ApiError *reterr);
