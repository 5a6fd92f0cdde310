/* SPDX-License-Identifier: Apache-2.0 */
/* Where the data of a file with holes lies, told as GNU tar tells it. */

#include "image/extents.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 512u /* of stat(2), and of an archive */
#define READ_BYTES (1024u * 1024)
#define FIRST_ALLOCATED 64u

enum {
        SCAN_E_NO_HOLES = 1, /* the file system does not tell them */
};

void extents_done(Extents *extents)
{
        free(extents->items);
        *extents = (Extents){ 0 };
}

int extents_add(Extents *extents, uint64_t offset, uint64_t length)
{
        if (extents->count >= EXTENTS_MAX)
                return -E2BIG;
        if (extents->count == extents->allocated) {
                size_t allocated =
                        extents->allocated > 0 ? 2 * extents->allocated : FIRST_ALLOCATED;
                Extent *items = reallocarray(extents->items, allocated, sizeof(Extent));

                if (!items)
                        return -ENOMEM;
                extents->items = items;
                extents->allocated = allocated;
        }
        extents->items[extents->count++] = (Extent){ .offset = offset, .length = length };
        extents->stored_bytes += length;
        return 0;
}

/* tar ends this list with an empty extent, whether the file ends in a hole or in data. */
static int scan_by_seek(int fd, uint64_t size, Extents *extents)
{
        off_t hole = 0;

        for (;;) {
                bool is_first = hole == 0;
                off_t data = lseek(fd, hole, SEEK_DATA);
                int r;

                if (data < 0 && errno == ENXIO)
                        return extents_add(extents, size, 0);
                if (data < 0)
                        return SCAN_E_NO_HOLES;
                hole = lseek(fd, data, SEEK_HOLE);
                if (hole < 0)
                        return -errno;
                if (is_first && data == 0 && (uint64_t)hole == size)
                        return SCAN_E_NO_HOLES;
                if ((uint64_t)hole > size || hole <= data)
                        return -ESTALE; /* it grows meanwhile */
                r = extents_add(extents, (uint64_t)data, (uint64_t)(hole - data));
                if (r < 0)
                        return r;
        }
}

static bool is_zero(const char *bytes, size_t size)
{
        return bytes[0] == '\0' && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static int scan_blocks(
        const char *bytes, size_t size, uint64_t offset, Extent *current, Extents *extents)
{
        int r = 0;

        for (size_t at = 0; at < size && r >= 0; at += BLOCK_BYTES) {
                size_t length = size - at < BLOCK_BYTES ? size - at : BLOCK_BYTES;

                if (!is_zero(bytes + at, length)) {
                        if (current->length == 0)
                                current->offset = offset + at;
                        current->length += length;
                } else if (current->length > 0) {
                        r = extents_add(extents, current->offset, current->length);
                        current->length = 0;
                }
        }
        return r;
}

static int scan_by_reading(int fd, uint64_t size, Extents *extents)
{
        _cleanup_(freep) char *buffer = malloc(READ_BYTES);
        Extent current = { 0 };
        uint64_t offset = 0;
        int r;

        if (!buffer)
                return -ENOMEM;
        while (offset < size) {
                ssize_t n = pread(fd, buffer, READ_BYTES, (off_t)offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -ESTALE;
                /* Whole blocks, but for the last one of the file. */
                if (n >= (ssize_t)BLOCK_BYTES)
                        n -= n % (ssize_t)BLOCK_BYTES;
                r = scan_blocks(buffer, (size_t)n, offset, &current, extents);
                if (r < 0)
                        return r;
                offset += (uint64_t)n;
        }
        return extents_add(extents, current.length > 0 ? current.offset : size, current.length);
}

static int scan(int fd, const struct stat *status, Extents *extents)
{
        uint64_t size = (uint64_t)status->st_size;
        int r;

        if (status->st_blocks == 0)
                return extents_add(extents, size, 0);
        r = scan_by_seek(fd, size, extents);
        return r == SCAN_E_NO_HOLES ? scan_by_reading(fd, size, extents) : r;
}

int extents_find(int fd, const struct stat *status, Extents *ret)
{
        _cleanup_(extents_done) Extents extents = { 0 };
        uint64_t size = (uint64_t)status->st_size;
        uint64_t n_blocks = size / BLOCK_BYTES + (size % BLOCK_BYTES != 0);
        int r;

        extents.is_sparse = (uint64_t)status->st_blocks < n_blocks;
        r = extents.is_sparse ? scan(fd, status, &extents) : extents_add(&extents, 0, size);
        if (r == -E2BIG) {
                /* Readers take it without its holes, too, and the list is not worth its memory. */
                extents_done(&extents);
                r = extents_add(&extents, 0, size);
        }
        if (r < 0)
                return r;
        *ret = extents;
        extents = (Extents){ 0 };
        return 0;
}
