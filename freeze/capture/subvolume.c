/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/subvolume.h"

#include <errno.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "freeze/moment.h"

/* BTRFS_FIRST_FREE_OBJECTID of btrfs_tree.h: the inode of each one's root, and of nothing else. */
#define ROOT_INODE 256u
#define DELETION_USEC UINT64_C(300000000)
#define DELETION_PAUSE_USEC UINT64_C(50000)

void subvolumes_done(Subvolumes *subvolumes)
{
        for (size_t i = 0; i < subvolumes->count; i++) {
                free(subvolumes->items[i].root);
                free(subvolumes->items[i].point);
        }
        free(subvolumes->items);
        *subvolumes = (Subvolumes){ 0 };
}

static SubvolumeMount *find(const Subvolumes *subvolumes, const char *root)
{
        for (size_t i = 0; i < subvolumes->count; i++)
                if (strcmp(subvolumes->items[i].root, root) == 0)
                        return &subvolumes->items[i];
        return NULL;
}

static int replace(SubvolumeMount *mount, const char *point)
{
        char *copy = strdup(point);

        if (!copy)
                return -ENOMEM;
        free(mount->point);
        mount->point = copy;
        return 0;
}

int subvolumes_add(Subvolumes *subvolumes, const char *root, const char *point, bool wins)
{
        SubvolumeMount *mount = find(subvolumes, root), *items;

        if (mount)
                return wins ? replace(mount, point) : 0;
        items = reallocarray(subvolumes->items, subvolumes->count + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        subvolumes->items = items;
        mount = &items[subvolumes->count++];
        *mount = (SubvolumeMount){ .root = strdup(root) };
        return mount->root ? replace(mount, point) : -ENOMEM;
}

const char *subvolumes_find_point(const Subvolumes *subvolumes, const char *root)
{
        const SubvolumeMount *mount = find(subvolumes, root);

        return mount ? mount->point : NULL;
}

const char *subvolumes_find_root(const Subvolumes *subvolumes, const char *point)
{
        for (size_t i = 0; i < subvolumes->count; i++)
                if (strcmp(subvolumes->items[i].point, point) == 0)
                        return subvolumes->items[i].root;
        return NULL;
}

/* 1: there is one; the kernel notes each in the tree of trees until it is gone. */
static int deletion_is_pending(int fd)
{
        struct btrfs_ioctl_search_args search = {
                .key = {
                        .tree_id = BTRFS_ROOT_TREE_OBJECTID,
                        .min_objectid = BTRFS_ORPHAN_OBJECTID,
                        .max_objectid = BTRFS_ORPHAN_OBJECTID,
                        .min_type = BTRFS_ORPHAN_ITEM_KEY,
                        .max_type = BTRFS_ORPHAN_ITEM_KEY,
                        .max_offset = UINT64_MAX,
                        .max_transid = UINT64_MAX,
                        .nr_items = 1,
                },
        };

        return ioctl(fd, BTRFS_IOC_TREE_SEARCH, &search) < 0 ? -errno : search.key.nr_items > 0;
}

int subvolumes_await_deletion(int fd)
{
        uint64_t end_usec = moment_usec() + DELETION_USEC;
        int r;

        for (;;) {
                if (syncfs(fd) < 0)
                        return -errno;
                r = deletion_is_pending(fd);
                if (r <= 0)
                        return r;
                if (moment_usec() >= end_usec)
                        return -ETIMEDOUT;
                moment_sleep(DELETION_PAUSE_USEC);
        }
}

int subvolume_is_root(int fd)
{
        struct stat about;

        return fstat(fd, &about) < 0 ? -errno : about.st_ino == ROOT_INODE;
}

int subvolume_unlock(int fd)
{
        uint64_t flags = 0;

        if (ioctl(fd, BTRFS_IOC_SUBVOL_GETFLAGS, &flags) < 0)
                return -errno;
        if (!(flags & BTRFS_SUBVOL_RDONLY))
                return 0;
        flags &= ~(uint64_t)BTRFS_SUBVOL_RDONLY;
        return ioctl(fd, BTRFS_IOC_SUBVOL_SETFLAGS, &flags) < 0 ? -errno : 1;
}

int subvolume_lock(int fd)
{
        uint64_t flags = 0;

        if (ioctl(fd, BTRFS_IOC_SUBVOL_GETFLAGS, &flags) < 0)
                return -errno;
        flags |= BTRFS_SUBVOL_RDONLY;
        return ioctl(fd, BTRFS_IOC_SUBVOL_SETFLAGS, &flags) < 0 ? -errno : 0;
}
