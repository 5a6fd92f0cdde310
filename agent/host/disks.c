/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a topology that is about disks: volumes, and what is none. */

#include "host/disks.h"

#include <stdint.h>

#include "base/text.h"

static const char *attached_as(const VolumeRules *rules, const char *id)
{
        for (size_t i = 0; i < rules->n_attached; i++)
                if (streq(rules->attached[i].id, id))
                        return rules->attached[i].device_name;
        return NULL;
}

static int add_volume(const HostFacts *facts, const VolumeRules *rules, size_t index,
        const char *id, Topology *topology)
{
        const BlockDevice *device = facts->devices.items + index;
        const char *known_as = attached_as(rules, id);
        const char *table = facts->partition_tables[index];
        Volume *volume = ARRAY_ADD(topology->volumes, topology->n_volumes);
        int r;

        if (!volume)
                return -ENOMEM;
        volume->size_bytes = device->size_bytes;
        volume->listed = known_as || !rules->attached;
        r = string_replace(&volume->id, id);
        if (r >= 0)
                r = string_printf(&volume->device, "/dev/%s", device->name);
        if (r >= 0 && table)
                r = string_replace(&volume->partition_table, table);
        return r < 0 || !known_as ? r : string_replace(&volume->attached_as, known_as);
}

/* An empty drive and memory that plays a disk are of no interest as disks. */
static bool is_worth_naming(const BlockDevice *device)
{
        return device->size_bytes > 0 && !block_device_is_memory(device);
}

static int add_other(const BlockDevice *device, const Claim *claim, Topology *topology)
{
        OtherDisk *other;
        int r;

        if (!is_worth_naming(device))
                return 0;
        other = ARRAY_ADD(topology->others, topology->n_others);
        if (!other)
                return -ENOMEM;
        other->size_bytes = device->size_bytes;
        other->is_instance_store = claim->is_instance_store;
        r = string_printf(&other->device, "/dev/%s", device->name);
        if (r >= 0 && claim->id)
                r = string_replace(&other->claimed_id, claim->id);
        return r < 0 ? r : string_replace(&other->reason, claim->reason);
}

static bool is_found(const Topology *topology, const char *id)
{
        for (size_t i = 0; i < topology->n_volumes; i++)
                if (streq(topology->volumes[i].id, id))
                        return true;
        return false;
}

static int describe_absent(const VolumeMap *map, const AttachedVolume *attached,
        AbsentVolume *absent)
{
        int r = string_replace(&absent->id, attached->id);

        if (r >= 0)
                r = string_replace(&absent->attached_as, attached->device_name);
        for (size_t i = 0; r >= 0 && i < map->count; i++)
                if (streq(map->items[i].id, attached->id))
                        r = string_replace(&absent->mapped, map->items[i].device);
        return r;
}

static int add_absent(const VolumeMap *map, const VolumeRules *rules, Topology *topology)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < rules->n_attached; i++) {
                const AttachedVolume *attached = rules->attached + i;
                AbsentVolume *absent;

                if (is_found(topology, attached->id))
                        continue;
                absent = ARRAY_ADD(topology->absent, topology->n_absent);
                if (!absent)
                        return -ENOMEM;
                r = describe_absent(map, attached, absent);
        }
        return r;
}

int disks_place(const HostFacts *facts, const VolumeRules *rules, const Claim *claims,
        Bottom *bottoms, Topology *topology)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < facts->devices.count; i++) {
                bool is_volume = claims[i].id && !claims[i].reason;

                bottoms[i] = (Bottom){ .volume = is_volume ? topology->n_volumes : SIZE_MAX,
                        .reason = claims[i].reason };
                if (is_volume)
                        r = add_volume(facts, rules, i, claims[i].id, topology);
                else if (claims[i].reason)
                        r = add_other(facts->devices.items + i, claims + i, topology);
        }
        return r < 0 ? r : add_absent(&facts->map, rules, topology);
}

/* Sets flags[i] for each volume i that swap space lies on. */
static int find_swap(const HostFacts *facts, Descender *descender, bool *flags)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < facts->swaps.count; i++) {
                _cleanup_(descent_done) Descent descent = { 0 };
                size_t device = block_devices_find(&facts->devices, facts->swaps.items[i]);

                if (device == BLOCK_DEVICE_NONE)
                        continue;
                r = descender_add(descender, device, &descent);
                for (size_t j = 0; j < descent.volumes.count; j++)
                        flags[descent.volumes.items[j]] = true;
        }
        return r;
}

/* What is remarkable about it, or NULL. */
static const char *volume_remark(const Volume *volume, bool has_swap)
{
        if (!volume->listed)
                return "EC2 does not list it as attached: no snapshot has it; correct the id with "
                       "VolumeMap=";
        if (has_swap)
                return "holds swap space";
        return volume->mounted ? NULL :
                        "holds no mounted file system: it is not frozen, but watched for writes";
}

int disks_describe(const HostFacts *facts, Descender *descender, Topology *topology)
{
        _cleanup_(freep) bool *swap = calloc(topology->n_volumes + 1, sizeof(bool));
        int r = swap ? find_swap(facts, descender, swap) : -ENOMEM;

        for (size_t i = 0; i < topology->n_file_systems; i++)
                for (size_t j = 0; j < topology->file_systems[i].n_volumes; j++)
                        topology->volumes[topology->file_systems[i].volumes[j]].mounted = true;
        for (size_t i = 0; r >= 0 && i < topology->n_volumes; i++) {
                const char *remark = volume_remark(topology->volumes + i, swap[i]);

                if (remark)
                        r = string_replace(&topology->volumes[i].reason, remark);
        }
        return r;
}
