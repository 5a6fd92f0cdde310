/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the parts of Method=bundle have in common: the record's object, and what S3 says. */

#include "aws/s3.h"
#include "flow/bake.h"
#include "image/certificates.h"

/* A text of the record's `bundle`, or NULL. */
const char *bundling_get(const Bake *bake, const char *key);

/* Takes over `value`; 0, or -ENOMEM and a failure (also for NULL). */
int bundling_set(Bake *bake, const char *key, json_t *value);

/*
 * What will be otherwise by itself is returned as it is, an S3Outcome; all else is a failure by
 * name, which says which permission it `needs` if it was denied.
 */
int bundling_judge(
        Bake *bake, const S3Bucket *bucket, const char *needs, int outcome, const ApiError *error);

/* The certificates and the key that the record names: 0, or a negative errno and a failure. */
int bundling_read_papers(Bake *bake, BundleCertificates *ret);
