/* SPDX-License-Identifier: Apache-2.0 */
/* The block devices of this machine, as sysfs shows them. */

#include "host/blockdev.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"

/* sysfs gives at most a page. */
#define ATTRIBUTE_BYTES_MAX 4096U
#define SLAVES_COUNT_MAX 1024U
#define SECTOR_BYTES 512U /* of the attribute `size`, whatever the device's own is */

static void block_device_done(BlockDevice *device)
{
        free(device->name);
        free(device->disk);
        string_list_done(&device->slaves);
        free(device->serial);
        free(device->model);
        free(device->dm_name);
        free(device->dm_uuid);
        free(device->md_level);
        free(device->backing_file);
        *device = (BlockDevice){ 0 };
}

void block_devices_done(BlockDevices *devices)
{
        for (size_t i = 0; i < devices->count; i++)
                block_device_done(devices->items + i);
        free(devices->items);
        free(devices->by_number);
        *devices = BLOCK_DEVICES_INIT;
}

/* Opens a folder below `dir` for reading; NULL if there is none. */
static DIR *open_folder(int dir, const char *name)
{
        _cleanup_(closep) int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *opened = fd >= 0 ? fdopendir(fd) : NULL;

        if (opened)
                (void)TAKE_FD(fd);
        return opened;
}

/* Without the newline that sysfs adds; *ret stays NULL if the attribute is missing. */
static int read_attribute(int dir, const char *name, char **ret)
{
        _cleanup_(closep) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
        _cleanup_(freep) char *value = NULL;
        size_t length;
        int r;

        if (fd < 0)
                return 0;
        r = file_read_fd(fd, ATTRIBUTE_BYTES_MAX, &value, NULL);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        length = strlen(value);
        if (length > 0 && value[length - 1] == '\n')
                value[length - 1] = '\0';
        *ret = TAKE_PTR(value);
        return 0;
}

/* NVMe pads serial and model with blanks to a fixed width. */
static int read_padded(int dir, const char *name, char **ret)
{
        _cleanup_(freep) char *value = NULL;
        const char *start;
        size_t length;
        int r = read_attribute(dir, name, &value);

        if (r < 0 || !value || *ret)
                return r;
        start = value + strspn(value, " \t\n");
        length = strlen(start);
        while (length > 0 && strchr(" \t\n", start[length - 1]))
                length--;
        if (length == 0)
                return 0;
        *ret = strndup(start, length);
        return *ret ? 0 : -ENOMEM;
}

static int read_number(int dir, const char *name, uint64_t *ret)
{
        _cleanup_(freep) char *value = NULL;
        int r = read_attribute(dir, name, &value);

        *ret = 0;
        if (r >= 0 && value)
                (void)parse_u64(value, ret);
        return r;
}

/* sysfs cannot have a slash in a name: "cciss!c0d0" is /dev/cciss/c0d0. */
static int name_from_sysfs(const char *name, char **ret)
{
        char *copy = strdup(name);

        if (!copy)
                return -ENOMEM;
        for (char *at = copy; (at = strchr(at, '!'));)
                *at = '/';
        *ret = copy;
        return 0;
}

static int read_slaves(int dir, StringList *ret)
{
        _cleanup_(closedirp) DIR *folder = open_folder(dir, "slaves");
        const struct dirent *entry;

        while (folder && ret->count < SLAVES_COUNT_MAX && (entry = readdir(folder))) {
                _cleanup_(freep) char *name = NULL;
                int r;

                if (entry->d_name[0] == '.')
                        continue;
                r = name_from_sysfs(entry->d_name, &name);
                if (r >= 0)
                        r = string_list_add(ret, name);
                if (r < 0)
                        return r;
        }
        string_list_sort(ret);
        return 0;
}

/* What only whole devices have. Under NVMe multipath `device` is the subsystem, with the same. */
static int read_disk_attributes(int dir, BlockDevice *device)
{
        uint64_t removable = 0;
        int r = read_padded(dir, "device/serial", &device->serial);

        if (r >= 0)
                r = read_padded(dir, "serial", &device->serial);
        if (r >= 0)
                r = read_padded(dir, "device/model", &device->model);
        if (r >= 0)
                r = read_padded(dir, "dm/name", &device->dm_name);
        if (r >= 0)
                r = read_padded(dir, "dm/uuid", &device->dm_uuid);
        if (r >= 0)
                r = read_padded(dir, "md/level", &device->md_level);
        if (r >= 0)
                r = read_attribute(dir, "loop/backing_file", &device->backing_file);
        if (r >= 0)
                r = read_number(dir, "removable", &removable);
        device->removable = removable != 0;
        return r < 0 ? r : read_slaves(dir, &device->slaves);
}

/* 1, 0 for what is no device that can be opened (hidden, or gone meanwhile), or -ENOMEM. */
static int read_device(int dir, const char *name, const char *disk, BlockDevice *ret)
{
        _cleanup_(block_device_done) BlockDevice device = { 0 };
        _cleanup_(freep) char *number = NULL;
        uint64_t sectors = 0, read_only = 0;
        int r = read_attribute(dir, "dev", &number);

        if (r < 0)
                return r;
        if (!number || sscanf(number, "%u:%u", &device.major, &device.minor) != 2)
                return 0;
        r = name_from_sysfs(name, &device.name);
        if (r >= 0 && disk)
                r = string_replace(&device.disk, disk);
        if (r >= 0)
                r = read_number(dir, "size", &sectors);
        if (r >= 0)
                r = read_number(dir, "ro", &read_only);
        if (r >= 0 && !disk)
                r = read_disk_attributes(dir, &device);
        if (r < 0)
                return r;
        device.size_bytes = sectors * SECTOR_BYTES;
        device.read_only = read_only != 0;
        *ret = device;
        device = (BlockDevice){ 0 };
        return 1;
}

static int add_device(int dir, const char *name, const char *disk, BlockDevices *devices)
{
        BlockDevice device, *added;
        int r;

        if (devices->count >= BLOCK_DEVICES_COUNT_MAX)
                return -E2BIG;
        r = read_device(dir, name, disk, &device);
        if (r <= 0)
                return r;
        added = ARRAY_ADD(devices->items, devices->count);
        if (!added) {
                block_device_done(&device);
                return -ENOMEM;
        }
        *added = device;
        return 1;
}

/* `entry`: its name in sysfs, the folder of partitions being named after it ("nvme0n1p1"). */
static int add_partitions(DIR *folder, const char *entry, const char *disk, BlockDevices *devices)
{
        const struct dirent *item;
        int r = 0;

        while (r >= 0 && (item = readdir(folder))) {
                _cleanup_(closep) int dir = -EBADF;

                if (!startswith(item->d_name, entry))
                        continue;
                dir = openat(dirfd(folder), item->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (dir >= 0 && faccessat(dir, "partition", F_OK, 0) >= 0)
                        r = add_device(dir, item->d_name, disk, devices);
        }
        return r;
}

/* Those of NVMe multipath are virtual too, but not of this class, and have their serial. */
static bool is_virtual(int block, const char *entry)
{
        char target[PATH_MAX];
        ssize_t n = readlinkat(block, entry, target, sizeof(target) - 1);

        if (n < 0)
                return false;
        target[n] = '\0';
        return strstr(target, "/devices/virtual/block/");
}

static int add_disk(int block, const char *entry, BlockDevices *devices)
{
        _cleanup_(closedirp) DIR *folder = open_folder(block, entry);
        _cleanup_(freep) char *name = NULL;
        int r;

        if (!folder)
                return 0;
        r = add_device(dirfd(folder), entry, NULL, devices);
        if (r > 0) {
                devices->items[devices->count - 1].is_virtual = is_virtual(block, entry);
                r = name_from_sysfs(entry, &name);
        }
        return r < 0 || !name ? r : add_partitions(folder, entry, name, devices);
}

static int compare_names(const void *a, const void *b)
{
        return strverscmp(((const BlockDevice *)a)->name, ((const BlockDevice *)b)->name);
}

static int compare_to_number(const BlockDevice *device, unsigned major, unsigned minor)
{
        if (device->major != major)
                return device->major < major ? -1 : 1;
        return (device->minor > minor) - (device->minor < minor);
}

static int compare_numbers(const void *a, const void *b, void *userdata)
{
        const BlockDevice *items = userdata, *y = items + *(const size_t *)b;

        return compare_to_number(items + *(const size_t *)a, y->major, y->minor);
}

static int sort_devices(BlockDevices *devices)
{
        devices->by_number = reallocarray(NULL, devices->count + 1, sizeof(size_t));
        if (!devices->by_number)
                return -ENOMEM;
        if (devices->count == 0)
                return 0;
        qsort(devices->items, devices->count, sizeof(BlockDevice), compare_names);
        for (size_t i = 0; i < devices->count; i++)
                devices->by_number[i] = i;
        qsort_r(devices->by_number, devices->count, sizeof(size_t), compare_numbers,
                devices->items);
        return 0;
}

int block_devices_read(const char *sysfs, BlockDevices *ret)
{
        _cleanup_(block_devices_done) BlockDevices devices = BLOCK_DEVICES_INIT;
        _cleanup_(freep) char *path = NULL;
        _cleanup_(closedirp) DIR *folder = NULL;
        const struct dirent *entry;
        int r = string_printf(&path, "%s/block", sysfs);

        if (r < 0)
                return r;
        folder = opendir(path);
        if (!folder)
                return -errno;
        while (r >= 0 && (entry = readdir(folder)))
                if (entry->d_name[0] != '.')
                        r = add_disk(dirfd(folder), entry->d_name, &devices);
        if (r >= 0)
                r = sort_devices(&devices);
        if (r < 0)
                return r;
        *ret = devices;
        devices = BLOCK_DEVICES_INIT;
        return 0;
}

size_t block_devices_find(const BlockDevices *devices, const char *name)
{
        const BlockDevice key = { .name = (char *)name }, *found = NULL;

        if (devices->count > 0)
                found = bsearch(&key, devices->items, devices->count, sizeof(key), compare_names);
        return found ? (size_t)(found - devices->items) : BLOCK_DEVICE_NONE;
}

size_t block_devices_find_number(const BlockDevices *devices, unsigned major, unsigned minor)
{
        size_t low = 0, high = devices->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2, index = devices->by_number[middle];
                int r = compare_to_number(devices->items + index, major, minor);

                if (r == 0)
                        return index;
                if (r < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return BLOCK_DEVICE_NONE;
}

size_t block_devices_find_path(const BlockDevices *devices, const char *path)
{
        const char *mapper = startswith(path, "/dev/mapper/"), *name = startswith(path, "/dev/");

        if (!mapper)
                return name ? block_devices_find(devices, name) : BLOCK_DEVICE_NONE;
        for (size_t i = 0; i < devices->count; i++)
                if (streq_ptr(devices->items[i].dm_name, mapper))
                        return i;
        return BLOCK_DEVICE_NONE;
}

size_t block_devices_look_up(const BlockDevices *devices, const char *path)
{
        size_t found = block_devices_find_path(devices, path);
        struct stat status;

        if (found != BLOCK_DEVICE_NONE)
                return found;
        if (stat(path, &status) < 0 || !S_ISBLK(status.st_mode))
                return BLOCK_DEVICE_NONE;
        return block_devices_find_number(devices, major(status.st_rdev), minor(status.st_rdev));
}

bool block_device_is_memory(const BlockDevice *device)
{
        return startswith(device->name, "zram") || startswith(device->name, "ram");
}
