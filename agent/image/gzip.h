/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* gzip with one member (RFC 1952), by ISA-L where there is one when we are built, else by zlib. */

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

/* What a call takes from, and puts to; it moves both on. */
typedef struct GzipStep {
        const char *input;
        size_t input_bytes;
        char *output;
        size_t output_bytes;
        bool is_last; /* no input comes behind this */
} GzipStep;

enum {
        GZIP_E_END = 1, /* of the member; what is left of the input does not belong to it */
};

typedef struct Gzip Gzip;
typedef struct Gunzip Gunzip;

/* 0 or -ENOMEM. */
int gzip_new(Gzip **ret);
Gzip *gzip_free(Gzip *gzip);
DEFINE_CLEANUP(Gzip *, gzip_free)

/*
 * Goes on until the input or the room for output is used up. The output depends on nothing but the
 * input and the sizes of the steps. 0, END, or -EIO.
 */
int gzip_compress(Gzip *gzip, GzipStep *step);

int gunzip_new(Gunzip **ret);
Gunzip *gunzip_free(Gunzip *gunzip);
DEFINE_CLEANUP(Gunzip *, gunzip_free)

/* Likewise; -EBADMSG for what is no gzip, or is damaged. */
int gunzip_expand(Gunzip *gunzip, GzipStep *step);
