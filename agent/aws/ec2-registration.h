/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Bringing an image into being, and taking it away again. */

#include "aws/ec2-image.h"
#include "aws/ec2-request.h"

typedef struct Ec2CreateImage {
        const char *instance_id;
        const char *name;
        const char *description; /* or NULL */
        bool reboot; /* false: NoReboot */
        const StringList *exclude_devices; /* device names that are left out, or NULL */
        const TagList *image_tags;
        const TagList *snapshot_tags;
} Ec2CreateImage;

/* The name is unique per account and region, so that a lost answer is found by it. */
int ec2_prepare_create_image(AwsClient *client, const Ec2CreateImage *arguments, Ec2Request **ret);

/* After a send that returned 0; the id of the image, owned by the request. */
const char *ec2_request_image_id(const Ec2Request *request);

/*
 * RegisterImage with all that `image` says, but for id, owner and state; its snapshots must be
 * completed, or there is a bundle at its `location`, which EC2 may read. `tags` go to the image. 0, NAME_TAKEN and the common outcomes; after TIMEOUT and LOST
 * look the name up.
 */
int ec2_register_image(AwsClient *client, const Ec2Image *image, char **ret_id, ApiError *reterr);

/*
 * Asks EC2 to delete the image's snapshots as well. *ret_deleted: those that it says are gone; an
 * EC2-compatible cloud may know nothing of this and delete none, so delete what is not in it. An
 * image that is already gone is success. 0 and the common outcomes.
 */
int ec2_deregister_image(AwsClient *client, const char *id, StringList *ret_deleted,
        ApiError *reterr);
