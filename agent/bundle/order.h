/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What quiesced-bundle shall do, as quiescectl hands it over: VERB OPERAND [NAME=VALUE...]. */

#include "aws/tags.h"
#include "base/list.h"

typedef struct Order {
        const char *verb, *operand;
        const char *into, *name, *user, *architecture, *kernel, *ramdisk; /* or NULL */
        const char *certificate, *private_key, *ec2_certificate;          /* or NULL */
        const char *bucket, *prefix, *region, *profile;                   /* or NULL */
        bool prefix_is_whole; /* a profile's, behind which no slash is wanted */
        bool digests, remove_leftovers, json, quiet, verbose, no_progress;
        StringList mappings; /* "VIRTUAL=DEVICE" */
        TagList tags;
} Order;

void order_done(Order *order);

/* From a main()'s arguments, into which it refers. 0, -ENOMEM, or -EINVAL for what is none. */
int order_read(int argc, char **argv, Order *ret);
