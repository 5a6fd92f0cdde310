/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Copies of an image, in the region of the client. */

#include "aws/ec2.h"
#include "aws/tags.h"

typedef struct Ec2CopyImage {
        const char *source_region;
        const char *source_image_id;
        const char *name;
        const char *description;
        const char *kms_key_id; /* NULL: what is encrypted gets the default key of the region */
        const char *client_token; /* one copy for each, however often it is asked for */
        const TagList *image_tags;
        const TagList *snapshot_tags;
} Ec2CopyImage;

/* The copy's id, which may not be seen yet. 0, NOT_FOUND and the common outcomes. */
int ec2_copy_image(AwsClient *client, const Ec2CopyImage *arguments, char **ret_id,
        ApiError *reterr);
