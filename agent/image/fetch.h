/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A bundle out of a bucket, part by part, without a file in between. */

#include "aws/s3-object.h"
#include "image/unbundle.h"

typedef struct FetchOrder {
        S3Bucket *bucket;
        const char *folder; /* before the name of each object: "", or it ends in a slash */
        const char *name;
        RsaKey *user;           /* of the certificate that it must be signed by */
        RsaKey *private_key;    /* NULL: it is checked from outside only */
        const PartWatch *watch; /* or NULL */
} FetchOrder;

/*
 * What becomes of it: it is looked at by the size of each part (HEAD), or by its digests; it goes
 * into a folder as it is, where nothing is overwritten, nor anything left after a failure; or its
 * image goes into an empty file, of which with a negative descriptor nothing is written. The
 * signature is right when they return 0; else an S3Outcome, -ENOMEM, or a negative errno, all but
 * -ENOMEM with a sentence in `reterr_message`.
 */
int fetch_look(const FetchOrder *order, Manifest *ret, char **reterr_message);
int fetch_check(const FetchOrder *order, Manifest *ret, char **reterr_message);
int fetch_files(const FetchOrder *order, int folder_fd, Manifest *ret, char **reterr_message);
int fetch_image(const FetchOrder *order, int image_fd, Manifest *ret, char **reterr_message);
