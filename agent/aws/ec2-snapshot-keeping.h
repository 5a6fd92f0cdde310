/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How snapshots are kept: ready to be restored fast, locked, archived. All may be repeated. */

#include "aws/ec2.h"

/* Each snapshot in each zone: REFUSED with the first one's reason if one of them cannot be. */
int ec2_enable_fast_restore(AwsClient *client, const StringList *snapshots,
        const StringList *zones, ApiError *reterr);

/* `mode`: "governance" or "compliance". 0, NOT_FOUND and the common outcomes, as the next one. */
int ec2_lock_snapshot(AwsClient *client, const char *id, const char *mode, unsigned days,
        ApiError *reterr);

/* EC2 refuses where a lock in compliance mode has come into force. */
int ec2_unlock_snapshot(AwsClient *client, const char *id, ApiError *reterr);

int ec2_archive_snapshot(AwsClient *client, const char *id, ApiError *reterr);
