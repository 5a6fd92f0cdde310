/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* AES-128-CBC with PKCS#7 padding over one long message. */

#include <stdbool.h>

#include "image/keys.h"

#define CIPHER_BLOCK_BYTES 16u

typedef struct evp_cipher_ctx_st Cipher;

/* 0, -ENOMEM, or -EIO where libcrypto has no AES. */
int cipher_new(const BundleKeys *keys, bool encrypts, Cipher **ret);
Cipher *cipher_free(Cipher *cipher);
DEFINE_CLEANUP(Cipher *, cipher_free)

/* Writes whole blocks to `ret`: at most `size` bytes and what was held back, up to a block. */
int cipher_add(Cipher *cipher, const char *data, size_t size, char *ret, size_t *ret_size);

/* Up to one block. -EBADMSG where what was decrypted ends in no padding. */
int cipher_end(Cipher *cipher, char *ret, size_t *ret_size);
