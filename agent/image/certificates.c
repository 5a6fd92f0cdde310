/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a bundle is made for, and by whom: EC2's certificate, the user's, and the user's private
 * key. */

#include "image/certificates.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "image/locked.h"

/* A key of 8192 bits has 7 kB, and a login may have no more than 64 KiB to lock: getrlimit(2). */
#define PEM_BYTES_MAX (32u * 1024)

static void bio_freep(BIO **bio)
{
        (void)BIO_free(*bio);
}

static void x509_freep(X509 **certificate)
{
        X509_free(*certificate);
}

void bundle_certificates_done(BundleCertificates *certificates)
{
        certificates->ec2 = rsa_key_free(certificates->ec2);
        certificates->user = rsa_key_free(certificates->user);
        certificates->private_key = rsa_key_free(certificates->private_key);
}

/* "The file PATH PROBLEM". */
static int fail(const char *path, const char *problem, char **reterr_message)
{
        ERR_clear_error();
        return string_printf(reterr_message, "The file %s %s", path, problem) < 0 ? -ENOMEM
                                                                                  : -EINVAL;
}

static int fail_reading(const char *path, int error, char **reterr_message)
{
        _cleanup_(freep) char *problem = NULL;

        if (string_printf(&problem, "cannot be read: %s", strerror(-error)) < 0)
                return -ENOMEM;
        return fail(path, problem, reterr_message);
}

/* --- Files ------------------------------------------------------------------------------------ */

/* Up to `size`; the number of bytes. */
static int read_fully(int fd, char *buffer, size_t size)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n = read(fd, buffer + done, size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        return (int)done;
}

/* Into locked memory, since it may be a private key; `ret` reads from there. */
static int open_pem(const char *path, void **ret_memory, BIO **ret, char **reterr_message)
{
        _cleanup_(locked_freep) void *memory = NULL;
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        int n, r;

        if (fd < 0)
                return fail_reading(path, -errno, reterr_message);
        r = locked_new(PEM_BYTES_MAX, &memory);
        if (r < 0)
                return r;
        n = read_fully(fd, memory, PEM_BYTES_MAX);
        if (n < 0)
                return fail_reading(path, n, reterr_message);
        if (n == (int)PEM_BYTES_MAX)
                return fail(path, "is longer than a certificate or a key", reterr_message);
        *ret = BIO_new_mem_buf(memory, n);
        if (!*ret)
                return -ENOMEM;
        *ret_memory = TAKE_PTR(memory);
        return 0;
}

/* --- Certificates ----------------------------------------------------------------------------- */

static int check_rsa(const EVP_PKEY *key, const char *path, char **reterr_message)
{
        _cleanup_(freep) char *problem = NULL;
        int bits = key ? EVP_PKEY_get_bits(key) : 0;

        if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
                return fail(path, "holds no RSA key, which a bundle takes", reterr_message);
        if (bits >= RSA_BITS_MIN && bits <= (int)RSA_BYTES_MAX * 8)
                return 0;
        if (string_printf(&problem, "has an RSA key of %d bits; a bundle takes %d to %u", bits,
                    RSA_BITS_MIN, RSA_BYTES_MAX * 8) < 0)
                return -ENOMEM;
        return fail(path, problem, reterr_message);
}

static int check_dates(const X509 *certificate, const char *path, char **reterr_message)
{
        /* 0 stands for a date that is none. */
        if (X509_cmp_current_time(X509_get0_notBefore(certificate)) >= 0)
                return fail(path, "has a certificate that is not valid yet: is the clock right?",
                        reterr_message);
        if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
                return fail(path,
                        "has a certificate that has expired: make a new one for the same key",
                        reterr_message);
        return 0;
}

static int read_certificate(const char *path, bool is_current, RsaKey **ret, char **reterr_message)
{
        _cleanup_(locked_freep) void *memory = NULL;
        _cleanup_(bio_freep) BIO *bio = NULL;
        _cleanup_(x509_freep) X509 *certificate = NULL;
        _cleanup_(rsa_key_freep) RsaKey *key = NULL;
        int r = open_pem(path, &memory, &bio, reterr_message);

        if (r < 0)
                return r;
        certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (!certificate)
                return fail(path, "is no X.509 certificate in PEM", reterr_message);
        key = X509_get_pubkey(certificate);
        r = check_rsa(key, path, reterr_message);
        if (r >= 0 && is_current)
                r = check_dates(certificate, path, reterr_message);
        if (r >= 0)
                *ret = TAKE_PTR(key);
        return r;
}

int bundle_user_certificate_read(const char *path, RsaKey **ret, char **reterr_message)
{
        return read_certificate(path, /* is_current= */ false, ret, reterr_message);
}

/* Instead of a question on the terminal. */
static int refuse_passphrase(char *buffer, int size, int is_writing, void *userdata)
{
        *(bool *)userdata = true;
        return -1;
}

int bundle_private_key_read(const char *path, RsaKey **ret, char **reterr_message)
{
        _cleanup_(locked_freep) void *memory = NULL;
        _cleanup_(bio_freep) BIO *bio = NULL;
        _cleanup_(rsa_key_freep) RsaKey *key = NULL;
        bool is_encrypted = false;
        int r = open_pem(path, &memory, &bio, reterr_message);

        if (r < 0)
                return r;
        key = PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &is_encrypted);
        if (is_encrypted)
                return fail(path, "has a private key with a passphrase: store it without one",
                        reterr_message);
        if (!key)
                return fail(path, "is no private key in PEM", reterr_message);
        r = check_rsa(key, path, reterr_message);
        if (r >= 0)
                *ret = TAKE_PTR(key);
        return r;
}

/* EC2 could not decrypt what is encrypted for somebody else, and would say so at a launch only. */
static int check_pairs(
        const BundleCertificates *certificates, const char *path, char **reterr_message)
{
        if (!rsa_key_matches(certificates->user, certificates->private_key))
                return fail(path, "has a certificate of another key than the private key",
                        reterr_message);
        if (rsa_key_matches(certificates->user, certificates->ec2))
                return fail(path,
                        "has the same key as what is said to be EC2's certificate: that one is "
                        "nobody's but EC2's",
                        reterr_message);
        return 0;
}

int bundle_ec2_certificate_read(const char *path, BundleCertificates *ret, char **reterr_message)
{
        RsaKey *key = NULL;
        int r = read_certificate(path, /* is_current= */ false, &key, reterr_message);

        if (r < 0)
                return r;
        *ret = (BundleCertificates){ .ec2 = key };
        return 0;
}

int bundle_user_papers_read(const char *path, const char *private_key_path,
        BundleCertificates *certificates, char **reterr_message)
{
        int r = read_certificate(path, /* is_current= */ true, &certificates->user, reterr_message);

        if (r >= 0)
                r = bundle_private_key_read(
                        private_key_path, &certificates->private_key, reterr_message);
        return r < 0 ? r : check_pairs(certificates, path, reterr_message);
}

int bundle_certificates_read(const char *ec2_path, const char *user_path,
        const char *private_key_path, BundleCertificates *ret, char **reterr_message)
{
        _cleanup_(bundle_certificates_done) BundleCertificates made = { 0 };
        int r = bundle_ec2_certificate_read(ec2_path, &made, reterr_message);

        if (r >= 0)
                r = bundle_user_papers_read(user_path, private_key_path, &made, reterr_message);
        if (r < 0)
                return r;
        *ret = made;
        made = (BundleCertificates){ 0 };
        return 0;
}
