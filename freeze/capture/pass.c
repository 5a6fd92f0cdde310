/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/pass.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "freeze/moment.h"

/* One read of this size keeps a disk busy; each thread has one under way. */
#define CHUNK_BYTES (UINT64_C(1) << 20)
#define CHUNK_BLOCKS (CHUNK_BYTES / BLOCK_BYTES)
#define THREADS 8
/* A hole that is smaller is read with its surroundings: that is quicker than a read of its own. */
#define GAP_BLOCKS 8

typedef struct Crowd {
        Pass *pass;
        Trouble *trouble;
        pthread_mutex_t mutex; /* of what follows */
        uint64_t next;         /* the chunk that nobody has taken yet */
        int error;
} Crowd;

/* What a thread has in its hands. */
typedef struct Chunk {
        uint64_t start;
        uint64_t end;
        size_t n_blocks;
        char *data;
        bool is_used[CHUNK_BLOCKS]; /* something in it is in use */
        bool is_changed[CHUNK_BLOCKS];
        uint64_t read_bytes;
        uint64_t changed_bytes;
} Chunk;

int table_init(Table *table, uint64_t device_bytes)
{
        void *numbers;

        table->count = (size_t)((device_bytes + BLOCK_BYTES - 1) / BLOCK_BYTES);
        /* Where the device is not in use it stays as it is, and takes no memory. */
        numbers = mmap(NULL, table->count * sizeof(*table->numbers), PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (numbers == MAP_FAILED)
                return -ENOMEM;
        table->numbers = numbers;
        return digest_init(&table->digest);
}

void table_done(Table *table)
{
        if (table->numbers)
                (void)munmap(table->numbers, table->count * sizeof(*table->numbers));
        table->numbers = NULL;
}

static uint64_t block_start(const Chunk *chunk, size_t block)
{
        return chunk->start + block * BLOCK_BYTES;
}

static void chunk_judge(Chunk *chunk, const Map *map)
{
        for (size_t i = 0; i < chunk->n_blocks; i++) {
                uint64_t start = block_start(chunk, i), end = start + BLOCK_BYTES;

                chunk->is_used[i] = !map_covers(map, start, end < chunk->end ? end : chunk->end);
                chunk->is_changed[i] = false;
        }
}

/* The first used block from `first` on, and the end of its run; false if there is none. */
static bool run_find(const Chunk *chunk, size_t *first, size_t *ret_end)
{
        size_t gap = 0, end;

        while (*first < chunk->n_blocks && !chunk->is_used[*first])
                (*first)++;
        end = *first;
        for (size_t i = *first; i < chunk->n_blocks && gap <= GAP_BLOCKS; i++) {
                gap = chunk->is_used[i] ? 0 : gap + 1;
                if (gap == 0)
                        end = i + 1;
        }
        *ret_end = end;
        return *first < chunk->n_blocks;
}

static int run_read(const Disk *disk, Chunk *chunk, size_t first, size_t end, Trouble *trouble)
{
        uint64_t offset = block_start(chunk, first), stop = block_start(chunk, end);
        char *data = chunk->data + first * BLOCK_BYTES;

        if (stop > chunk->end) {
                memset(data, 0, stop - offset);
                stop = chunk->end;
        }
        while (offset < stop) {
                ssize_t n = pread(disk->fd, data, stop - offset, (off_t)offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return trouble_tell(trouble, n < 0 ? -errno : -EIO,
                                "%s cannot be read near byte %llu: %s", disk->path,
                                (unsigned long long)offset, strerror(n < 0 ? errno : EIO));
                data += n;
                offset += (uint64_t)n;
                chunk->read_bytes += (uint64_t)n;
        }
        return 0;
}

/* What is not in use is not in the image, also where it is a part of a block. */
static void run_blank(const Map *map, Chunk *chunk, size_t first, size_t end)
{
        uint64_t start = block_start(chunk, first), stop = block_start(chunk, end);

        for (size_t i = map_find(map, start); i < map->count && map->ranges[i].start < stop; i++) {
                const Range *range = &map->ranges[i];
                uint64_t from = range->start > start ? range->start : start;
                uint64_t to = range->end < stop ? range->end : stop;

                memset(chunk->data + (from - chunk->start), 0, to - from);
        }
}

static int chunk_read(const Pass *pass, Chunk *chunk, Trouble *trouble)
{
        size_t first = 0, end;
        int r = 0;

        while (r >= 0 && run_find(chunk, &first, &end)) {
                r = run_read(pass->disk, chunk, first, end, trouble);
                run_blank(pass->map, chunk, first, end);
                first = end;
        }
        return r;
}

static void chunk_compare(const Pass *pass, Chunk *chunk)
{
        uint64_t *numbers = pass->table->numbers + chunk->start / BLOCK_BYTES;

        for (size_t i = 0; i < chunk->n_blocks; i++) {
                uint64_t number;

                if (!chunk->is_used[i])
                        continue;
                number = digest_block(&pass->table->digest, chunk->data + i * BLOCK_BYTES);
                chunk->is_changed[i] = number != numbers[i];
                numbers[i] = number;
        }
}

static int delta_keep(Delta *delta, Chunk *chunk, size_t first, size_t end)
{
        int r = 0;

        for (size_t i = first; r >= 0 && i < end; i++)
                r = delta_add(delta, chunk->data + i * BLOCK_BYTES, block_start(chunk, i));
        return r;
}

static int chunk_keep(const Pass *pass, Chunk *chunk, Trouble *trouble)
{
        int r = 0;

        for (size_t first = 0, end; r >= 0 && first < chunk->n_blocks; first = end) {
                end = first;
                while (end < chunk->n_blocks && chunk->is_changed[end])
                        end++;
                if (end > first && pass->delta)
                        r = delta_keep(pass->delta, chunk, first, end);
                else if (end > first)
                        r = stage_write(pass->stage, chunk->data + first * BLOCK_BYTES,
                                (end - first) * BLOCK_BYTES, block_start(chunk, first), trouble);
                chunk->changed_bytes += (end - first) * BLOCK_BYTES;
                end += end == first;
        }
        return r;
}

static int chunk_work(const Pass *pass, Chunk *chunk, uint64_t index, Trouble *trouble)
{
        int r;

        chunk->start = index * CHUNK_BYTES;
        chunk->end = chunk->start + CHUNK_BYTES;
        if (chunk->end > pass->disk->size)
                chunk->end = pass->disk->size;
        if (map_covers(pass->map, chunk->start, chunk->end))
                return 0;
        chunk->n_blocks = (size_t)((chunk->end - chunk->start + BLOCK_BYTES - 1) / BLOCK_BYTES);
        chunk_judge(chunk, pass->map);
        r = chunk_read(pass, chunk, trouble);
        if (r < 0)
                return r;
        chunk_compare(pass, chunk);
        return chunk_keep(pass, chunk, trouble);
}

static int interruption_check(const Pass *pass)
{
        struct pollfd client = { .fd = pass->client_fd, .events = POLLIN | POLLRDHUP };

        if (moment_usec() >= pass->deadline_usec)
                return -ETIMEDOUT;
        return poll(&client, 1, 0) > 0 ? -ECANCELED : 0;
}

/* false: there is none left, or somebody has failed. */
static bool chunk_take(Crowd *crowd, int result, const Trouble *trouble, uint64_t *ret_index)
{
        bool is_there;

        (void)pthread_mutex_lock(&crowd->mutex);
        if (result < 0 && crowd->error == 0) {
                crowd->error = result;
                *crowd->trouble = *trouble;
        }
        *ret_index = crowd->next++;
        is_there = crowd->error == 0 && *ret_index * CHUNK_BYTES < crowd->pass->disk->size;
        (void)pthread_mutex_unlock(&crowd->mutex);
        return is_there;
}

static void crowd_count(Crowd *crowd, const Chunk *chunk)
{
        (void)pthread_mutex_lock(&crowd->mutex);
        crowd->pass->read_bytes += chunk->read_bytes;
        crowd->pass->changed_bytes += chunk->changed_bytes;
        (void)pthread_mutex_unlock(&crowd->mutex);
}

static void *thread_work(void *argument)
{
        Crowd *crowd = argument;
        Trouble trouble = { 0 };
        Chunk chunk = { 0 };
        uint64_t index;
        int r = 0;

        chunk.data = aligned_alloc(BLOCK_BYTES, CHUNK_BYTES);
        if (!chunk.data)
                r = -ENOMEM;
        while (chunk_take(crowd, r, &trouble, &index)) {
                r = interruption_check(crowd->pass);
                if (r >= 0)
                        r = chunk_work(crowd->pass, &chunk, index, &trouble);
        }
        crowd_count(crowd, &chunk);
        free(chunk.data);
        return NULL;
}

static void trouble_explain(const Pass *pass, int error, Trouble *trouble)
{
        if (error == -ETIMEDOUT)
                (void)trouble_tell(trouble, error,
                        "the time of the window ended after %llu MiB were read again: raise the "
                        "budget, or capture less",
                        (unsigned long long)(pass->read_bytes >> 20));
        if (error == -E2BIG)
                (void)trouble_tell(trouble, error,
                        "more than %llu MiB have changed since the last pass: raise this limit, or "
                        "stop what writes so much",
                        (unsigned long long)(pass->delta->limit * BLOCK_BYTES >> 20));
}

int pass_run(Pass *pass, Trouble *trouble)
{
        Crowd crowd = { .pass = pass, .trouble = trouble };
        pthread_t threads[THREADS - 1];
        unsigned n_threads = 0;

        pass->read_bytes = pass->changed_bytes = 0;
        (void)pthread_mutex_init(&crowd.mutex, NULL);
        while (n_threads < ELEMENTSOF(threads) &&
                pthread_create(&threads[n_threads], NULL, thread_work, &crowd) == 0)
                n_threads++;
        (void)thread_work(&crowd);
        for (unsigned i = 0; i < n_threads; i++)
                (void)pthread_join(threads[i], NULL);
        (void)pthread_mutex_destroy(&crowd.mutex);
        trouble_explain(pass, crowd.error, trouble);
        return crowd.error;
}
