/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What of a bundle is quiesced's own, by the tags that its objects were put with: of parts that no
 * manifest names, and of old versions in a bucket that keeps them.
 */

#include "flow/bundle.h"

/* One bundle has no more that is looked at; what is beyond is found the next time. */
#define BUNDLE_VERSIONS_MAX 100000

typedef struct BundleVersions {
        StringList keys;
        StringList versions; /* one for each key */
        size_t n_foreign; /* versions without our tags, which are not in these lists */
} BundleVersions;

void bundle_versions_done(BundleVersions *versions);

/* Takes out the keys whose object has no tags of ours. 0, the common outcomes, -ENOMEM. */
int bundle_keep_own(S3Bucket *bucket, StringList *keys, ApiError *reterr);

/*
 * All versions under the keys of the bundle that have our tags, and with the last of a key the
 * markers that stand for its deletion. 0, the common outcomes, -ENOMEM.
 */
int bundle_find_versions(
        S3Bucket *bucket, const BundlePlace *place, BundleVersions *ret, ApiError *reterr);
