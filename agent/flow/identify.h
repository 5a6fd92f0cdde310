/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Step 1: who am I, and with whose keys do I speak? */

#include "aws/s3.h"
#include "flow/bake.h"

/* Identity from the metadata service; a report goes out. 0, or a negative errno and a failure. */
int step_identity(Bake *bake);

/* Identity alone, without a report. 0, or a negative errno and a failure. */
int bake_identify(Bake *bake);

/*
 * Whether this instance was launched only to prove an image, as its tags in the metadata service say:
 * *ret is that image, else NULL. 0 or -ENOMEM.
 */
int bake_find_trial(Bake *bake, char **ret_image);

/* The client of EC2 alone, for a job that knows its region: `domain` NULL is the region's own. */
int bake_connect(Bake *bake, const char *region, const char *domain);

/* A further client with the same keys: of another service ("ssm"), or in another region. */
int bake_open_client(Bake *bake, const char *service, const char *region, AwsClient **ret);

/* A bucket of our own account, which is all that it serves. 0, or a negative errno and a failure. */
int bake_open_bucket(Bake *bake, const char *name, S3Bucket **ret);
