/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A part of a bundle: one object of S3, and what takes and gives them. */

#include "image/manifest.h"

#define PART_BYTES (10u * 1024 * 1024) /* of each but the last, which is shorter and not empty */

typedef struct BundlePart {
        char *filename;
        char digest[MANIFEST_DIGEST_SIZE];
        size_t index;
        size_t size;
        char *data;
} BundlePart;

/* With room for PART_BYTES, and nothing in it; 0 or -ENOMEM. */
int bundle_part_new(const char *name, size_t index, BundlePart **ret);
BundlePart *bundle_part_free(BundlePart *part);
DEFINE_CLEANUP(BundlePart *, bundle_part_free)

typedef struct PartSink {
        /*
         * Called in one thread, with the parts in order. The part belongs to the sink from then on,
         * also when it fails. May block: then all before it waits, and no more parts are made.
         * 0, or a negative errno that ends the bundle, with a sentence in `reterr_message`.
         */
        int (*take)(void *userdata, BundlePart *part, char **reterr_message);
        void *userdata;
} PartSink;

/* Told of each part in order, once it is done with; a negative errno ends all of it. */
typedef struct PartWatch {
        int (*done)(void *userdata, size_t size);
        void *userdata;
} PartWatch;

/* `watch` may be NULL. */
static inline int part_watch_tell(const PartWatch *watch, size_t size)
{
        return watch ? watch->done(watch->userdata, size) : 0;
}

typedef struct PartSource {
        /*
         * Gives the bytes of `part` in `body`, which is empty; of more than PART_BYTES it may stop
         * at any number above it. 0, or a negative errno with a sentence in `reterr_message`.
         */
        int (*give)(void *userdata, const ManifestPart *part, Text *body, char **reterr_message);
        void *userdata;
        const PartWatch *watch; /* of those that are as the manifest says; or NULL */
} PartSource;

typedef struct PartTaker {
        /*
         * Gets a part that is as the manifest says, and may keep what is in `body`. 0, or a
         * negative errno with a sentence in `reterr_message`.
         */
        int (*take)(void *userdata, const ManifestPart *part, Text *body, char **reterr_message);
        void *userdata;
} PartTaker;
