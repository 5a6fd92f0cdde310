/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/idle.h"

#include <fcntl.h>
#include <string.h>

#include "freeze/capture/origin.h"

/* The mark of mkswap(8), and of a memory that was put to sleep there, ends the first page. */
#define MARK_BYTES 10
#define PAGE_MIN 4096
#define PAGE_MAX 65536

typedef struct Idle {
        const Disk *disk;
        Swaps *swaps;
        Trouble *trouble;
} Idle;

static bool is_known(const Idle *idle, const Range *place)
{
        for (unsigned i = 0; i < idle->disk->n_parts; i++)
                if (idle->disk->parts[i].start == place->start)
                        return true;
        for (unsigned i = 0; i < idle->swaps->count; i++)
                if (idle->swaps->items[i].fd < 0 &&
                        idle->swaps->items[i].place.start == place->start)
                        return true;
        return false;
}

static bool has_swap(int fd)
{
        for (off_t page = PAGE_MIN; page <= PAGE_MAX; page *= 2) {
                char mark[MARK_BYTES];

                if (pread(fd, mark, sizeof(mark), page - MARK_BYTES) == MARK_BYTES &&
                        (memcmp(mark, "SWAPSPACE2", MARK_BYTES) == 0 ||
                                memcmp(mark, "S1SUSPEND", MARK_BYTES) == 0))
                        return true;
        }
        return false;
}

/* Whoever mounts a device, or swaps to it, holds it exclusively, in any namespace: open(2), O_EXCL.
 */
static int partition_visit(void *userdata, const char *path, const Range *place)
{
        _cleanup_(closep) int fd = -EBADF;
        const Idle *idle = userdata;

        if (is_known(idle, place))
                return 0;
        fd = open(path, O_RDONLY | O_EXCL | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == EBUSY)
                return trouble_tell(idle->trouble, -EBUSY,
                        "%s is in use, but not mounted where the system sees it: end what uses it, "
                        "a container perhaps",
                        path);
        if (fd < 0 || !has_swap(fd))
                return 0;
        if (idle->swaps->count == SWAPS_MAX)
                return trouble_tell(idle->trouble, -E2BIG, "%s has more than %d places for swap",
                        idle->disk->path, SWAPS_MAX);
        idle->swaps->items[idle->swaps->count++] = (Swap){ .fd = -EBADF, .place = *place };
        return 0;
}

int idle_check(const Disk *disk, Swaps *swaps, Trouble *trouble)
{
        Idle idle = { .disk = disk, .swaps = swaps, .trouble = trouble };

        return origin_visit_partitions(disk->major, disk->minor, partition_visit, &idle);
}
