/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The bundle of an instance-store image: where it lies in S3, and which objects it consists of. */

#include "aws/s3.h"

#define BUNDLE_MANIFEST_SUFFIX ".manifest.xml"

typedef struct BundlePlace {
        char *bucket;
        char *manifest; /* its key */
        char *folder;   /* in which the parts lie beside it: "", or it ends in a slash */
        char *name;     /* of the manifest without its suffix; NULL if it has another */
} BundlePlace;

void bundle_place_done(BundlePlace *place);

/* Of an image's location, "BUCKET/KEY". Pure. 0, -EINVAL for what is none, -ENOMEM. */
int bundle_place_parse(const char *location, BundlePlace *ret);

enum {
        BUNDLE_E_UNCLEAR = S3_E_MAX, /* the manifest is none, or names what is no part of it */
};

typedef struct BundleParts {
        StringList keys;
        bool has_manifest;
} BundleParts;

void bundle_parts_done(BundleParts *parts);

/*
 * The parts that the manifest names. Where it is gone, those that are there by its name: NAME.part.
 * and digits, and nothing else. 0, an S3Outcome but NOT_FOUND, UNCLEAR with the reason as the
 * error's message, or -ENOMEM.
 */
int bundle_find_parts(
        S3Bucket *bucket, const BundlePlace *place, BundleParts *ret, ApiError *reterr);
