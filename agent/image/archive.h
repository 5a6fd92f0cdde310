/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An image as a tar archive of one member, byte for byte what GNU tar makes of it with
 * `tar -chS --owner 0 --group 0`.
 */

#include "image/channel.h"
#include "image/sha1.h"
#include "image/tar.h"

typedef struct Archive {
        int fd; /* of the image; the caller's */
        TarMember member;
        Extents extents;
} Archive;

/*
 * Looks where the data lies. The archive refers to `name` as long as it lives. 0, -ENOMEM, or a
 * negative errno with a sentence in `reterr_message`.
 */
int archive_init(Archive *archive, int fd, const char *name, char **reterr_message);
void archive_done(Archive *archive);

/*
 * Into a channel, whose buffers it fills to the brim, and the digest of all that went there; does
 * not end the channel. 0, -ECANCELED, or as archive_init().
 */
int archive_send(const Archive *archive, Channel *channel, char ret_digest[SHA1_HEX_SIZE],
        char **reterr_message);
