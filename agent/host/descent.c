/* SPDX-License-Identifier: Apache-2.0 */
/* From a block device down through partitions, dm, md and loop to what its data lies on. */

#include "host/descent.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

/* LVM on crypt on RAID on partitions of a loop device is seven. */
#define DESCENT_DEPTH_MAX 32U

typedef enum Visit {
        VISIT_NONE,
        VISIT_OPEN, /* on the way down from it: meeting it again is a ring */
        VISIT_DONE,
} Visit;

typedef struct Mark {
        size_t round;
        Visit visit;
} Mark;

struct Descender {
        const HostFacts *facts;
        const Bottom *bottoms;
        Mark *marks; /* one per device, worth something in its own round only */
        size_t round;
};

int indices_add(Indices *indices, size_t index)
{
        size_t *added;

        for (size_t i = 0; i < indices->count; i++)
                if (indices->items[i] == index)
                        return 0;
        added = ARRAY_ADD(indices->items, indices->count);
        if (!added)
                return -ENOMEM;
        *added = index;
        return 0;
}

void descent_done(Descent *descent)
{
        free(descent->volumes.items);
        free(descent->below.items);
        string_list_done(&descent->layers);
        free(descent->reason);
        *descent = (Descent){ 0 };
}

int descender_new(const HostFacts *facts, const Bottom *bottoms, Descender **ret)
{
        _cleanup_(descender_freep) Descender *descender = calloc(1, sizeof(Descender));

        if (!descender)
                return -ENOMEM;
        descender->facts = facts;
        descender->bottoms = bottoms;
        descender->marks = calloc(facts->devices.count + 1, sizeof(Mark));
        if (!descender->marks)
                return -ENOMEM;
        *ret = TAKE_PTR(descender);
        return 0;
}

Descender *descender_free(Descender *descender)
{
        if (descender)
                free(descender->marks);
        free(descender);
        return NULL;
}

bool block_device_is_stacked(const BlockDevice *device)
{
        return device->disk || device->slaves.count > 0 || device->backing_file
                || startswith(device->name, "dm-") || startswith(device->name, "md")
                || startswith(device->name, "loop");
}

/* Only the first reason is kept: one is enough for "not covered". */
static int _printf_(2, 3) explain(Descent *descent, const char *format, ...)
{
        va_list arguments;
        int n;

        if (descent->reason)
                return 0;
        va_start(arguments, format);
        n = vasprintf(&descent->reason, format, arguments);
        va_end(arguments);
        if (n < 0)
                descent->reason = NULL;
        return n < 0 ? -ENOMEM : 0;
}

/* How device mapper's uuids begin is a convention of those who make them, see dmsetup(8). */
static const char *mapper_kind(const BlockDevice *device)
{
        const char *uuid = device->dm_uuid ? device->dm_uuid : "";

        if (startswith(uuid, "LVM-"))
                return "lvm";
        if (startswith(uuid, "CRYPT-"))
                return "crypt";
        return startswith(uuid, "mpath-") ? "multipath" : "dm";
}

static int add_layer(Descent *descent, const char *kind, const char *name)
{
        _cleanup_(freep) char *layer = NULL;
        int r = string_printf(&layer, "%s%s%s", kind, name ? ":" : "", name ? name : "");

        if (r < 0 || string_list_contains(&descent->layers, layer))
                return r;
        return string_list_add(&descent->layers, layer);
}

/* What has to be put together again above the device's own parts, if anything. */
static int name_layer(const BlockDevice *device, Descent *descent)
{
        if (device->dm_name)
                return add_layer(descent, mapper_kind(device), device->dm_name);
        if (device->md_level)
                return add_layer(descent, device->md_level, NULL);
        return device->backing_file ? add_layer(descent, "loop", device->backing_file) : 0;
}

/* The file system with the image that a loop device shows. */
static int add_backing_file(const Descender *descender, const BlockDevice *device, Descent *descent)
{
        const char *deleted = endswith(device->backing_file, " (deleted)");
        size_t length = strlen(device->backing_file) - (deleted ? strlen(deleted) : 0);
        _cleanup_(freep) char *path = strndup(device->backing_file, length);
        const Mount *mount;

        if (!path)
                return -ENOMEM;
        mount = mount_table_find(&descender->facts->mounts, path);
        if (!mount)
                return explain(descent, "the file %s behind /dev/%s lies in no mounted file system",
                        path, device->name);
        return indices_add(&descent->below, mount->file_system);
}

/*
 * drbd, a ZFS volume, nbd and ublk have their data on other devices, in files or on other machines,
 * and sysfs knows of none. What nbd serves may be a file of a file system that is frozen, or one of
 * another machine: as it cannot be told, it counts as the former.
 */
static bool hides_what_it_lies_on(const BlockDevice *device)
{
        return device->is_virtual && !block_device_is_memory(device);
}

static int descend(Descender *descender, size_t index, unsigned depth, Descent *descent);

static int descend_by_name(Descender *descender, const char *name, const BlockDevice *from,
        unsigned depth, Descent *descent)
{
        size_t index = block_devices_find(&descender->facts->devices, name);

        if (index == BLOCK_DEVICE_NONE)
                return explain(descent, "/dev/%s, on which /dev/%s lies, is not in sysfs", name,
                        from->name);
        return descend(descender, index, depth + 1, descent);
}

static int descend_further(Descender *descender, size_t index, unsigned depth, Descent *descent)
{
        const BlockDevices *devices = &descender->facts->devices;
        const BlockDevice *device = devices->items + index;
        const Bottom *bottom = descender->bottoms + index;
        size_t backing;
        int r;

        if (bottom->volume != SIZE_MAX)
                return indices_add(&descent->volumes, bottom->volume);
        r = name_layer(device, descent);
        if (device->disk)
                return descend_by_name(descender, device->disk, device, depth, descent);
        for (size_t i = 0; r >= 0 && i < device->slaves.count; i++)
                r = descend_by_name(descender, device->slaves.items[i], device, depth, descent);
        if (r < 0 || device->slaves.count > 0)
                return r;
        if (!device->backing_file)
                descent->lost |= hides_what_it_lies_on(device);
        if (bottom->reason)
                return explain(descent, "%s", bottom->reason);
        if (!device->backing_file)
                return explain(descent, "/dev/%s lies on no other device", device->name);
        backing = block_devices_find_path(devices, device->backing_file);
        if (backing != BLOCK_DEVICE_NONE)
                return descend(descender, backing, depth + 1, descent);
        return add_backing_file(descender, device, descent);
}

static int descend(Descender *descender, size_t index, unsigned depth, Descent *descent)
{
        const BlockDevice *device = descender->facts->devices.items + index;
        Mark *mark = descender->marks + index;
        int r;

        if (depth > DESCENT_DEPTH_MAX)
                return explain(descent, "/dev/%s lies under too many others", device->name);
        if (mark->round == descender->round && mark->visit == VISIT_OPEN)
                return explain(descent, "/dev/%s lies on itself", device->name);
        if (mark->round == descender->round && mark->visit == VISIT_DONE)
                return 0;
        *mark = (Mark){ descender->round, VISIT_OPEN };
        r = descend_further(descender, index, depth, descent);
        mark->visit = VISIT_DONE;
        return r;
}

int descender_add(Descender *descender, size_t device, Descent *descent)
{
        descender->round++;
        return descend(descender, device, 0, descent);
}
