/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What speaks against deleting an image or a snapshot, as far as EC2 tells it: locks. */

#include "aws/ec2.h"
#include "base/list.h"

/* Adds the ids of all snapshots of the account that are locked now. 0 and the common outcomes. */
int ec2_list_locked_snapshots(AwsClient *client, StringList *ids, ApiError *reterr);

/*
 * Whether others may launch from the image, or make volumes from the snapshot: accounts,
 * organizations, everybody. 0, NOT_FOUND and the common outcomes.
 */
int ec2_is_image_shared(AwsClient *client, const char *id, bool *ret, ApiError *reterr);
int ec2_is_snapshot_shared(AwsClient *client, const char *id, bool *ret, ApiError *reterr);
