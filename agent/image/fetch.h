/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A bundle out of a bucket, part by part, without a file in between. */

#include "aws/s3-object.h"
#include "image/unbundle.h"

typedef struct FetchOrder {
        S3Bucket *bucket;
        const char *folder; /* before the name of each object: "", or it ends in a slash */
        const char *name;
        RsaKey *user;        /* of the certificate that it must be signed by */
        RsaKey *private_key; /* NULL: it is checked from outside only */
} FetchOrder;

/*
 * The signature, and what can be told without a key; and all of it, into an empty file. 0, an
 * S3Outcome, -ENOMEM, or a negative errno, all but -ENOMEM with a sentence in `reterr_message`.
 */
int fetch_check(const FetchOrder *order, char **reterr_message);
int fetch_image(const FetchOrder *order, int image_fd, char **reterr_message);
