/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Pieces of a stream compressed by zlib. */

#include "image/gzip.h"

typedef struct Deflater Deflater;

/* `level` as zlib's. 0 or -ENOMEM. */
int deflater_new(int level, Deflater **ret);
Deflater *deflater_free(Deflater *deflater);
DEFINE_CLEANUP(Deflater *, deflater_free)

/* As gzip_compress(). */
int deflater_compress(
        Deflater *deflater, const GzipPiece *piece, char *ret, size_t room, size_t *ret_size);
