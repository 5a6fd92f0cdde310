/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Snapshots: cut together at one instant, followed to completion, deleted. */

#include "aws/ec2-request.h"
#include "aws/tags.h"
#include "base/list.h"

typedef enum Ec2SnapshotState {
        EC2_SNAPSHOT_PENDING,
        EC2_SNAPSHOT_COMPLETED,
        EC2_SNAPSHOT_ERROR,
        EC2_SNAPSHOT_RECOVERABLE, /* in the recycle bin */
        EC2_SNAPSHOT_RECOVERING,
        EC2_SNAPSHOT_STATE_MAX,
        EC2_SNAPSHOT_STATE_INVALID = -EINVAL,
} Ec2SnapshotState;

typedef struct Ec2Snapshot {
        char *id;
        char *volume_id;
        char *description;
        char *message; /* why it is in error; often NULL */
        char *storage_tier; /* "standard", "archive"; NULL if EC2 does not say */
        Ec2SnapshotState state; /* INVALID: one that we do not know */
        unsigned progress; /* percent */
        uint64_t start_time_usec; /* server time; 0 if not said */
        uint64_t size_gib; /* of the volume */
        uint64_t full_size_bytes; /* of its blocks that are not empty; 0 if EC2 does not say */
        bool encrypted;
        TagList tags;
} Ec2Snapshot;

typedef struct Ec2SnapshotList {
        Ec2Snapshot *items;
        size_t count;
} Ec2SnapshotList;

void ec2_snapshot_list_done(Ec2SnapshotList *snapshots);
const Ec2Snapshot *ec2_snapshot_list_find_volume(const Ec2SnapshotList *snapshots, const char *id);

typedef struct Ec2CreateSnapshots {
        const char *instance_id;
        const char *description;
        bool exclude_boot_volume;
        const StringList *exclude_data_volumes; /* volume ids, or NULL */
        const TagList *tags;
        bool copy_volume_tags;
} Ec2CreateSnapshots;

/* CreateSnapshots has no client token: a lost answer is found by a tag, never sent again. */
int ec2_prepare_create_snapshots(AwsClient *client, const Ec2CreateSnapshots *arguments,
        Ec2Request **ret);

/* After a send that returned 0; -EBADMSG for a reply without a single snapshot id. */
int ec2_request_snapshots(const Ec2Request *request, Ec2SnapshotList *ret);

/* "Values" of one filter: EC2 API Reference, Filter. */
#define EC2_FILTER_VALUES_MAX 200

typedef struct Ec2SnapshotFilter {
        const StringList *ids; /* at most EC2_IDS_MAX, or NULL */
        bool all; /* of our account's */
        const char *tag_key, *tag_value; /* or NULL */
        const char *and_tag_key, *and_tag_value; /* a second one; or NULL */
        const StringList *among; /* of these, of which some may not exist; or NULL */
        const StringList *pending_of; /* the pending ones of these volumes; or NULL */
} Ec2SnapshotFilter;

/* For many, page by page; what is taken out of `page` is left zeroed. 0 and the common outcomes. */
typedef int (*Ec2OnSnapshots)(void *userdata, Ec2SnapshotList *page);
int ec2_list_snapshots(AwsClient *client, const Ec2SnapshotFilter *filter,
        Ec2OnSnapshots on_snapshots, void *userdata, ApiError *reterr);

/* Our own account's only, all pages. 0, NOT_FOUND (ids) and the common outcomes. */
int ec2_describe_snapshots(AwsClient *client, const Ec2SnapshotFilter *filter, Ec2Flags flags,
        Ec2SnapshotList *ret, ApiError *reterr);

/*
 * A snapshot that is already gone is success. 0, IN_USE and the common outcomes. With EC2_FRESH a
 * NotFound is only believed after a while: for one that was created moments ago.
 */
int ec2_delete_snapshot(AwsClient *client, const char *id, Ec2Flags flags, ApiError *reterr);
