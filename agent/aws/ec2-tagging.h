/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Tags put on what exists already. */

#include "aws/ec2.h"
#include "aws/tags.h"
#include "base/list.h"

/*
 * Adds `tags` to all of `ids`, which are at most EC2_IDS_MAX. 0, NOT_FOUND and the common outcomes.
 */
int ec2_create_tags(AwsClient *client, const StringList *ids, const TagList *tags, Ec2Flags flags,
        ApiError *reterr);
