/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The blocks of a GNU tar archive of one file that may have holes (the old format, typeflag S,
 * since no registry reads pax). Pure. tar's info page, "Basic Tar Format" and "Storing Sparse
 * Files".
 */

#include <stdint.h>

#include "image/extents.h"

#define TAR_BLOCK_BYTES 512u
#define TAR_RECORD_BYTES 10240u
#define TAR_NAME_MAX 99

typedef struct TarMember {
        const char *name; /* at most TAR_NAME_MAX bytes */
        unsigned mode;
        int64_t mtime_sec;
        uint64_t size_bytes;
        const Extents *extents;
} TarMember;

void tar_encode_header(const TarMember *member, char ret[TAR_BLOCK_BYTES]);

/* A list of more extents than the header holds goes on in blocks of its own. */
size_t tar_extension_count(const Extents *extents);
void tar_encode_extension(const Extents *extents, size_t index, char ret[TAR_BLOCK_BYTES]);

/* Bytes of the archive up to the end of its last record. */
uint64_t tar_archive_bytes(const TarMember *member);

typedef struct TarHeader {
        uint64_t size_bytes; /* of the file */
        uint64_t stored_bytes;
        bool is_sparse;
        bool has_extension; /* a block of it follows */
} TarHeader;

/*
 * 0, -ENOMEM, or -EBADMSG with what is wrong with "The archive" in `reterr_message`. The extents of
 * the block are added to `extents`, and are in order and within the file.
 */
int tar_decode_header(
        const char block[TAR_BLOCK_BYTES], TarHeader *ret, Extents *extents, char **reterr_message);
int tar_decode_extension(const char block[TAR_BLOCK_BYTES], TarHeader *header, Extents *extents,
        char **reterr_message);
