/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The end of the chain: encrypts a stream, cuts it into parts, and hands them to a sink. */

#include "image/cipher.h"
#include "image/part.h"
#include "image/sha1.h"

typedef struct Split {
        const char *name; /* of the bundle */
        const PartSink *sink;
        Manifest *manifest; /* gets the parts and their sum */
        Cipher *cipher;
        BundlePart *part; /* that is being filled */
        Sha1 *sha1;       /* of what is in it */
} Split;

/* `manifest->name` is what the parts are called after. 0, -ENOMEM or -EIO. */
int split_init(Split *split, const BundleKeys *keys, const PartSink *sink, Manifest *manifest);
void split_done(Split *split);

/* 0, -ENOMEM, -EIO, or what the sink says. */
int split_add(Split *split, const char *data, size_t size, char **reterr_message);
int split_end(Split *split, char **reterr_message);
