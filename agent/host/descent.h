/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* From a block device down through partitions, dm, md and loop to what its data lies on. */

#include "host/facts.h"

/* A set of indices. */
typedef struct Indices {
        size_t *items;
        size_t count;
} Indices;

/* Adds `index` unless it is there; 0 or -ENOMEM. */
int indices_add(Indices *indices, size_t index);

/* What a device of its own is: a volume, a file's image, or neither. */
typedef struct Bottom {
        size_t volume; /* index into the topology's volumes, or SIZE_MAX */
        const char *reason; /* of what is no volume; NULL if that is no question */
} Bottom;

/* Where a descent ends; the caller owns the first four. */
typedef struct Descent {
        Indices volumes;
        Indices below; /* file systems that hold loop devices' backing files: indices of mounts' */
        StringList layers; /* FileSystem's */
        char *reason; /* the first thing in the way, or NULL: it all lies on volumes or below */
        bool lost; /* a device on the way does not show what it lies on: any volume, perhaps */
} Descent;

void descent_done(Descent *descent);

typedef struct Descender Descender;

/* `bottoms` has one entry per device, and like `facts` outlives this. */
int descender_new(const HostFacts *facts, const Bottom *bottoms, Descender **ret);
Descender *descender_free(Descender *descender);
DEFINE_CLEANUP(Descender *, descender_free)

/* Adds to `descent` what `device` lies on; 0 or -ENOMEM. */
int descender_add(Descender *descender, size_t device, Descent *descent);

/* Lies on other devices or in a file, and is no disk of its own. */
bool block_device_is_stacked(const BlockDevice *device);
