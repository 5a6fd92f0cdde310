/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Where a bundle lies: in a folder, or in a bucket. */

#include "base/cleanup.h"

typedef struct Place {
        int fd;       /* of the folder; -EBADF for a bucket */
        char *bucket; /* NULL for a folder */
        char *folder; /* as a path; of a bucket, before each key: "", or it ends in a slash */
        char *name;   /* of the manifest, without its suffix */
} Place;

#define PLACE_INIT ((Place){ .fd = -EBADF })

void place_done(Place *place);

/*
 * s3://BUCKET/KEY of a manifest, or the path of one, or of a folder that has just one. 0, -ENOMEM,
 * or a negative errno with a sentence in `reterr_message`.
 */
int place_find(const char *text, Place *ret, char **reterr_message);

/* BUCKET/KEY, with s3:// before it or not. Likewise. */
int place_in_bucket(const char *text, Place *ret, char **reterr_message);

/* As a person writes it: the manifest's path, or s3://BUCKET/KEY. 0 or -ENOMEM. */
int place_print(const Place *place, char **ret);
