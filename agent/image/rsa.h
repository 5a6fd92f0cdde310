/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* RSA with PKCS#1 v1.5, as the format of bundles has it; values are lower-case hexadecimal. */

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "image/sha1.h"

#define RSA_BITS_MIN 1024
#define RSA_BYTES_MAX 1024u /* 8192 bits */

typedef struct evp_pkey_st RsaKey;

RsaKey *rsa_key_free(RsaKey *key);
DEFINE_CLEANUP(RsaKey *, rsa_key_free)

/* Whether both are halves of one pair, or the same half. */
bool rsa_key_matches(const RsaKey *a, const RsaKey *b);

/* With the public half. 0, -ENOMEM, or -EIO where libcrypto refuses the key. */
int rsa_encrypt(RsaKey *key, const void *data, size_t size, char **ret_hex);

/*
 * With the private half, exactly `size` bytes into `ret`, and nothing of them anywhere else. 0,
 * -ENOMEM, or -EBADMSG for what was not encrypted for this key, or is longer or shorter.
 */
int rsa_decrypt(RsaKey *key, const char *hex, void *ret, size_t size);

/* A signature (RSASSA-PKCS1-v1_5) of a SHA-1 digest. As rsa_encrypt(). */
int rsa_sign(RsaKey *key, const unsigned char digest[SHA1_BYTES], char **ret_hex);

/* 0, -ENOMEM, or -EBADMSG for the signature of another key, of another digest, or of nothing. */
int rsa_verify(RsaKey *key, const unsigned char digest[SHA1_BYTES], const char *hex);
