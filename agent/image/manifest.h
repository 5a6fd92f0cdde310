/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The manifest of an instance-store image, version 2007-10-10: what the image is, and of which parts
 * it consists, in order. Pure; whoever wrote it may have meant no good.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define MANIFEST_BYTES_MAX (4u * 1024 * 1024) /* of the largest image it takes some 200 kB */
#define MANIFEST_PARTS_MAX 10000u
#define MANIFEST_DIGEST_SIZE 41 /* SHA-1 in lower-case hexadecimal, and a NUL */

typedef struct ManifestPart {
        char *filename; /* never a path */
        char digest[MANIFEST_DIGEST_SIZE];
} ManifestPart;

typedef struct Manifest {
        char *name; /* which the names of the parts begin with */
        char *user; /* the account, in digits */
        char *architecture;
        char digest[MANIFEST_DIGEST_SIZE]; /* of the archive before it was compressed */
        uint64_t size_bytes; /* of the image */
        uint64_t bundled_bytes; /* of all parts */
        ManifestPart *parts;
        size_t n_parts;
} Manifest;

void manifest_done(Manifest *manifest);

/*
 * 0, -ENOMEM, or -EBADMSG with what is wrong in `reterr_message`, so that it can follow "The
 * manifest ": its signature is not looked at.
 */
int manifest_parse(const char *data, size_t size, Manifest *ret, char **reterr_message);

/* Whether a file is called as a part of the image `name` is: "NAME.part." and digits. */
bool manifest_is_part_name(const char *name, const char *filename);
