/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The way back: a tar archive of one member, as it comes in, into a file with holes. */

#include "image/tar.h"

enum {
        UNTAR_HEADER,
        UNTAR_EXTENSION,
        UNTAR_DATA,
        UNTAR_PADDING,
        UNTAR_REST, /* only zeros */
};

typedef struct Untar {
        int fd; /* of the image, the caller's; negative: the archive is only looked at */
        uint64_t size_bytes; /* that the image must have */
        int state;
        TarHeader header;
        Extents extents;
        size_t extent; /* the one that comes in, and how much of it has */
        uint64_t extent_done;
        char block[TAR_BLOCK_BYTES];
        size_t block_bytes;
        uint64_t rest_bytes;
} Untar;

/* `fd` is an empty regular file. */
void untar_init(Untar *untar, int fd, uint64_t size_bytes);
void untar_done(Untar *untar);

/*
 * The next bytes, and the end. 0, -ENOMEM, the errno of a write, or -EBADMSG for what is no archive
 * of an image; the last two with a sentence in `reterr_message`.
 */
int untar_add(Untar *untar, const char *data, size_t size, char **reterr_message);
int untar_end(const Untar *untar, char **reterr_message);
