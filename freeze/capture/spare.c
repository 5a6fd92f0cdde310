/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/spare.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/*
 * "XFS Algorithms & Data Structures", "Superblocks" and "AG Free List": all numbers are big-endian.
 * Of a group the first sector is its superblock, the second one its AGF, the fourth one the list.
 */
#define SECTOR_MIN 512
#define SECTOR_MAX 32768
#define BLOCK_MAX 65536
#define GROUPS_MAX 1000000
#define NO_BLOCK UINT32_MAX
#define AGFL_HEADER_BYTES 36 /* of version 5 */
#define VERSION_MASK 15

typedef struct Xfs {
        int fd;
        uint64_t base;
        uint32_t block_bytes;
        uint32_t group_blocks;
        uint32_t n_groups;
        uint32_t sector_bytes;
        bool has_list_header;
} Xfs;

static uint32_t number_at(const unsigned char *bytes, size_t offset)
{
        uint32_t number;

        memcpy(&number, bytes + offset, sizeof(number));
        return be32toh(number);
}

static uint16_t short_at(const unsigned char *bytes, size_t offset)
{
        return (uint16_t)(bytes[offset] << 8 | bytes[offset + 1]);
}

static int bytes_read(int fd, unsigned char *bytes, size_t size, uint64_t offset)
{
        for (size_t done = 0; done < size;) {
                ssize_t n = pread(fd, bytes + done, size - done, (off_t)(offset + done));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EBADMSG;
                done += (size_t)n;
        }
        return 0;
}

/* 1: it is none. */
static int xfs_read(Xfs *xfs, uint64_t size)
{
        unsigned char bytes[SECTOR_MIN];
        int r = bytes_read(xfs->fd, bytes, sizeof(bytes), xfs->base);

        if (r < 0)
                return r;
        if (memcmp(bytes, "XFSB", 4) != 0)
                return 1;
        xfs->block_bytes = number_at(bytes, 4);
        xfs->group_blocks = number_at(bytes, 84);
        xfs->n_groups = number_at(bytes, 88);
        xfs->has_list_header = (short_at(bytes, 100) & VERSION_MASK) >= 5;
        xfs->sector_bytes = short_at(bytes, 102);
        if (xfs->block_bytes < SECTOR_MIN || xfs->block_bytes > BLOCK_MAX ||
                xfs->sector_bytes < SECTOR_MIN || xfs->sector_bytes > SECTOR_MAX ||
                xfs->n_groups < 1 || xfs->n_groups > GROUPS_MAX ||
                (uint64_t)(xfs->n_groups - 1) * xfs->group_blocks > size / xfs->block_bytes)
                return -EBADMSG;
        return 0;
}

static int block_add(const Xfs *xfs, uint64_t group_start, uint32_t block, Map *map)
{
        uint64_t start = group_start + (uint64_t)block * xfs->block_bytes;

        if (block == NO_BLOCK)
                return 0;
        if (block >= xfs->group_blocks)
                return -EBADMSG;
        return map_add(map, start, start + xfs->block_bytes);
}

/* A ring: `count` entries from `first` on. */
static int group_add(const Xfs *xfs, uint64_t group_start, Map *map)
{
        unsigned char agf[SECTOR_MIN], list[SECTOR_MAX];
        size_t header = xfs->has_list_header ? AGFL_HEADER_BYTES : 0;
        uint32_t n_slots = (uint32_t)((xfs->sector_bytes - header) / sizeof(uint32_t));
        uint32_t first, count;
        int r = bytes_read(xfs->fd, agf, sizeof(agf), group_start + xfs->sector_bytes);

        if (r >= 0)
                r = bytes_read(xfs->fd, list, xfs->sector_bytes,
                        group_start + UINT64_C(3) * xfs->sector_bytes);
        if (r < 0)
                return r;
        first = number_at(agf, 40);
        count = number_at(agf, 48);
        if (memcmp(agf, "XAGF", 4) != 0 || first >= n_slots || count > n_slots)
                return -EBADMSG;
        for (uint32_t i = 0; r >= 0 && i < count; i++)
                r = block_add(xfs, group_start,
                        number_at(list, header + (first + i) % n_slots * sizeof(uint32_t)), map);
        return r;
}

int spare_add(Map *map, int fd, uint64_t base, uint64_t size)
{
        Xfs xfs = { .fd = fd, .base = base };
        int r = xfs_read(&xfs, size);

        if (r > 0)
                return 0;
        for (uint32_t i = 0; r >= 0 && i < xfs.n_groups; i++)
                r = group_add(&xfs, base + (uint64_t)i * xfs.group_blocks * xfs.block_bytes, map);
        return r;
}
