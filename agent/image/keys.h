/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The key of a bundle, and how it travels in the manifest. */

#include "image/rsa.h"

#define BUNDLE_KEY_BYTES 16

/* Only in locked memory. */
typedef struct BundleKeys {
        unsigned char key[BUNDLE_KEY_BYTES];
        unsigned char iv[BUNDLE_KEY_BYTES];
} BundleKeys;

/* Random ones. 0, -EIO where libcrypto has no randomness, or as locked_new(). */
int bundle_keys_new(BundleKeys **ret);
BundleKeys *bundle_keys_free(BundleKeys *keys);
DEFINE_CLEANUP(BundleKeys *, bundle_keys_free)

/* Encrypted, once for EC2 and once for the user, and no secret: each differs from the last time. */
typedef struct WrappedKeys {
        char *ec2_key;
        char *user_key;
        char *ec2_iv;
        char *user_iv;
} WrappedKeys;

void wrapped_keys_done(WrappedKeys *wrapped);

/* 0, -ENOMEM, or -EIO where libcrypto refuses a certificate's key. */
int bundle_keys_wrap(const BundleKeys *keys, RsaKey *ec2, RsaKey *user, WrappedKeys *ret);

/*
 * With the private key of the user, for an upload that goes on, and to unbundle. 0, -ENOMEM, as
 * locked_new(), or -EBADMSG for what was wrapped for another key.
 */
int bundle_keys_unwrap(const WrappedKeys *wrapped, RsaKey *private_key, BundleKeys **ret);
