/* SPDX-License-Identifier: Apache-2.0 */
/* AES-128-CBC with PKCS#7 padding over one long message. */

#include "image/cipher.h"

#include <limits.h>
#include <openssl/evp.h>

int cipher_new(const BundleKeys *keys, bool encrypts, Cipher **ret)
{
        _cleanup_(cipher_freep) Cipher *cipher = EVP_CIPHER_CTX_new();

        if (!cipher)
                return -ENOMEM;
        if (EVP_CipherInit_ex(cipher, EVP_aes_128_cbc(), NULL, keys->key, keys->iv, encrypts) != 1)
                return -EIO;
        *ret = TAKE_PTR(cipher);
        return 0;
}

/* Wipes the key in it. */
Cipher *cipher_free(Cipher *cipher)
{
        EVP_CIPHER_CTX_free(cipher);
        return NULL;
}

int cipher_add(Cipher *cipher, const char *data, size_t size, char *ret, size_t *ret_size)
{
        int written;

        if (size > INT_MAX - CIPHER_BLOCK_BYTES)
                return -EINVAL;
        if (EVP_CipherUpdate(cipher, (unsigned char *)ret, &written, (const unsigned char *)data,
                    (int)size) != 1)
                return -EIO;
        *ret_size = (size_t)written;
        return 0;
}

int cipher_end(Cipher *cipher, char *ret, size_t *ret_size)
{
        int written;

        if (EVP_CipherFinal_ex(cipher, (unsigned char *)ret, &written) != 1)
                return -EBADMSG;
        *ret_size = (size_t)written;
        return 0;
}
