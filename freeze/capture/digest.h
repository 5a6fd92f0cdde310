/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A number for the content of a block, to see whether it has changed. */

#include <stdint.h>

#define BLOCK_BYTES 4096u
#define BLOCK_WORDS (BLOCK_BYTES / sizeof(uint64_t))

typedef struct Digest {
        unsigned __int128 keys[BLOCK_WORDS]; /* of this process alone, never told */
} Digest;

int digest_init(Digest *digest);

/*
 * Multilinear hashing (Lemire and Kaser, "Strongly universal string hashing is fast", 2014): over
 * random keys, two different blocks have the same number with probability 2^-64, whoever chose
 * them. The number of zeroes is 0. `block` is aligned.
 */
uint64_t digest_block(const Digest *digest, const void *block);
