/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The parts of gzip (RFC 1952), by ISA-L where there is one when we are built, else by zlib. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define GZIP_WINDOW_BYTES 32768u /* as far as a match reaches back (RFC 1951) */

enum {
        GZIP_E_END = 1, /* of the member; what is left of the input does not belong to it */
        GZIP_E_FULL,
};

/* --- Compressing ------------------------------------------------------------------------------ */

/* A piece of a stream; `before` is what comes before it, up to a window, and matches reach there.
 */
typedef struct GzipPiece {
        const char *before;
        size_t before_bytes;
        const char *data;
        size_t size;
} GzipPiece;

typedef struct Gzip Gzip;

/* For one thread. 0 or -ENOMEM. */
int gzip_new(Gzip **ret);
Gzip *gzip_free(Gzip *gzip);
DEFINE_CLEANUP(Gzip *, gzip_free)

/*
 * The piece as blocks of deflate, none of them the last, that end with a byte: those of the next
 * piece are put behind them. They depend on nothing but the piece and the processor. 0, FULL where
 * `room` is too small for them, or -EIO.
 */
int gzip_compress(Gzip *gzip, const GzipPiece *piece, char *ret, size_t room, size_t *ret_size);

/* CRC-32; `sum` is that of what comes before, and 0 at the beginning. */
uint32_t gzip_checksum(uint32_t sum, const char *data, size_t size);

/* --- Expanding -------------------------------------------------------------------------------- */

/* What a call takes from, and puts to; it moves both on. */
typedef struct GzipStep {
        const char *input;
        size_t input_bytes;
        char *output;
        size_t output_bytes;
} GzipStep;

typedef struct Gunzip Gunzip;

/* 0 or -ENOMEM. */
int gunzip_new(Gunzip **ret);
Gunzip *gunzip_free(Gunzip *gunzip);
DEFINE_CLEANUP(Gunzip *, gunzip_free)

/*
 * Goes on until the input or the room for output is used up. 0, END, or -EBADMSG for what is no
 * gzip, or is damaged.
 */
int gunzip_expand(Gunzip *gunzip, GzipStep *step);
