/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A bundle in a folder of this host. */

#include "image/bundle.h"
#include "image/certificates.h"

/* Which bundle of a folder, and what it takes to read it. */
typedef struct FolderBundle {
        int fd; /* of the folder, the caller's */
        const char *name;
        RsaKey *user;           /* of the certificate that it must be signed by */
        RsaKey *private_key;    /* NULL: it is checked from outside only */
        const PartWatch *watch; /* or NULL */
} FolderBundle;

/* Where one is made. */
typedef struct FolderTarget {
        int fd;                 /* of the folder, the caller's */
        const PartWatch *watch; /* or NULL */
} FolderTarget;

/*
 * Bundles an image into the folder: `manifest` has the name, the user, the architecture and what
 * else is known, and gets the rest. All of it is on disk (fsync) when it returns 0, the manifest
 * last; nothing is overwritten, and after a failure nothing that it made is left. Errors as
 * bundle_write(), and -EEXIST.
 */
int folder_bundle(const FolderTarget *target, int image_fd, const BundleCertificates *certificates,
        Manifest *manifest, char **reterr_message);

/* Errors as unbundle(). The signature is right when they are 0. */
int folder_check(const FolderBundle *bundle, Manifest *ret, char **reterr_message);
int folder_unbundle(const FolderBundle *bundle, int image_fd, Manifest *ret, char **reterr_message);

/* The manifest, and its bytes; and all parts of it, see PartSource. Likewise. */
int folder_read_manifest(
        const FolderBundle *bundle, Manifest *ret, Text *ret_text, char **reterr_message);
PartSource folder_parts(const FolderBundle *bundle);
