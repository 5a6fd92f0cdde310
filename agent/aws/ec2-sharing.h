/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whom images and snapshots are shared with; to add one that is there already changes nothing. */

#include "aws/ec2.h"

/*
 * With accounts, organizations and organizational units, these by their ARNs: all or none. 0,
 * NOT_FOUND and the common outcomes, as the next one.
 */
int ec2_share_image(AwsClient *client, const char *id, const StringList *with, ApiError *reterr);

/* With accounts. */
int ec2_share_snapshot(
        AwsClient *client, const char *id, const StringList *accounts, ApiError *reterr);
