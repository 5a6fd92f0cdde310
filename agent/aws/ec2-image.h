/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Images as EC2 describes them. */

#include "aws/ec2.h"
#include "aws/tags.h"
#include "base/list.h"

typedef enum Ec2ImageState {
        EC2_IMAGE_PENDING, /* and "transient" */
        EC2_IMAGE_AVAILABLE,
        EC2_IMAGE_FAILED, /* and "invalid", "error", "deregistered": it comes to nothing */
        EC2_IMAGE_DISABLED,
        EC2_IMAGE_STATE_INVALID = -EINVAL,
} Ec2ImageState;

typedef struct Ec2BlockDevice {
        char *device_name;
        char *virtual_name; /* "ephemeral0" */
        char *snapshot_id; /* NULL until CreateImage has cut it */
        char *volume_type;
        char *kms_key_id;
        uint64_t size_gib;
        uint64_t iops, throughput;
        bool encrypted;
        bool delete_on_termination;
        bool is_ebs;
        bool no_device; /* nothing shall be there, whatever the instance type brings along */
} Ec2BlockDevice;

void ec2_block_device_done(Ec2BlockDevice *device);

/* Text is NULL where EC2 says, or should be told, nothing. */
typedef struct Ec2Image {
        char *id;
        char *name;
        char *description;
        char *owner_id;
        char *state_message;
        char *creation_date;
        char *location; /* of an instance-store image: BUCKET/PATH of its manifest */
        char *source_instance_id; /* that CreateImage made it of */
        char *source_image_id; /* of CopyImage, or beside source_instance_id of CreateImage */
        char *deregistration_protection; /* "enabled-with-cooldown", "disabled" */
        char *deprecation_time;
        char *architecture;
        char *root_device_name;
        char *root_device_type;
        char *virtualization_type;
        char *boot_mode;
        char *tpm_support;
        char *imds_support;
        char *sriov_net_support;
        char *kernel_id;
        char *ramdisk_id;
        char *platform;
        char *uefi_data; /* for RegisterImage; DescribeImages does not tell it */
        uint64_t created_usec; /* realtime; 0 if EC2 does not say */
        bool ena_support;
        bool is_public;
        Ec2ImageState state;
        StringList product_codes;
        Ec2BlockDevice *devices;
        size_t n_devices;
        TagList tags;
} Ec2Image;

void ec2_image_done(Ec2Image *image);

typedef struct Ec2ImageList {
        Ec2Image *items;
        size_t count;
} Ec2ImageList;

void ec2_image_list_done(Ec2ImageList *images);

/*
 * One of these is set. By id and ids any owner's; all others list our own account's only. Disabled
 * ones are listed too, where EC2 knows how to. Lists have at most EC2_FILTER_VALUES_MAX entries.
 */
typedef struct Ec2ImageFilter {
        const char *id;
        const StringList *ids; /* of which some may not exist */
        const StringList *snapshot_ids; /* that their mapping refers to */
        bool all;
        const char *name;
        const char *location; /* of a manifest */
        const char *tag_key;
        const char *tag_value;
} Ec2ImageFilter;

/* One page; what it takes out of `page` it leaves zeroed. 0 or a negative errno, which ends it. */
typedef int (*Ec2OnImages)(void *userdata, Ec2ImageList *page);

/* For many: not by id; a page at a time. 0 and the common outcomes. */
int ec2_list_images(AwsClient *client, const Ec2ImageFilter *filter, Ec2OnImages on_images,
        void *userdata, ApiError *reterr);

/* By id: one, or NOT_FOUND. Else none to many, page by page. And the common outcomes. */
int ec2_describe_images(AwsClient *client, const Ec2ImageFilter *filter, Ec2Flags flags,
        Ec2ImageList *ret, ApiError *reterr);

/* Whether its mapping refers to that snapshot. */
bool ec2_image_uses(const Ec2Image *image, const char *snapshot_id);
