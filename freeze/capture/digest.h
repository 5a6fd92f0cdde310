/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A number for the content of a block, to see whether it has changed. */

#include <stdint.h>

#define BLOCK_BYTES 4096u
#define BLOCK_WORDS (BLOCK_BYTES / sizeof(uint64_t))

/* Random, of this process alone, and never told. */
typedef struct Digest {
        uint64_t keys[BLOCK_WORDS];
        unsigned __int128 fold[2];
        uint64_t zeroes; /* what a block of zeroes comes to */
} Digest;

int digest_init(Digest *digest);

/*
 * NH (Black et al., "UMAC", 1999) of 64-bit words, folded into 64 bits by multilinear hashing
 * (Lemire and Kaser, 2014). Two different blocks have the same number with a probability of at most
 * 2^-63, whoever chose them. The number of zeroes is 0. `block` is aligned.
 */
uint64_t digest_block(const Digest *digest, const void *block);
