/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The way back: parts in order, the digest of each, AES, gunzip, the digest of the archive, the
 * image in an empty file. A part and a few hundred kB are in memory.
 */

#include "image/part.h"

/*
 * 0, -ENOMEM, or a negative errno with a sentence in `reterr_message`: -EBADMSG for what is not as
 * the manifest says, or what the source or a write says. What is in the file then is worth nothing.
 * With a negative `image_fd` all is looked at and nothing written.
 */
int unbundle(const Manifest *manifest, const BundleKeys *keys, const PartSource *source,
        int image_fd, char **reterr_message);

/* The same, with the key that the manifest has for the holder of `private_key`. */
int unbundle_with(const Manifest *manifest, RsaKey *private_key, const PartSource *source,
        int image_fd, char **reterr_message);

/* The bytes of the manifest `filename`, which must be signed by `user`; errors as unbundle(). */
int unbundle_manifest(
        const char *filename, const Text *text, RsaKey *user, Manifest *ret, char **reterr_message);

/* The digest of each part, and the sum of their sizes: what can be told without a key. */
int bundle_check_parts(const Manifest *manifest, const PartSource *source, char **reterr_message);

/* The same, and each part goes on to the taker once it is known to be right. */
int bundle_pass_parts(const Manifest *manifest, const PartSource *source, const PartTaker *taker,
        char **reterr_message);

/* Of the sizes of all parts; likewise. */
int bundle_check_sum(const Manifest *manifest, uint64_t bundled_bytes, char **reterr_message);
