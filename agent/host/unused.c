/* SPDX-License-Identifier: Apache-2.0 */
/* Devices on volumes of which nothing that we know makes use. */

#include "host/unused.h"

#include <stdint.h>

#include "base/text.h"

/* The entry of an extended partition is two sectors long, and holds the table of the others. */
#define EXTENDED_BYTES 1024U

static void mark(const HostFacts *facts, const char *name, bool *is_used)
{
        size_t index = block_devices_find(&facts->devices, name);

        if (index != BLOCK_DEVICE_NONE)
                is_used[index] = true;
}

static void mark_all(const HostFacts *facts, const StringList *names, bool *is_used)
{
        for (size_t i = 0; i < names->count; i++)
                mark(facts, names->items[i], is_used);
}

/* What a device lies on is used by it. */
static void mark_below(const HostFacts *facts, const BlockDevice *device, bool *is_used)
{
        size_t backing = BLOCK_DEVICE_NONE;

        if (device->disk)
                mark(facts, device->disk, is_used);
        mark_all(facts, &device->slaves, is_used);
        if (device->backing_file)
                backing = block_devices_find_path(&facts->devices, device->backing_file);
        if (backing != BLOCK_DEVICE_NONE)
                is_used[backing] = true;
}

/* sysfs lists the btrfs of every mount namespace: of the others nobody brings one to rest. */
static void mark_btrfs(const HostFacts *facts, const BtrfsSet *set, bool *is_used)
{
        for (size_t i = 0; i < facts->mounts.n_file_systems; i++) {
                size_t device = facts->file_systems[i].device;

                if (device == BLOCK_DEVICE_NONE || !string_list_contains(&set->devices,
                                                           facts->devices.items[device].name))
                        continue;
                mark_all(facts, &set->devices, is_used);
                return;
        }
}

static void mark_file_system(const HostFacts *facts, const FsFacts *fs, bool *is_used)
{
        if (fs->device != BLOCK_DEVICE_NONE)
                is_used[fs->device] = true;
        for (size_t i = 0; i < fs->parts.count; i++)
                mark(facts, fs->parts.items[i].device, is_used);
}

static void mark_used(const HostFacts *facts, bool *is_used)
{
        for (size_t i = 0; i < facts->devices.count; i++)
                mark_below(facts, facts->devices.items + i, is_used);
        for (size_t i = 0; i < facts->mounts.n_file_systems; i++)
                mark_file_system(facts, facts->file_systems + i, is_used);
        for (size_t i = 0; i < facts->n_btrfs; i++)
                mark_btrfs(facts, facts->btrfs + i, is_used);
        mark_all(facts, &facts->swaps, is_used);
}

static bool can_be_written(const BlockDevice *device)
{
        return !device->read_only && device->size_bytes > EXTENDED_BYTES;
}

/* `places` are those of mounts' file systems in the topology, or SIZE_MAX. */
static int add_volumes_below(const Topology *topology, const size_t *places, Descent *descent)
{
        int r = 0;

        for (size_t i = 0; i < descent->below.count; i++) {
                size_t place = places[descent->below.items[i]];
                const FileSystem *fs = topology->file_systems + place;

                for (size_t j = 0; r >= 0 && place != SIZE_MAX && j < fs->n_volumes; j++)
                        r = indices_add(&descent->volumes, fs->volumes[j]);
        }
        return r;
}

static int add_all_volumes(const Topology *topology, Descent *descent)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < topology->n_volumes; i++)
                r = indices_add(&descent->volumes, i);
        return r;
}

static void set_disk(const HostFacts *facts, const BlockDevice *device, UnusedDevice *unused)
{
        size_t index = device->disk ? block_devices_find(&facts->devices, device->disk) :
                                      BLOCK_DEVICE_NONE;
        const BlockDevice *disk =
                index == BLOCK_DEVICE_NONE ? device : facts->devices.items + index;

        unused->disk_major = disk->major;
        unused->disk_minor = disk->minor;
}

/*
 * A loop device over a file writes to that file's file system, which is frozen or watched. But what
 * a file system of its own, out of sight, has yet to write is in no file while that one is frozen.
 */
static int add(const HostFacts *facts, const BlockDevice *device, const size_t *places,
        Descent *descent, Topology *topology)
{
        bool mounted_elsewhere = string_list_contains(&facts->mounted, device->name);
        UnusedDevice *unused;

        if (mounted_elsewhere && add_volumes_below(topology, places, descent) < 0)
                return -ENOMEM;
        if (mounted_elsewhere && descent->lost && add_all_volumes(topology, descent) < 0)
                return -ENOMEM;
        if (descent->volumes.count == 0 && !device->disk)
                return 0;
        unused = ARRAY_ADD(topology->unused, topology->n_unused);
        if (!unused)
                return -ENOMEM;
        unused->major = device->major;
        unused->minor = device->minor;
        set_disk(facts, device, unused);
        unused->mounted_elsewhere = mounted_elsewhere;
        unused->lost = mounted_elsewhere && descent->lost;
        unused->n_volumes = descent->volumes.count;
        unused->volumes = TAKE_PTR(descent->volumes.items);
        return string_printf(&unused->device, "/dev/%s", device->name);
}

int unused_add(const HostFacts *facts, Descender *descender, const size_t *places,
        Topology *topology)
{
        const BlockDevices *devices = &facts->devices;
        _cleanup_(freep) bool *is_used = calloc(devices->count + 1, sizeof(bool));
        int r = is_used ? 0 : -ENOMEM;

        if (r >= 0)
                mark_used(facts, is_used);
        for (size_t i = 0; r >= 0 && i < devices->count; i++) {
                _cleanup_(descent_done) Descent descent = { 0 };

                if (is_used[i] || !can_be_written(devices->items + i))
                        continue;
                r = descender_add(descender, i, &descent);
                if (r >= 0)
                        r = add(facts, devices->items + i, places, &descent, topology);
        }
        return r;
}
