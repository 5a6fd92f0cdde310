/* SPDX-License-Identifier: Apache-2.0 */
/* RSA with PKCS#1 v1.5, as the format of bundles has it. */

#include "image/rsa.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "image/locked.h"

/*
 * What stands before a SHA-1 digest in a signature (RFC 8017, 9.2, note 1). We put it there
 * ourselves: hosts whose policy refuses signatures with SHA-1 (RHEL 9) would not make this one.
 */
static const unsigned char DIGEST_INFO[] = { 0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03,
        0x02, 0x1a, 0x05, 0x00, 0x04, 0x14 };
#define SIGNED_BYTES (sizeof(DIGEST_INFO) + SHA1_BYTES)

typedef int Prepare(EVP_PKEY_CTX *context);

static void context_freep(EVP_PKEY_CTX **context)
{
        EVP_PKEY_CTX_free(*context);
}

RsaKey *rsa_key_free(RsaKey *key)
{
        EVP_PKEY_free(key);
        return NULL;
}

bool rsa_key_matches(const RsaKey *a, const RsaKey *b)
{
        return EVP_PKEY_eq(a, b) == 1;
}

/* libcrypto keeps what went wrong for later, where somebody else would find it. */
static int fail(int error)
{
        ERR_clear_error();
        return error;
}

static int prepare(RsaKey *key, Prepare *operation, EVP_PKEY_CTX **ret)
{
        _cleanup_(context_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);

        if (!context)
                return fail(-ENOMEM);
        if (operation(context) != 1 ||
                EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1)
                return fail(-EIO);
        *ret = TAKE_PTR(context);
        return 0;
}

static int to_hex(const unsigned char *bytes, size_t size, char **ret)
{
        char *hex = malloc(2 * size + 1);

        if (!hex)
                return -ENOMEM;
        hex_encode(bytes, size, hex);
        *ret = hex;
        return 0;
}

/* The number of bytes, or -EBADMSG. */
static int from_hex(const char *hex, unsigned char ret[RSA_BYTES_MAX])
{
        static const char digits[] = "0123456789abcdef";
        size_t length = strlen(hex);

        if (length == 0 || length % 2 != 0 || length / 2 > RSA_BYTES_MAX ||
                hex[strspn(hex, digits)] != '\0')
                return -EBADMSG;
        for (size_t i = 0; i < length / 2; i++) {
                size_t high = (size_t)(strchr(digits, hex[2 * i]) - digits);
                size_t low = (size_t)(strchr(digits, hex[2 * i + 1]) - digits);

                ret[i] = (unsigned char)(high << 4 | low);
        }
        return (int)(length / 2);
}

int rsa_encrypt(RsaKey *key, const void *data, size_t size, char **ret_hex)
{
        _cleanup_(context_freep) EVP_PKEY_CTX *context = NULL;
        unsigned char made[RSA_BYTES_MAX];
        size_t made_bytes = sizeof(made);
        int r = prepare(key, EVP_PKEY_encrypt_init, &context);

        if (r < 0)
                return r;
        if (EVP_PKEY_encrypt(context, made, &made_bytes, data, size) != 1)
                return fail(-EIO);
        return to_hex(made, made_bytes, ret_hex);
}

int rsa_decrypt(RsaKey *key, const char *hex, void *ret, size_t size)
{
        _cleanup_(context_freep) EVP_PKEY_CTX *context = NULL;
        _cleanup_(locked_freep) void *made = NULL;
        unsigned char wrapped[RSA_BYTES_MAX];
        size_t made_bytes = RSA_BYTES_MAX;
        int n = from_hex(hex, wrapped);
        int r = n < 0 ? n : prepare(key, EVP_PKEY_decrypt_init, &context);

        if (r >= 0)
                r = locked_new(RSA_BYTES_MAX, &made);
        if (r < 0)
                return r;
        if (EVP_PKEY_decrypt(context, made, &made_bytes, wrapped, (size_t)n) != 1)
                return fail(-EBADMSG);
        if (made_bytes != size)
                return -EBADMSG;
        memcpy(ret, made, size);
        return 0;
}

static void make_signed(const unsigned char digest[SHA1_BYTES], unsigned char ret[SIGNED_BYTES])
{
        memcpy(ret, DIGEST_INFO, sizeof(DIGEST_INFO));
        memcpy(ret + sizeof(DIGEST_INFO), digest, SHA1_BYTES);
}

int rsa_sign(RsaKey *key, const unsigned char digest[SHA1_BYTES], char **ret_hex)
{
        _cleanup_(context_freep) EVP_PKEY_CTX *context = NULL;
        unsigned char content[SIGNED_BYTES], made[RSA_BYTES_MAX];
        size_t made_bytes = sizeof(made);
        int r = prepare(key, EVP_PKEY_sign_init, &context);

        if (r < 0)
                return r;
        make_signed(digest, content);
        if (EVP_PKEY_sign(context, made, &made_bytes, content, sizeof(content)) != 1)
                return fail(-EIO);
        return to_hex(made, made_bytes, ret_hex);
}

int rsa_verify(RsaKey *key, const unsigned char digest[SHA1_BYTES], const char *hex)
{
        _cleanup_(context_freep) EVP_PKEY_CTX *context = NULL;
        unsigned char content[SIGNED_BYTES], signature[RSA_BYTES_MAX];
        int n = from_hex(hex, signature);
        int r = n < 0 ? n : prepare(key, EVP_PKEY_verify_init, &context);

        if (r < 0)
                return r;
        make_signed(digest, content);
        r = EVP_PKEY_verify(context, signature, (size_t)n, content, sizeof(content));
        return r == 1 ? 0 : fail(-EBADMSG);
}
