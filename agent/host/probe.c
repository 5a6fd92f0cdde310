/* SPDX-License-Identifier: Apache-2.0 */
/* UUID and label of the file system on a device, and a disk's partition table: whoever knows. */

#include "host/probe.h"

#include <blkid.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/files.h"
#include "base/text.h"

#define UDEV_RECORD_BYTES_MAX (256U * 1024)
#define LINKS_COUNT_MAX 65536U

static inline void blkid_free_probep(blkid_probe *probe)
{
        blkid_free_probe(*probe);
}

void fs_probe_done(FsProbe *probe)
{
        free(probe->uuid);
        free(probe->label);
        *probe = (FsProbe){ 0 };
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void udev_unescape(char *string)
{
        char *to = string;

        while (*string) {
                int high = -1, low = -1;

                if (string[0] == '\\' && string[1] == 'x')
                        high = hex_digit(string[2]);
                if (high >= 0)
                        low = hex_digit(string[3]);
                if (low >= 0 && (high > 0 || low > 0)) {
                        *to++ = (char)(high << 4 | low);
                        string += 4;
                } else {
                        *to++ = *string++;
                }
        }
        *to = '\0';
}

/* A copy of `length` bytes, unescaped, unless they are none or *target is known already. */
static int set_escaped(char **target, const char *value, size_t length)
{
        if (*target || length == 0)
                return 0;
        *target = strndup(value, length);
        if (!*target)
                return -ENOMEM;
        udev_unescape(*target);
        return 0;
}

/* `key` is "E:NAME="; the first one that is not empty counts. */
static int find_property(const char *record, const char *key, char **target)
{
        size_t length;
        int r = 0;

        for (; r >= 0 && *record; record += length + (record[length] == '\n')) {
                const char *value = startswith(record, key);

                length = strcspn(record, "\n");
                if (value)
                        r = set_escaped(target, value, length - strlen(key));
        }
        return r;
}

int fs_probe_parse_udev(const char *record, FsProbe *ret)
{
        int r = find_property(record, "E:ID_FS_UUID_ENC=", &ret->uuid);

        return r < 0 ? r : find_property(record, "E:ID_FS_LABEL_ENC=", &ret->label);
}

/* NULL if udev has none that can be read. */
static int read_udev_record(const char *run, const BlockDevice *device, char **ret)
{
        _cleanup_(freep) char *path = NULL;
        int r = string_printf(&path, "%s/udev/data/b%u:%u", run, device->major, device->minor);

        if (r >= 0)
                r = file_read(path, UDEV_RECORD_BYTES_MAX, ret, NULL);
        return r == -ENOMEM ? r : 0;
}

static int ask_udev(const char *run, const BlockDevice *device, FsProbe *probe)
{
        _cleanup_(freep) char *record = NULL;
        int r = read_udev_record(run, device, &record);

        return r < 0 || !record ? r : fs_probe_parse_udev(record, probe);
}

/* The node must be the device: a sandbox may have put something else in its place. */
static int open_device(const char *dev, const BlockDevice *device)
{
        _cleanup_(freep) char *path = NULL;
        _cleanup_(closep) int fd = -EBADF;
        struct stat status;
        int r = string_printf(&path, "%s/%s", dev, device->name);

        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISBLK(status.st_mode) || major(status.st_rdev) != device->major
                || minor(status.st_rdev) != device->minor)
                return -ENODEV;
        return TAKE_FD(fd);
}

static int copy_value(blkid_probe prober, const char *key, char **target)
{
        const char *value = NULL;

        if (blkid_probe_lookup_value(prober, key, &value, NULL) != 0 || !value || !*value)
                return 0;
        return string_replace(target, value);
}

static int ask_device(const char *dev, const BlockDevice *device, FsProbe *probe)
{
        _cleanup_(blkid_free_probep) blkid_probe prober = NULL;
        _cleanup_(closep) int fd = open_device(dev, device);
        int r;

        if (fd < 0)
                return fd == -ENOMEM ? fd : 0;
        prober = blkid_new_probe();
        if (!prober)
                return -ENOMEM;
        if (blkid_probe_set_device(prober, fd, 0, 0) < 0
                || blkid_probe_enable_superblocks(prober, 1) < 0
                || blkid_probe_set_superblocks_flags(prober, BLKID_SUBLKS_UUID | BLKID_SUBLKS_LABEL)
                        < 0
                || blkid_do_safeprobe(prober) != 0)
                return 0;
        r = copy_value(prober, "UUID", &probe->uuid);
        return r < 0 ? r : copy_value(prober, "LABEL", &probe->label);
}

/* "../../nvme0n1p1" points to a device by its name, "../../cciss/c0d0" too. */
static bool link_leads_to(int folder, const char *link, const char *name)
{
        char target[PATH_MAX];
        ssize_t n = readlinkat(folder, link, target, sizeof(target) - 1);
        const char *found;

        if (n < 0)
                return false;
        target[n] = '\0';
        found = startswith(target, "../../");
        return found && streq(found, name);
}

/* The name of the link to the device in DEV/disk/KIND is what is asked for. */
static int ask_links(const char *dev, const char *kind, const BlockDevice *device, char **target)
{
        _cleanup_(freep) char *path = NULL;
        _cleanup_(closedirp) DIR *folder = NULL;
        const struct dirent *entry;
        int r = *target ? 0 : string_printf(&path, "%s/disk/%s", dev, kind);

        if (r < 0 || !path)
                return r;
        folder = opendir(path);
        for (size_t i = 0; folder && i < LINKS_COUNT_MAX && (entry = readdir(folder)); i++)
                if (entry->d_name[0] != '.'
                        && link_leads_to(dirfd(folder), entry->d_name, device->name))
                        return set_escaped(target, entry->d_name, strlen(entry->d_name));
        return 0;
}

int fs_probe_read(const char *run, const char *dev, const BlockDevice *device, FsProbe *ret)
{
        _cleanup_(fs_probe_done) FsProbe probe = { 0 };
        int r = ask_udev(run, device, &probe);

        if (r >= 0 && !probe.uuid)
                r = ask_device(dev, device, &probe);
        if (r >= 0 && !probe.uuid)
                r = ask_links(dev, "by-uuid", device, &probe.uuid);
        if (r >= 0)
                r = ask_links(dev, "by-label", device, &probe.label);
        if (r < 0)
                return r;
        *ret = probe;
        probe = (FsProbe){ 0 };
        return 0;
}

static int ask_udev_for_table(const char *run, const BlockDevice *disk, char **target)
{
        _cleanup_(freep) char *record = NULL;
        int r = read_udev_record(run, disk, &record);

        return r < 0 || !record ? r : find_property(record, "E:ID_PART_TABLE_TYPE=", target);
}

static int ask_disk_for_table(const char *dev, const BlockDevice *disk, char **target)
{
        _cleanup_(blkid_free_probep) blkid_probe prober = NULL;
        _cleanup_(closep) int fd = open_device(dev, disk);

        if (fd < 0)
                return fd == -ENOMEM ? fd : 0;
        prober = blkid_new_probe();
        if (!prober)
                return -ENOMEM;
        if (blkid_probe_set_device(prober, fd, 0, 0) < 0
                || blkid_probe_enable_superblocks(prober, 0) < 0
                || blkid_probe_enable_partitions(prober, 1) < 0 || blkid_do_safeprobe(prober) != 0)
                return 0;
        return copy_value(prober, "PTTYPE", target);
}

int partition_table_read(const char *run, const char *dev, const BlockDevice *disk, char **ret)
{
        _cleanup_(freep) char *table = NULL;
        int r = ask_udev_for_table(run, disk, &table);

        if (r >= 0 && !table)
                r = ask_disk_for_table(dev, disk, &table);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(table);
        return 0;
}
