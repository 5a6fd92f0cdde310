/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/written.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define WRITTEN_BYTES (sizeof(Written) + WRITTEN_ITEMS_MAX * sizeof(WrittenItem))

int written_new(const char *path, Written **ret)
{
        _cleanup_(closep) int fd = -EBADF;
        Written *written;

        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0)
                return -errno;

        if (ftruncate(fd, WRITTEN_BYTES) < 0)
                return -errno;

        written = mmap(NULL, WRITTEN_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (written == MAP_FAILED)
                return -errno;

        written->magic = WRITTEN_MAGIC;
        *ret = written;
        return 0;
}

Written *written_free(Written *written)
{
        if (written)
                (void)munmap(written, WRITTEN_BYTES);
        return NULL;
}

void written_begin(Written *written)
{
        atomic_store(&written->began_usec, clock_usec());
}

int written_end(Written *written)
{
        uint64_t n = atomic_load(&written->n_items);

        if (n == WRITTEN_ITEMS_MAX)
                return -ENOSPC;

        written->items[n] = (WrittenItem){
                .began_usec = atomic_load(&written->began_usec),
                .ended_usec = clock_usec(),
        };
        /* The count comes after the item: whoever reads it finds the item complete. */
        atomic_store(&written->n_items, n + 1);
        atomic_store(&written->began_usec, 0);
        return 0;
}
