/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* An instance as EC2 describes it, and what is attached to it. */

#include "aws/ec2.h"
#include "aws/tags.h"
#include "base/list.h"

typedef struct Ec2Attachment {
        char *device_name; /* as EC2 names it: "/dev/sda1", "xvdf" */
        char *volume_id;
        char *status; /* "attached", "attaching", "detaching" */
        bool delete_on_termination;
} Ec2Attachment;

/* Text is NULL where EC2 says nothing. */
typedef struct Ec2Instance {
        char *id;
        char *state; /* "running" */
        char *state_message; /* why it left the state before */
        char *image_id;
        char *instance_type;
        char *zone;
        char *launch_time; /* "2026-11-23T10:44:00.000Z" */
        char *architecture; /* "x86_64", "arm64" */
        char *virtualization_type; /* "hvm", "paravirtual" */
        char *root_device_name;
        char *root_device_type; /* "ebs", "instance-store" */
        char *boot_mode; /* that its image asks for: "uefi-preferred" */
        char *current_boot_mode; /* what it booted with: "uefi", "legacy-bios" */
        char *sriov_net_support; /* "simple" */
        char *kernel_id;
        char *ramdisk_id;
        char *platform; /* "windows" */
        char *platform_details;
        char *usage_operation; /* "RunInstances" for what is not billed by its image */
        char *tpm_support; /* "v2.0" */
        char *http_tokens; /* "required" when IMDSv1 is off */
        bool ena_support;
        StringList product_codes;
        Ec2Attachment *attachments;
        size_t n_attachments;
        TagList tags;
} Ec2Instance;

void ec2_instance_done(Ec2Instance *instance);

typedef struct Ec2InstanceList {
        Ec2Instance *items;
        size_t count;
} Ec2InstanceList;

void ec2_instance_list_done(Ec2InstanceList *instances);

/* One of these is set. */
typedef struct Ec2InstanceFilter {
        const StringList *image_ids; /* that they were launched from */
        const char *tag_key;
        const char *tag_value; /* of that; NULL: any */
} Ec2InstanceFilter;

/* None to many, in any state, page by page. 0 and the common outcomes. */
int ec2_describe_instances(AwsClient *client, const Ec2InstanceFilter *filter, Ec2InstanceList *ret,
        ApiError *reterr);

/* 0, NOT_FOUND and the common outcomes. */
int ec2_describe_instance(AwsClient *client, const char *id, Ec2Instance *ret, ApiError *reterr);

/* Neither ended nor about to: "terminated", "shutting-down". */
bool ec2_instance_is_alive(const Ec2Instance *instance);

/*
 * The UEFI variables (boot order, the keys of Secure Boot), as RegisterImage takes them: base64, at
 * most EC2_UEFI_DATA_MAX bytes, or -EMSGSIZE. *ret NULL where there are none. 0 and the common
 * outcomes; EC2 refuses for an instance that did not boot by UEFI.
 */
int ec2_get_uefi_data(AwsClient *client, const char *id, char **ret, ApiError *reterr);
#define EC2_UEFI_DATA_MAX 64000
