/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An image as a bundle for an instance-store AMI, made as it is read:
 *
 *     image -> tar -> SHA-1 | -> gzip piece by piece  | -> AES -> parts -> SHA-1 -> sink
 *          a thread         | several               |    the caller's
 */

#include "image/part.h"

#define IMAGE_BYTES_MAX (UINT64_C(10) * 1024 * 1024 * 1024) /* EC2's limit */

/* 0, -ENOMEM, or -EINVAL and -EFBIG with a sentence in `reterr_message`. */
int bundle_check_name(const char *name, char **reterr_message);
int bundle_check_size(uint64_t image_bytes, char **reterr_message);

/*
 * Parts of the image called `name` go to the sink, and what they are into the name, the digest, the
 * sizes and the parts of `ret`; the rest of it is the caller's. The image is a regular file that
 * nobody writes to. The same image, keys and kind of processor make the same parts, by however many
 * threads: an upload that broke off goes on by doing it again, where the sink drops each part whose
 * digest it has sent already.
 *
 * 0, -ENOMEM, or a negative errno with a sentence in `reterr_message`; then what the sink has taken
 * is worth nothing. No more than one part and 10 MiB are held besides those that the sink holds.
 */
int bundle_write(int image_fd, const char *name, const BundleKeys *keys, const PartSink *sink,
        Manifest *ret, char **reterr_message);
