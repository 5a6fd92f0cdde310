/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/map.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/fsmap.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"

/* Of one ioctl: 48 KiB of answers. */
#define RECORDS 1024
#define EXTENTS 512

void map_done(Map *map)
{
        free(map->ranges);
        *map = (Map){ 0 };
}

void map_clear(Map *map)
{
        map->count = 0;
}

int map_add(Map *map, uint64_t start, uint64_t end)
{
        if (start >= end)
                return 0;
        if (map->count == map->allocated) {
                size_t allocated = map->allocated ? 2 * map->allocated : 1024;
                Range *ranges = reallocarray(map->ranges, allocated, sizeof(*ranges));

                if (!ranges)
                        return -ENOMEM;
                map->ranges = ranges;
                map->allocated = allocated;
        }
        map->ranges[map->count++] = (Range){ .start = start, .end = end };
        return 0;
}

static int range_compare(const void *a, const void *b)
{
        const Range *left = a, *right = b;

        return (left->start > right->start) - (left->start < right->start);
}

void map_sort(Map *map)
{
        size_t n = 0;

        if (map->count == 0)
                return;
        qsort(map->ranges, map->count, sizeof(*map->ranges), range_compare);
        for (size_t i = 1; i < map->count; i++) {
                const Range *next = &map->ranges[i];

                if (next->start > map->ranges[n].end)
                        map->ranges[++n] = *next;
                else if (next->end > map->ranges[n].end)
                        map->ranges[n].end = next->end;
        }
        map->count = n + 1;
}

size_t map_find(const Map *map, uint64_t offset)
{
        size_t low = 0, high = map->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (map->ranges[middle].end > offset)
                        high = middle;
                else
                        low = middle + 1;
        }
        return low;
}

bool map_covers(const Map *map, uint64_t start, uint64_t end)
{
        size_t i = map_find(map, start);

        return i < map->count && map->ranges[i].start <= start && map->ranges[i].end >= end;
}

uint64_t map_count_rest(const Map *map, uint64_t start, uint64_t end)
{
        uint64_t rest = end - start;

        for (size_t i = map_find(map, start); i < map->count && map->ranges[i].start < end; i++) {
                const Range *range = &map->ranges[i];

                rest -= (range->end < end ? range->end : end) -
                        (range->start > start ? range->start : start);
        }
        return rest;
}

static int records_add(Map *map, const struct fsmap_head *head, uint32_t *device, uint64_t base)
{
        int r = 0;

        for (uint32_t i = 0; r >= 0 && i < head->fmh_entries; i++) {
                const struct fsmap *record = &head->fmh_recs[i];

                if (*device == 0)
                        *device = record->fmr_device;
                if (record->fmr_device != *device)
                        return -EXDEV;
                if (record->fmr_flags & FMR_OF_SPECIAL_OWNER && record->fmr_owner == FMR_OWN_FREE)
                        r = map_add(map, base + record->fmr_physical,
                                base + record->fmr_physical + record->fmr_length);
        }
        return r;
}

static bool is_last(const struct fsmap_head *head)
{
        return head->fmh_entries == 0 ||
                head->fmh_recs[head->fmh_entries - 1].fmr_flags & FMR_OF_LAST;
}

int map_add_free(Map *map, int mount_fd, uint64_t base)
{
        _cleanup_(freep) struct fsmap_head *head = calloc(1, fsmap_sizeof(RECORDS));
        uint32_t device = 0;
        int r = 0;

        if (!head)
                return -ENOMEM;
        head->fmh_count = RECORDS;
        head->fmh_keys[1] = (struct fsmap){
                .fmr_device = UINT32_MAX,
                .fmr_flags = UINT32_MAX,
                .fmr_physical = UINT64_MAX,
                .fmr_owner = UINT64_MAX,
                .fmr_offset = UINT64_MAX,
        };
        for (;;) {
                if (ioctl(mount_fd, FS_IOC_GETFSMAP, head) < 0)
                        return errno == ENOTTY || errno == EOPNOTSUPP ? 1 : -errno;
                r = records_add(map, head, &device, base);
                if (r < 0 || is_last(head))
                        return r;
                fsmap_advance(head);
        }
}

typedef struct FileMap {
        Map *map;
        uint64_t from;
        uint64_t base;
        bool is_of_unwritten; /* only these */
} FileMap;

/* An extent that has begun before `from` counts from there on. */
static int extent_add(const FileMap *file, const struct fiemap_extent *extent)
{
        uint64_t skip = extent->fe_logical < file->from ? file->from - extent->fe_logical : 0;
        uint64_t start = file->base + extent->fe_physical;

        if (extent->fe_flags & (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_NOT_ALIGNED) ||
                (file->is_of_unwritten && !(extent->fe_flags & FIEMAP_EXTENT_UNWRITTEN)))
                return 0;
        return map_add(file->map, start + skip, start + extent->fe_length);
}

static int extents_add(const FileMap *file, int fd)
{
        size_t size = sizeof(struct fiemap) + EXTENTS * sizeof(struct fiemap_extent);
        _cleanup_(freep) struct fiemap *request = calloc(1, size);
        bool is_end = false;
        int r = 0;

        if (!request)
                return -ENOMEM;
        request->fm_start = file->from;
        while (r >= 0 && !is_end) {
                const struct fiemap_extent *extent = request->fm_extents;

                request->fm_length = FIEMAP_MAX_OFFSET - request->fm_start;
                request->fm_extent_count = EXTENTS;
                if (ioctl(fd, FS_IOC_FIEMAP, request) < 0)
                        return -errno;
                is_end = request->fm_mapped_extents == 0;
                for (uint32_t i = 0; r >= 0 && i < request->fm_mapped_extents; i++, extent++) {
                        r = extent_add(file, extent);
                        is_end = extent->fe_flags & FIEMAP_EXTENT_LAST;
                        request->fm_start = extent->fe_logical + extent->fe_length;
                }
        }
        return r;
}

int map_add_file(Map *map, int fd, uint64_t from, uint64_t base)
{
        const FileMap file = { .map = map, .from = from, .base = base };

        return extents_add(&file, fd);
}

int map_add_unwritten(Map *map, int fd, uint64_t base)
{
        const FileMap file = { .map = map, .base = base, .is_of_unwritten = true };

        return extents_add(&file, fd);
}
