/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whom a bundle is made for, and by whom: EC2's certificate, the user's, and the user's private
 * key. */

#include "image/rsa.h"

typedef struct BundleCertificates {
        RsaKey *ec2;
        RsaKey *user;
        RsaKey *private_key;
} BundleCertificates;

void bundle_certificates_done(BundleCertificates *certificates);

/*
 * From PEM files, all that making a bundle takes. Of EC2's only the key counts, since all of them
 * have expired; the user's is current, and belongs to the private key, which has no passphrase. 0,
 * -ENOMEM, as locked_new(), or -EINVAL with a sentence in `reterr_message`, that names the file.
 */
int bundle_certificates_read(const char *ec2_path, const char *user_path,
        const char *private_key_path, BundleCertificates *ret, char **reterr_message);

/* The same in two steps, for whoever wants to say which of them failed: EC2's alone, then the rest. */
int bundle_ec2_certificate_read(const char *path, BundleCertificates *ret, char **reterr_message);
int bundle_user_papers_read(const char *path, const char *private_key_path,
        BundleCertificates *certificates, char **reterr_message);

/* Those of an old bundle, whenever they expired; likewise. */
int bundle_user_certificate_read(const char *path, RsaKey **ret, char **reterr_message);
int bundle_private_key_read(const char *path, RsaKey **ret, char **reterr_message);
