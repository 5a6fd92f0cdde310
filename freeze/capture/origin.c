/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/origin.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"

/* In sysfs, whatever the device's own sectors are. */
#define SECTOR_BYTES 512
#define LINE_MAX_BYTES 64

static void folder_name(unsigned major, unsigned minor, const char *member, char *ret)
{
        (void)snprintf(ret, PATH_MAX, "/sys/dev/block/%u:%u%s%s", major, minor,
                member[0] ? "/" : "", member);
}

int origin_name(unsigned major, unsigned minor, char *ret, size_t size)
{
        char folder[PATH_MAX], target[PATH_MAX];
        const char *name;
        ssize_t n;

        folder_name(major, minor, "", folder);
        n = readlink(folder, target, sizeof(target) - 1);
        if (n < 0)
                return -ENODEV;
        target[n] = '\0';
        name = strrchr(target, '/');
        if (!name || (size_t)snprintf(ret, size, "/dev/%s", name + 1) >= size)
                return -ENODEV;
        for (char *mark = ret; (mark = strchr(mark, '!'));) /* cciss!c0d0 is /dev/cciss/c0d0 */
                *mark = '/';
        return 0;
}

/* 1: there is no such attribute. */
static int attribute_read(unsigned major, unsigned minor, const char *member, char *ret)
{
        char path[PATH_MAX];
        _cleanup_(fclosep) FILE *file = NULL;

        folder_name(major, minor, member, path);
        file = fopen(path, "re");
        if (!file)
                return errno == ENOENT ? 1 : -errno;
        return fgets(ret, LINE_MAX_BYTES, file) ? 0 : -EIO;
}

static int number_read(unsigned major, unsigned minor, const char *member, uint64_t *ret)
{
        char line[LINE_MAX_BYTES];
        int r = attribute_read(major, minor, member, line);

        if (r != 0)
                return r;
        return sscanf(line, "%" SCNu64, ret) == 1 ? 0 : -EBADMSG;
}

static int partition_read(unsigned major, unsigned minor, Range *ret)
{
        uint64_t start, size;
        int r = number_read(major, minor, "start", &start);

        if (r == 0)
                r = number_read(major, minor, "size", &size);
        if (r == 0)
                *ret = (Range){ start * SECTOR_BYTES, (start + size) * SECTOR_BYTES };
        return r;
}

/* `about` is the device that something lies on: 0 if that is our own, or a partition of it. */
static int device_locate(unsigned major, unsigned minor, dev_t about, Range *ret)
{
        unsigned its_major = major(about), its_minor = minor(about), disk_major, disk_minor;
        char line[LINE_MAX_BYTES];
        uint64_t number;
        int r;

        if (its_major == major && its_minor == minor) {
                *ret = (Range){ 0, UINT64_MAX };
                return 0;
        }
        r = number_read(its_major, its_minor, "partition", &number);
        if (r != 0)
                return r;
        r = attribute_read(its_major, its_minor, "../dev", line);
        if (r != 0 || sscanf(line, "%u:%u", &disk_major, &disk_minor) != 2)
                return r < 0 ? r : 1;
        if (disk_major != major || disk_minor != minor)
                return 1;
        return partition_read(its_major, its_minor, ret);
}

int origin_locate_node(unsigned major, unsigned minor, const char *path, Range *ret)
{
        struct stat about;

        if (strncmp(path, "/dev/", strlen("/dev/")) != 0 || stat(path, &about) < 0 ||
                !S_ISBLK(about.st_mode))
                return 1;
        return device_locate(major, minor, about.st_rdev, ret);
}

/* btrfs has a number of no device, and is known by its source. */
int origin_locate_mount(unsigned major, unsigned minor, const MountLine *line, Range *ret)
{
        if (line->major == 0)
                return origin_locate_node(major, minor, line->source, ret);
        return device_locate(major, minor, makedev(line->major, line->minor), ret);
}

static int folder_first(const char *path, char *ret, size_t size)
{
        _cleanup_(closedirp) DIR *folder = opendir(path);
        const struct dirent *entry;

        if (!folder)
                return errno == ENOENT ? 0 : -errno;
        while ((entry = readdir(folder)))
                if (entry->d_name[0] != '.') {
                        (void)snprintf(ret, size, "%s", entry->d_name);
                        return 1;
                }
        return 0;
}

int origin_find_holder(unsigned major, unsigned minor, char *ret, size_t size)
{
        char path[PATH_MAX];
        _cleanup_(closedirp) DIR *folder = NULL;
        const struct dirent *entry;
        int r;

        folder_name(major, minor, "holders", path);
        r = folder_first(path, ret, size);
        folder_name(major, minor, "", path);
        folder = opendir(path);
        if (!folder)
                return -errno;
        while (r == 0 && (entry = readdir(folder))) {
                char holders[PATH_MAX + 300];

                if (entry->d_name[0] == '.' || entry->d_type != DT_DIR)
                        continue;
                (void)snprintf(holders, sizeof(holders), "%s/%s/holders", path, entry->d_name);
                r = folder_first(holders, ret, size);
        }
        return r;
}

/* 1: what this name in the device's folder is, is no partition. */
static int partition_find(
        unsigned major, unsigned minor, const char *name, char *ret_path, Range *ret)
{
        char member[PATH_MAX], line[LINE_MAX_BYTES];
        unsigned its_major, its_minor;
        uint64_t number;
        int r;

        (void)snprintf(member, sizeof(member), "%s/partition", name);
        r = number_read(major, minor, member, &number);
        if (r != 0)
                return r;
        (void)snprintf(member, sizeof(member), "%s/dev", name);
        r = attribute_read(major, minor, member, line);
        if (r != 0 || sscanf(line, "%u:%u", &its_major, &its_minor) != 2)
                return r < 0 ? r : 1;
        r = partition_read(its_major, its_minor, ret);
        return r == 0 ? origin_name(its_major, its_minor, ret_path, PATH_MAX) : r;
}

int origin_visit_partitions(unsigned major, unsigned minor, PartitionVisit visit, void *userdata)
{
        char path[PATH_MAX];
        _cleanup_(closedirp) DIR *folder = NULL;
        const struct dirent *entry;
        int r = 0;

        folder_name(major, minor, "", path);
        folder = opendir(path);
        if (!folder)
                return -errno;
        while (r >= 0 && (entry = readdir(folder))) {
                Range place;

                if (entry->d_name[0] == '.' || entry->d_type != DT_DIR)
                        continue;
                r = partition_find(major, minor, entry->d_name, path, &place);
                if (r == 0)
                        r = visit(userdata, path, &place);
        }
        return r < 0 ? r : 0;
}
