/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Bundles in S3 without an image, and images without their bundle: looked for where profiles say.
 */

#include "flow/bake.h"
#include "flow/orphans.h"

/*
 * In the buckets that profiles of this host name, below their prefixes. A bucket that cannot be
 * read is passed over with a warning, and so is one in another region, whose images are not those
 * we know. 0, or a negative errno, and a failure.
 */
int orphans_find_bundles(Bake *bake, const OrphanScene *scene, OrphanList *orphans);

/* Of scene->in_s3. Whether a manifest is there is not known where S3 does not tell: then it is. */
int orphans_find_bundleless(Bake *bake, const OrphanScene *scene, OrphanList *orphans);
