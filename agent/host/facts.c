/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that the topology is made of, read once and without any privilege. */

#include "host/facts.h"

#include <fcntl.h>
#include <string.h>

#include "base/files.h"
#include "base/text.h"
#include "host/descent.h"
#include "host/fstype.h"
#include "host/parts.h"

#define SWAPS_BYTES_MAX (1024U * 1024)
#define LABEL_BYTES_MAX 4096U
#define BTRFS_SETS_MAX 4096U
#define BTRFS_DEVICES_MAX 1024U

static void btrfs_set_done(BtrfsSet *set)
{
        free(set->uuid);
        free(set->label);
        string_list_done(&set->devices);
        *set = (BtrfsSet){ 0 };
}

void host_facts_done(HostFacts *facts)
{
        for (size_t i = 0; facts->file_systems && i < facts->mounts.n_file_systems; i++) {
                fs_probe_done(&facts->file_systems[i].probe);
                fs_parts_done(&facts->file_systems[i].parts);
        }
        free(facts->file_systems);
        for (size_t i = 0; i < facts->n_btrfs; i++)
                btrfs_set_done(facts->btrfs + i);
        free(facts->btrfs);
        for (size_t i = 0; facts->partition_tables && i < facts->devices.count; i++)
                free(facts->partition_tables[i]);
        free(facts->partition_tables);
        mount_table_done(&facts->mounts);
        block_devices_done(&facts->devices);
        string_list_done(&facts->mounted);
        string_list_done(&facts->swaps);
        volume_map_done(&facts->map);
        *facts = HOST_FACTS_INIT;
}

/* PID 1's, since a sandboxed service sees another; our own where that is not allowed. */
static int open_mountinfo(void)
{
        int fd = open("/proc/1/mountinfo", O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static int read_mounts(int fd, HostFacts *facts, char **reterr_message)
{
        _cleanup_(closep) int opened = -EBADF;
        _cleanup_(freep) char *text = NULL;
        int r;

        if (fd < 0)
                fd = opened = open_mountinfo();
        else
                (void)lseek(fd, 0, SEEK_SET);
        r = fd < 0 ? fd : file_read_fd(fd, MOUNTINFO_BYTES_MAX, &text, NULL);
        if (r >= 0)
                r = mount_table_parse(text, &facts->mounts);
        if (r < 0)
                (void)string_printf(reterr_message, "Failed to read the mountinfo of this host: %s",
                        strerror(-r));
        return r;
}

static int read_block_devices(const char *sysfs, HostFacts *facts, char **reterr_message)
{
        int r = block_devices_read(sysfs, &facts->devices);

        if (r < 0)
                (void)string_printf(reterr_message, "Failed to read the block devices in %s: %s",
                        sysfs, strerror(-r));
        return r;
}

static int add_set_devices(int dir, BtrfsSet *set)
{
        _cleanup_(closep) int fd = openat(dir, "devices", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(closedirp) DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
        const struct dirent *entry;
        int r = 0;

        if (folder)
                (void)TAKE_FD(fd);
        while (folder && r >= 0 && (entry = readdir(folder)))
                if (entry->d_name[0] != '.' && set->devices.count < BTRFS_DEVICES_MAX)
                        r = string_list_add(&set->devices, entry->d_name);
        string_list_sort(&set->devices);
        return r;
}

static int read_set_label(int dir, BtrfsSet *set)
{
        _cleanup_(closep) int fd = openat(dir, "label", O_RDONLY | O_CLOEXEC);
        _cleanup_(freep) char *label = NULL;
        int r = fd < 0 ? 0 : file_read_fd(fd, LABEL_BYTES_MAX, &label, NULL);

        if (r < 0 || !label)
                return r == -ENOMEM ? r : 0;
        label[strcspn(label, "\n")] = '\0';
        if (*label)
                set->label = TAKE_PTR(label);
        return 0;
}

/* `name` is a UUID, or one of the folders that are none and have no devices ("features"). */
static int add_btrfs_set(int parent, const char *name, HostFacts *facts)
{
        _cleanup_(closep) int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(btrfs_set_done) BtrfsSet set = { 0 };
        BtrfsSet *added;
        int r;

        if (dir < 0 || facts->n_btrfs >= BTRFS_SETS_MAX)
                return 0;
        r = add_set_devices(dir, &set);
        if (r >= 0)
                r = read_set_label(dir, &set);
        if (r >= 0)
                r = string_replace(&set.uuid, name);
        if (r < 0 || set.devices.count == 0)
                return r;
        added = ARRAY_ADD(facts->btrfs, facts->n_btrfs);
        if (!added)
                return -ENOMEM;
        *added = set;
        set = (BtrfsSet){ 0 };
        return 0;
}

static int read_btrfs_sets(const char *sysfs, HostFacts *facts)
{
        _cleanup_(freep) char *path = NULL;
        _cleanup_(closedirp) DIR *folder = NULL;
        const struct dirent *entry;
        int r = string_printf(&path, "%s/fs/btrfs", sysfs);

        if (r >= 0)
                folder = opendir(path);
        while (folder && r >= 0 && (entry = readdir(folder)))
                if (entry->d_name[0] != '.')
                        r = add_btrfs_set(dirfd(folder), entry->d_name, facts);
        return r;
}

/* Folders with other names ("features") are no device's. */
static int add_mounted(const char *sysfs, const char *type, HostFacts *facts)
{
        _cleanup_(freep) char *path = NULL;
        _cleanup_(closedirp) DIR *folder = NULL;
        const struct dirent *entry;
        int r = string_printf(&path, "%s/fs/%s", sysfs, type);

        if (r >= 0)
                folder = opendir(path);
        while (folder && r >= 0 && (entry = readdir(folder)))
                if (block_devices_find(&facts->devices, entry->d_name) != BLOCK_DEVICE_NONE)
                        r = string_list_add(&facts->mounted, entry->d_name);
        return r;
}

/* These have a folder for each file system that is mounted, in whichever mount namespace. */
static int read_mounted(const char *sysfs, HostFacts *facts)
{
        static const char *const types[] = { "ext4", "f2fs", "xfs" };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(types); i++)
                r = add_mounted(sysfs, types[i], facts);
        for (size_t i = 0; i < facts->n_btrfs; i++)
                for (size_t j = 0; r >= 0 && j < facts->btrfs[i].devices.count; j++)
                        r = string_list_add(&facts->mounted, facts->btrfs[i].devices.items[j]);
        return r;
}

/* "/dev/dm-1  partition  1048572  0  -2"; swap files are part of their file system. */
static int read_swaps(const char *path, HostFacts *facts)
{
        _cleanup_(string_list_done) StringList lines = STRING_LIST_INIT;
        _cleanup_(freep) char *text = NULL;
        int r = file_read(path, SWAPS_BYTES_MAX, &text, NULL);

        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = string_list_split(&lines, text, "\n");
        for (size_t i = 0; r >= 0 && i < lines.count; i++) {
                char *line = lines.items[i], *blank = strpbrk(line, " \t");
                size_t device;

                if (!blank || !startswith(blank + strspn(blank, " \t"), "partition"))
                        continue;
                *blank = '\0';
                device = block_devices_find_path(&facts->devices, line);
                if (device != BLOCK_DEVICE_NONE)
                        r = string_list_add(&facts->swaps, facts->devices.items[device].name);
        }
        return r;
}

/* btrfs has a number of its own, 0:N; its first device is what mountinfo names as the source. */
static size_t find_device(const HostFacts *facts, const Mount *mount)
{
        if (mount->major != 0)
                return block_devices_find_number(&facts->devices, mount->major, mount->minor);
        if (!streq(mount->type, "btrfs"))
                return BLOCK_DEVICE_NONE;
        return block_devices_look_up(&facts->devices, mount->source);
}

static int read_file_systems(const char *run, const char *dev, HostFacts *facts)
{
        const MountTable *mounts = &facts->mounts;

        facts->file_systems = calloc(mounts->n_file_systems + 1, sizeof(FsFacts));
        if (!facts->file_systems)
                return -ENOMEM;
        for (size_t i = 0; i < mounts->n_file_systems; i++) {
                FsFacts *fs = facts->file_systems + i;
                int r;

                fs->device = find_device(facts, mounts->items + mounts->file_systems[i].mount);
                if (fs->device == BLOCK_DEVICE_NONE)
                        continue;
                r = fs_probe_read(run, dev, facts->devices.items + fs->device, &fs->probe);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_map(const StringList *map, HostFacts *facts, char **reterr_message)
{
        int r = map ? volume_map_parse(map, &facts->map, reterr_message) : 0;

        if (r >= 0)
                volume_map_resolve(&facts->map, &facts->devices);
        return r;
}

/* A partition's record in udev's database repeats what its disk's says: no partition is asked. */
static bool may_be_volume(const HostFacts *facts, const BlockDevice *device)
{
        if (device->disk || device->size_bytes == 0)
                return false;
        return volume_map_find(&facts->map, device) || !block_device_is_stacked(device);
}

static int read_partition_tables(const char *run, const char *dev, HostFacts *facts)
{
        const BlockDevices *devices = &facts->devices;
        int r = 0;

        facts->partition_tables = calloc(devices->count + 1, sizeof(char *));
        if (!facts->partition_tables)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < devices->count; i++)
                if (may_be_volume(facts, devices->items + i))
                        r = partition_table_read(run, dev, devices->items + i,
                                facts->partition_tables + i);
        return r;
}

static const char *or_default(const char *path, const char *fallback)
{
        return path ? path : fallback;
}

int host_facts_read(const HostPaths *paths, int mountinfo_fd, const StringList *map, HostFacts *ret,
        char **reterr_message)
{
        static const HostPaths defaults = { 0 };
        const HostPaths *given = paths ? paths : &defaults;
        const char *sysfs = or_default(given->sysfs, "/sys");
        const char *run = or_default(given->run, "/run"), *dev = or_default(given->dev, "/dev");
        _cleanup_(host_facts_done) HostFacts facts = HOST_FACTS_INIT;
        int r = read_mounts(mountinfo_fd, &facts, reterr_message);

        if (r >= 0)
                r = read_block_devices(sysfs, &facts, reterr_message);
        if (r >= 0)
                r = read_map(map, &facts, reterr_message);
        if (r >= 0)
                r = read_btrfs_sets(sysfs, &facts);
        if (r >= 0)
                r = read_mounted(sysfs, &facts);
        if (r >= 0)
                r = read_swaps(or_default(given->swaps, "/proc/swaps"), &facts);
        if (r >= 0)
                r = read_file_systems(run, dev, &facts);
        if (r >= 0)
                r = parts_read(sysfs, or_default(given->jbd2, "/proc/fs/jbd2"), &facts);
        if (r >= 0)
                r = read_partition_tables(run, dev, &facts);
        if (r < 0)
                return r;
        *ret = facts;
        facts = HOST_FACTS_INIT;
        return 0;
}
