/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The manifest of an instance-store image, version 2007-10-10: what the image is, and of which
 * parts it consists, in order. Pure; whoever wrote it may have meant no good.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "image/keys.h"

#define MANIFEST_BYTES_MAX (4u * 1024 * 1024) /* of the largest image it takes some 200 kB */
#define MANIFEST_PARTS_MAX 10000u
#define MANIFEST_DIGEST_SIZE SHA1_HEX_SIZE
#define MANIFEST_SUFFIX ".manifest.xml"

typedef struct ManifestPart {
        char *filename; /* never a path */
        char digest[MANIFEST_DIGEST_SIZE];
} ManifestPart;

/* A disk of an instance: "ami", "root", "ephemeral0", and its device. */
typedef struct ManifestMapping {
        char *virtual_name;
        char *device;
} ManifestMapping;

typedef struct Manifest {
        char *name; /* which the names of the parts begin with */
        char *user; /* the account, in digits */
        char *architecture;
        char digest[MANIFEST_DIGEST_SIZE]; /* of the archive before it was compressed */
        uint64_t size_bytes;               /* of the image */
        uint64_t bundled_bytes;            /* of all parts */
        ManifestPart *parts;
        size_t n_parts;
        /* Empty, or NULL, where it says nothing. */
        char *kernel_id;
        char *ramdisk_id;
        StringList product_codes;
        StringList ancestry; /* ids of images */
        ManifestMapping *mappings;
        size_t n_mappings;
        WrappedKeys keys;
        /* Only where it was parsed: what the signature should be of, and what it is. */
        unsigned char signed_digest[SHA1_BYTES];
        char *signature;
} Manifest;

void manifest_done(Manifest *manifest);

/* All of it, out of a variable that is empty afterwards. */
void manifest_move(Manifest *from, Manifest *ret);

/* What bundle_write() has made, out of `written` into one that has the rest. */
void manifest_take_parts(Manifest *manifest, Manifest *written);

/*
 * 0, -ENOMEM, or -EBADMSG with what is wrong in `reterr_message`, so that it can follow "The
 * manifest ": its signature is not looked at, and neither it nor the keys need be there.
 */
int manifest_parse(const char *data, size_t size, Manifest *ret, char **reterr_message);

/*
 * The bytes of one, signed by the user's private key. 0, -ENOMEM, -EIO where libcrypto refuses the
 * key, or -EINVAL with a sentence in `reterr_message` for what no registry takes.
 */
int manifest_write(
        const Manifest *manifest, RsaKey *private_key, char **ret, char **reterr_message);

/* Against the user's certificate; as manifest_parse(). */
int manifest_verify(const Manifest *manifest, RsaKey *user, char **reterr_message);

/* Whether a file is called as a part of the image `name` is: "NAME.part." and digits. */
bool manifest_is_part_name(const char *name, const char *filename);
