/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Step 7 of Method=bundle: the staged image becomes parts in S3, and a manifest that EC2 registers.
 *
 * The record's `bundle`, an object: where it goes ("location", "bucket", "prefix" of all keys,
 * "name"), what makes it ("certificate", "private-key", "ec2-certificate", paths, the last perhaps
 * behind its partition, "aws-cn:/PATH"), where the image is staged ("folder"), what the manifest says ("ancestry", "product-codes"), the wrapped "keys" from the
 * moment on that parts may be in the bucket, and how far it is: "uploaded", "registering",
 * "discarded", "gone".
 */

#include "flow/bake.h"

/* All return 0, or a negative errno and a failure. */

/* What has to be on this host: the certificates of all partitions, the key, and the capture. */
int bundling_check_host(Bake *bake, const BundleWish *wish);

/*
 * Before anything is made: that as well, and whether the bucket is there, ours, and in
 * the region where the image is registered.
 */
int bundling_check(Bake *bake);

/* What a later worker has to know goes into the record, which is not saved. */
int bundling_record(Bake *bake);

/*
 * From the staged image to its manifest in S3, as often as it takes. What is there already from an
 * earlier attempt, or of an earlier worker, is not sent again.
 */
int bundling_upload(Bake *bake);

/* What RegisterImage is told, in place of snapshots. */
int bundling_finish_image(Bake *bake, Ec2Image *image);

/* The staged image is needed no more. */
void bundling_discard(Bake *bake);

/* Nothing of it is left in the bucket, nor the staged image. */
int bundling_undo(Bake *bake);

/* What of it is left, in words, is added to the list; 0 or -ENOMEM. */
int bundling_name_rest(const Record *record, StringList *names);
