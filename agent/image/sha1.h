/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* SHA-1, which the format of bundles settled on in 2007. */

#include <stddef.h>

#include "base/cleanup.h"

#define SHA1_BYTES 20
#define SHA1_HEX_SIZE 41 /* lower-case hexadecimal, and a NUL */

typedef struct evp_md_ctx_st Sha1;

/* All return 0, -ENOMEM, or -EIO where libcrypto has no SHA-1. */
int sha1_new(Sha1 **ret);
Sha1 *sha1_free(Sha1 *sha1);
DEFINE_CLEANUP(Sha1 *, sha1_free)

int sha1_add(Sha1 *sha1, const void *data, size_t size);
int sha1_end(Sha1 *sha1, unsigned char ret[SHA1_BYTES]);
int sha1_end_hex(Sha1 *sha1, char ret[SHA1_HEX_SIZE]);

/* Of one piece. */
int sha1_hex(const void *data, size_t size, char ret[SHA1_HEX_SIZE]);
