/* SPDX-License-Identifier: Apache-2.0 */
/* The key of a bundle, and how it travels in the manifest. */

#include "image/keys.h"

#include <openssl/rand.h>

#include "image/locked.h"

/* What is encrypted is the key as a hexadecimal string, and no NUL. */
#define HEX_DIGITS (2 * BUNDLE_KEY_BYTES)

int bundle_keys_new(BundleKeys **ret)
{
        _cleanup_(bundle_keys_freep) BundleKeys *keys = NULL;
        int r = locked_new(sizeof(BundleKeys), (void **)&keys);

        if (r < 0)
                return r;
        if (RAND_priv_bytes(keys->key, sizeof(keys->key)) != 1 ||
                RAND_bytes(keys->iv, sizeof(keys->iv)) != 1)
                return -EIO;
        *ret = TAKE_PTR(keys);
        return 0;
}

BundleKeys *bundle_keys_free(BundleKeys *keys)
{
        return locked_free(keys);
}

void wrapped_keys_done(WrappedKeys *wrapped)
{
        free(wrapped->ec2_key);
        free(wrapped->user_key);
        free(wrapped->ec2_iv);
        free(wrapped->user_iv);
        *wrapped = (WrappedKeys){ 0 };
}

static int wrap(const unsigned char value[BUNDLE_KEY_BYTES], RsaKey *ec2, RsaKey *user,
        char **ret_ec2, char **ret_user)
{
        _cleanup_(locked_freep) char *hex = NULL;
        int r = locked_new(HEX_DIGITS + 1, (void **)&hex);

        if (r < 0)
                return r;
        hex_encode(value, BUNDLE_KEY_BYTES, hex);
        r = rsa_encrypt(ec2, hex, HEX_DIGITS, ret_ec2);
        return r < 0 ? r : rsa_encrypt(user, hex, HEX_DIGITS, ret_user);
}

int bundle_keys_wrap(const BundleKeys *keys, RsaKey *ec2, RsaKey *user, WrappedKeys *ret)
{
        _cleanup_(wrapped_keys_done) WrappedKeys made = { 0 };
        int r = wrap(keys->key, ec2, user, &made.ec2_key, &made.user_key);

        if (r >= 0)
                r = wrap(keys->iv, ec2, user, &made.ec2_iv, &made.user_iv);
        if (r < 0)
                return r;
        *ret = made;
        made = (WrappedKeys){ 0 };
        return 0;
}

static int digit_value(char digit)
{
        if (digit >= '0' && digit <= '9')
                return digit - '0';
        if (digit >= 'a' && digit <= 'f')
                return digit - 'a' + 10;
        return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

static int unwrap(const char *wrapped, RsaKey *private_key, unsigned char ret[BUNDLE_KEY_BYTES])
{
        _cleanup_(locked_freep) char *hex = NULL;
        int r = locked_new(HEX_DIGITS + 1, (void **)&hex);

        if (r >= 0)
                r = rsa_decrypt(private_key, wrapped, hex, HEX_DIGITS);
        if (r < 0)
                return r;
        for (size_t i = 0; i < BUNDLE_KEY_BYTES; i++) {
                int high = digit_value(hex[2 * i]), low = digit_value(hex[2 * i + 1]);

                if (high < 0 || low < 0)
                        return -EBADMSG;
                ret[i] = (unsigned char)(high << 4 | low);
        }
        return 0;
}

int bundle_keys_unwrap(const WrappedKeys *wrapped, RsaKey *private_key, BundleKeys **ret)
{
        _cleanup_(bundle_keys_freep) BundleKeys *keys = NULL;
        int r;

        if (!wrapped->user_key || !wrapped->user_iv)
                return -EBADMSG;
        r = locked_new(sizeof(BundleKeys), (void **)&keys);
        if (r >= 0)
                r = unwrap(wrapped->user_key, private_key, keys->key);
        if (r >= 0)
                r = unwrap(wrapped->user_iv, private_key, keys->iv);
        if (r >= 0)
                *ret = TAKE_PTR(keys);
        return r;
}
