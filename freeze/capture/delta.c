/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/delta.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static void *memory_map(size_t bytes)
{
        void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        /* A limit may forbid the lock: then the work goes on, a little less certain. */
        if (memory != MAP_FAILED)
                (void)mlock2(memory, bytes, MLOCK_ONFAULT);
        return memory == MAP_FAILED ? NULL : memory;
}

int delta_init(Delta *delta, uint64_t bytes)
{
        *delta = (Delta){ .limit = bytes / BLOCK_BYTES };
        delta->offsets = memory_map(delta->limit * sizeof(*delta->offsets));
        delta->blocks = memory_map(delta->limit * BLOCK_BYTES);
        return delta->offsets && delta->blocks ? 0 : -ENOMEM;
}

void delta_done(Delta *delta)
{
        if (delta->offsets)
                (void)munmap(delta->offsets, delta->limit * sizeof(*delta->offsets));
        if (delta->blocks)
                (void)munmap(delta->blocks, delta->limit * BLOCK_BYTES);
        *delta = (Delta){ 0 };
}

int delta_add(Delta *delta, const void *block, uint64_t offset)
{
        size_t slot = atomic_fetch_add(&delta->count, 1);

        if (slot >= delta->limit)
                return -E2BIG;
        delta->offsets[slot] = offset;
        memcpy(delta->blocks + slot * BLOCK_BYTES, block, BLOCK_BYTES);
        return 0;
}
