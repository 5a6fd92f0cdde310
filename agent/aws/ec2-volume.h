/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* EBS volumes as EC2 describes them. */

#include "aws/ec2.h"
#include "aws/tags.h"
#include "base/list.h"

typedef struct Ec2Volume {
        char *id;
        char *state; /* "in-use" */
        char *type; /* "gp3" */
        char *zone;
        char *snapshot_id; /* it was made from */
        char *kms_key_id;
        uint64_t size_gib;
        uint64_t iops; /* 0 where EC2 says none */
        uint64_t throughput; /* MiB/s; 0 where EC2 says none */
        bool encrypted;
        bool multi_attach;
        char *attached_instance_id; /* of the first attachment */
        char *attached_device_name;
        TagList tags;
} Ec2Volume;

typedef struct Ec2VolumeList {
        Ec2Volume *items;
        size_t count;
} Ec2VolumeList;

void ec2_volume_list_done(Ec2VolumeList *volumes);

/* The one of this id, or NULL. */
const Ec2Volume *ec2_volume_list_find(const Ec2VolumeList *volumes, const char *id);

/* All of `ids`, which are at most EC2_IDS_MAX; 0, NOT_FOUND and the common outcomes. */
int ec2_describe_volumes(AwsClient *client, const StringList *ids, Ec2VolumeList *ret,
        ApiError *reterr);
