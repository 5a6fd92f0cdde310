/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/swap.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "freeze/capture/origin.h"
#include "freeze/mount-line.h"
#include "freeze/target.h"

/* A page has up to 64 KiB. */
#define HEADER_BYTES 65536

void swaps_done(Swaps *swaps)
{
        for (unsigned i = 0; i < swaps->count; i++)
                closep(&swaps->items[i].fd);
        swaps->count = 0;
}

static bool tells_blocks(const Part *part)
{
        Map map = { 0 };
        int r = map_add_free(&map, part->mount_fd, 0);

        map_done(&map);
        return r == 0;
}

/* 1: it is on none of the parts. */
static int file_find(const Disk *disk, const char *path, Swap *ret)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0)
                return 1;
        for (unsigned i = 0; i < disk->n_parts; i++) {
                const Part *part = &disk->parts[i];

                if (target_check(fd, part->major, part->minor) < 0 || !tells_blocks(part))
                        continue;
                *ret = (Swap){ .fd = TAKE_FD(fd), .place = { part->start, part->start } };
                return 0;
        }
        return 1;
}

/* "/dev/vda2 partition 1048572 0 -2", or "/swapfile file ..." */
static int line_find(const Disk *disk, char *line, Swap *ret)
{
        char *save = NULL, *path = strtok_r(line, " \t", &save),
             *type = strtok_r(NULL, " \t", &save);
        int r;

        if (!path || !type || path[0] != '/')
                return 1;
        mount_line_unescape(path);
        if (strcmp(type, "file") == 0)
                return file_find(disk, path, ret);
        *ret = (Swap){ .fd = -EBADF };
        r = origin_locate_node(disk->major, disk->minor, path, &ret->place);
        return r == 0 && ret->place.end == UINT64_MAX ? 1 : r;
}

int swaps_find(Swaps *swaps, const Disk *disk)
{
        _cleanup_(fclosep) FILE *file = fopen("/proc/swaps", "re");
        char line[PATH_MAX + 256];
        int r = 0;

        if (!file)
                return errno == ENOENT ? 0 : -errno;
        while (r >= 0 && swaps->count < SWAPS_MAX && fgets(line, sizeof(line), file)) {
                r = line_find(disk, line, &swaps->items[swaps->count]);
                if (r == 0)
                        swaps->count++;
        }
        return r < 0 ? r : 0;
}

int swaps_map(const Swaps *swaps, Map *map)
{
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < swaps->count; i++) {
                const Swap *swap = &swaps->items[i];

                if (swap->fd >= 0)
                        r = map_add_file(map, swap->fd, HEADER_BYTES, swap->place.start);
                else
                        r = map_add(map, swap->place.start + HEADER_BYTES, swap->place.end);
        }
        return r;
}
