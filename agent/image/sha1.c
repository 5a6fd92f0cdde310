/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-1, which the format of bundles settled on in 2007. */

#include "image/sha1.h"

#include <openssl/evp.h>

#include "base/text.h"

int sha1_new(Sha1 **ret)
{
        _cleanup_(sha1_freep) Sha1 *sha1 = EVP_MD_CTX_new();

        if (!sha1)
                return -ENOMEM;
        if (EVP_DigestInit_ex(sha1, EVP_sha1(), NULL) != 1)
                return -EIO;
        *ret = TAKE_PTR(sha1);
        return 0;
}

Sha1 *sha1_free(Sha1 *sha1)
{
        EVP_MD_CTX_free(sha1);
        return NULL;
}

int sha1_add(Sha1 *sha1, const void *data, size_t size)
{
        return EVP_DigestUpdate(sha1, data, size) == 1 ? 0 : -EIO;
}

int sha1_end(Sha1 *sha1, unsigned char ret[SHA1_BYTES])
{
        return EVP_DigestFinal_ex(sha1, ret, NULL) == 1 ? 0 : -EIO;
}

int sha1_end_hex(Sha1 *sha1, char ret[SHA1_HEX_SIZE])
{
        unsigned char digest[SHA1_BYTES];
        int r = sha1_end(sha1, digest);

        if (r >= 0)
                hex_encode(digest, sizeof(digest), ret);
        return r;
}

int sha1_hex(const void *data, size_t size, char ret[SHA1_HEX_SIZE])
{
        _cleanup_(sha1_freep) Sha1 *sha1 = NULL;
        int r = sha1_new(&sha1);

        if (r >= 0)
                r = sha1_add(sha1, data, size);
        return r < 0 ? r : sha1_end_hex(sha1, ret);
}
