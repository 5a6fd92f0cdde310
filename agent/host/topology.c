/* SPDX-License-Identifier: Apache-2.0 */
/* What holds which data: file systems, and the EBS volumes below them. */

#include "host/topology.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "host/disks.h"
#include "host/unused.h"

/* A file system in an image in a file system in an image ...: more is no machine's set-up. */
#define NESTING_MAX 16U

typedef enum Settling {
        SETTLING_TO_DO,
        SETTLING_OPEN,
        SETTLING_DONE,
} Settling;

typedef struct Builder {
        const HostFacts *facts;
        const VolumeRules *rules;
        Topology topology;
        Claim *claims; /* one per device, as are the next */
        Bottom *bottoms;
        Descender *descender;
        size_t *places; /* of mounts' file systems in the topology, or SIZE_MAX for pseudo ones */
        Settling *settling; /* one per file system of the topology */
} Builder;

static void file_system_done(FileSystem *fs)
{
        free(fs->mount_point);
        free(fs->type);
        free(fs->uuid);
        free(fs->label);
        free(fs->device);
        free(fs->disk);
        free(fs->volumes);
        free(fs->below);
        string_list_done(&fs->layers);
        free(fs->reason);
}

static void volume_done(Volume *volume)
{
        free(volume->id);
        free(volume->device);
        free(volume->attached_as);
        free(volume->partition_table);
        free(volume->reason);
}

void topology_done(Topology *topology)
{
        for (size_t i = 0; i < topology->n_file_systems; i++)
                file_system_done(topology->file_systems + i);
        for (size_t i = 0; i < topology->n_volumes; i++)
                volume_done(topology->volumes + i);
        for (size_t i = 0; i < topology->n_absent; i++) {
                free(topology->absent[i].id);
                free(topology->absent[i].attached_as);
                free(topology->absent[i].mapped);
        }
        for (size_t i = 0; i < topology->n_others; i++) {
                free(topology->others[i].device);
                free(topology->others[i].claimed_id);
                free(topology->others[i].reason);
        }
        for (size_t i = 0; i < topology->n_unused; i++) {
                free(topology->unused[i].device);
                free(topology->unused[i].volumes);
        }
        free(topology->file_systems);
        free(topology->volumes);
        free(topology->absent);
        free(topology->others);
        free(topology->unused);
        *topology = TOPOLOGY_INIT;
}

static void builder_done(Builder *builder)
{
        builder->claims = claims_free(builder->claims, builder->facts->devices.count);
        free(builder->bottoms);
        free(builder->places);
        free(builder->settling);
        (void)descender_free(builder->descender);
        topology_done(&builder->topology);
}

static int builder_init(Builder *builder)
{
        const HostFacts *facts = builder->facts;

        builder->bottoms = calloc(facts->devices.count + 1, sizeof(Bottom));
        builder->places = calloc(facts->mounts.n_file_systems + 1, sizeof(size_t));
        builder->settling = calloc(facts->mounts.n_file_systems + 1, sizeof(Settling));
        if (!builder->bottoms || !builder->places || !builder->settling)
                return -ENOMEM;
        if (claims_make(facts, builder->rules, &builder->claims) < 0)
                return -ENOMEM;
        return descender_new(facts, builder->bottoms, &builder->descender);
}

static const BtrfsSet *find_btrfs_set(const HostFacts *facts, const char *device)
{
        for (size_t i = 0; i < facts->n_btrfs; i++)
                if (string_list_contains(&facts->btrfs[i].devices, device))
                        return facts->btrfs + i;
        return NULL;
}

static int descend_part(Builder *builder, const char *name, Descent *descent)
{
        size_t device = block_devices_find(&builder->facts->devices, name);

        if (device != BLOCK_DEVICE_NONE)
                return descender_add(builder->descender, device, descent);
        return descent->reason ? 0 : string_printf(&descent->reason,
                "/dev/%s, a part of it, is not in sysfs", name);
}

/* The name is what the device has to be given as when it is mounted again. */
static int descend_named_part(Builder *builder, const FsPart *part, Descent *descent)
{
        _cleanup_(freep) char *layer = NULL;
        int r = string_printf(&layer, "%s:/dev/%s", part->role, part->device);

        if (r >= 0)
                r = string_list_add(&descent->layers, layer);
        return r < 0 ? r : descend_part(builder, part->device, descent);
}

/* All devices of a btrfs; else the one that is mounted, and then the parts that are beside it. */
static int descend_file_system(Builder *builder, const FsFacts *known, const BtrfsSet *set,
        Descent *descent)
{
        int r = set ? 0 : descender_add(builder->descender, known->device, descent);

        for (size_t i = 0; set && r >= 0 && i < set->devices.count; i++)
                r = descend_part(builder, set->devices.items[i], descent);
        for (size_t i = 0; r >= 0 && i < known->parts.count; i++)
                r = descend_named_part(builder, known->parts.items + i, descent);
        if (r >= 0 && known->parts.journal_unknown && !descent->reason)
                r = string_printf(&descent->reason,
                        "its journal is on another device, and nothing tells on which");
        return r;
}

static int name_device(const HostFacts *facts, size_t device, const Mount *mount, char **ret)
{
        if (device == BLOCK_DEVICE_NONE || (startswith(mount->source, "/dev/")
                        && !streq(mount->source, "/dev/root")))
                return string_replace(ret, mount->source);
        return string_printf(ret, "/dev/%s", facts->devices.items[device].name);
}

static int describe(const HostFacts *facts, const FsFacts *known, const BtrfsSet *set,
        const Mount *mount, FileSystem *fs)
{
        const char *uuid = set ? set->uuid : known->probe.uuid;
        const char *label = set ? set->label : known->probe.label;
        int r = string_replace(&fs->mount_point, mount->target);

        if (r >= 0)
                r = string_replace(&fs->type, mount->type);
        if (r >= 0)
                r = name_device(facts, known->device, mount, &fs->device);
        if (r >= 0 && uuid)
                r = string_replace(&fs->uuid, uuid);
        if (r >= 0 && label)
                r = string_replace(&fs->label, label);
        return r;
}

/* Block devices of which the number and name of the mount say nothing: see FsFacts.device. */
static bool is_on_unknown_devices(const FileSystem *fs)
{
        return fs->major == 0 && (startswith(fs->device, "/dev/") || streq(fs->type, "zfs")
                        || streq(fs->type, "bcachefs"));
}

/* `below` holds mounts' indices here: translate() makes them the topology's once all are there. */
static int locate(Builder *builder, const FsFacts *known, const BtrfsSet *set, FileSystem *fs)
{
        _cleanup_(descent_done) Descent descent = { 0 };
        int r;

        if (!fs_class_is_on_devices(fs->class))
                return string_replace(&fs->reason, fs_class_reason(fs->class));
        if (known->device == BLOCK_DEVICE_NONE) {
                fs->lost = is_on_unknown_devices(fs);
                return string_printf(&fs->reason,
                        "the block device below it is not known (mountinfo names %s)", fs->device);
        }
        r = descend_file_system(builder, known, set, &descent);
        if (r < 0)
                return r;
        fs->n_volumes = descent.volumes.count;
        fs->volumes = TAKE_PTR(descent.volumes.items);
        fs->n_below = descent.below.count;
        fs->below = TAKE_PTR(descent.below.items);
        fs->layers = descent.layers;
        descent.layers = STRING_LIST_INIT;
        fs->reason = TAKE_PTR(descent.reason);
        fs->lost = descent.lost;
        return 0;
}

/* What lies on several devices, or on one that is made of others, has no disk. */
static int name_disk(const HostFacts *facts, const FsFacts *known, const BtrfsSet *set,
        FileSystem *fs)
{
        const BlockDevice *device = facts->devices.items + known->device;
        size_t disk = known->device;

        if (known->device == BLOCK_DEVICE_NONE || known->parts.count > 0 ||
                known->parts.journal_unknown || (set && set->devices.count > 1))
                return 0;
        if (device->disk)
                disk = block_devices_find(&facts->devices, device->disk);
        if (disk == BLOCK_DEVICE_NONE || facts->devices.items[disk].slaves.count > 0)
                return 0;
        fs->disk_major = facts->devices.items[disk].major;
        fs->disk_minor = facts->devices.items[disk].minor;
        fs->disk_bytes = facts->devices.items[disk].size_bytes;
        return string_printf(&fs->disk, "/dev/%s", facts->devices.items[disk].name);
}

static int add_file_system(Builder *builder, size_t index)
{
        const HostFacts *facts = builder->facts;
        const MountedFs *mounted = facts->mounts.file_systems + index;
        const Mount *mount = facts->mounts.items + mounted->mount;
        const FsFacts *known = facts->file_systems + index;
        const FsClass class = fs_class(mount->type);
        const BtrfsSet *set = NULL;
        FileSystem *fs;
        int r;

        builder->places[index] = SIZE_MAX;
        if (class == FS_PSEUDO)
                return 0;
        if (streq(mount->type, "btrfs") && known->device != BLOCK_DEVICE_NONE)
                set = find_btrfs_set(facts, facts->devices.items[known->device].name);
        builder->places[index] = builder->topology.n_file_systems;
        fs = ARRAY_ADD(builder->topology.file_systems, builder->topology.n_file_systems);
        if (!fs)
                return -ENOMEM;
        fs->major = mount->major;
        fs->minor = mount->minor;
        fs->n_mounts = mounted->n_mounts;
        fs->class = class;
        fs->read_only = mount->read_only;
        fs->freezable = class == FS_FREEZABLE && mount->visible;
        fs->watchable = class == FS_SYNCABLE && mount->visible && mount->major != 0;
        r = describe(facts, known, set, mount, fs);
        if (r >= 0)
                r = name_disk(facts, known, set, fs);
        return r < 0 ? r : locate(builder, known, set, fs);
}

/* A backing file on a pseudo file system is on nothing that lasts. */
static int translate(const Builder *builder, FileSystem *fs)
{
        size_t kept = 0;

        for (size_t i = 0; i < fs->n_below; i++) {
                size_t place = builder->places[fs->below[i]];

                if (place != SIZE_MAX)
                        fs->below[kept++] = place;
                else if (!fs->reason && string_printf(&fs->reason,
                                "%s shows a file in a pseudo file system", fs->device) < 0)
                        return -ENOMEM;
        }
        fs->n_below = kept;
        return 0;
}

static int add_indices(const FileSystem *from, FileSystem *to)
{
        Indices volumes = { to->volumes, to->n_volumes };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < from->n_volumes; i++)
                r = indices_add(&volumes, from->volumes[i]);
        to->volumes = volumes.items;
        to->n_volumes = volumes.count;
        return r;
}

static int settle(Builder *builder, size_t index, unsigned nesting);

/* What lies in a file of another file system is on the volumes of that one, covered with it. */
static int inherit(Builder *builder, FileSystem *fs, size_t index, unsigned nesting)
{
        const FileSystem *outer = builder->topology.file_systems + index;
        int r;

        if (nesting >= NESTING_MAX || builder->settling[index] == SETTLING_OPEN)
                return fs->reason ? 0 : string_printf(&fs->reason,
                        "%s is an image in an image that lies too deep, or in itself", fs->device);
        r = settle(builder, index, nesting + 1);
        if (r >= 0)
                r = add_indices(outer, fs);
        if (r < 0)
                return r;
        if (fs->depth <= outer->depth)
                fs->depth = outer->depth + 1;
        if (outer->covered || fs->reason)
                return 0;
        return string_printf(&fs->reason, "its image is a file on %s, which is not covered: %s",
                outer->mount_point, outer->reason);
}

static const Volume *find_unlisted(const Topology *topology, const FileSystem *fs)
{
        for (size_t i = 0; i < fs->n_volumes; i++)
                if (!topology->volumes[fs->volumes[i]].listed)
                        return topology->volumes + fs->volumes[i];
        return NULL;
}

static int conclude(const Topology *topology, FileSystem *fs)
{
        const Volume *unlisted = find_unlisted(topology, fs);

        if (!fs->reason && fs->n_volumes == 0)
                return string_printf(&fs->reason, "%s lies on no volume", fs->device);
        if (!fs->reason && unlisted)
                return string_printf(&fs->reason, "%s says it is %s, which EC2 does not list as "
                        "attached: no snapshot has it", unlisted->device, unlisted->id);
        fs->covered = !fs->reason;
        if (!fs->covered || fs->freezable)
                return 0;
        return string_replace(&fs->reason, fs->class == FS_FREEZABLE
                                || (fs->class == FS_SYNCABLE && !fs->watchable)
                        ? "hidden below another mount: it cannot be opened to bring it to rest"
                        : fs_class_reason(fs->class));
}

static int settle(Builder *builder, size_t index, unsigned nesting)
{
        FileSystem *fs = builder->topology.file_systems + index;
        int r = 0;

        if (builder->settling[index] == SETTLING_DONE)
                return 0;
        builder->settling[index] = SETTLING_OPEN;
        for (size_t i = 0; r >= 0 && i < fs->n_below; i++)
                r = inherit(builder, fs, fs->below[i], nesting);
        builder->settling[index] = SETTLING_DONE;
        return r < 0 ? r : conclude(&builder->topology, fs);
}

static int build_file_systems(Builder *builder)
{
        Topology *topology = &builder->topology;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < builder->facts->mounts.n_file_systems; i++)
                r = add_file_system(builder, i);
        for (size_t i = 0; r >= 0 && i < topology->n_file_systems; i++)
                r = translate(builder, topology->file_systems + i);
        for (size_t i = 0; r >= 0 && i < topology->n_file_systems; i++)
                r = settle(builder, i, 0);
        return r;
}

int topology_build(const HostFacts *facts, const VolumeRules *rules, Topology *ret)
{
        static const VolumeRules no_rules = { 0 };
        _cleanup_(builder_done) Builder builder = { facts, rules ? rules : &no_rules };
        int r = builder_init(&builder);

        if (r >= 0)
                r = disks_place(facts, builder.rules, builder.claims, builder.bottoms,
                        &builder.topology);
        if (r >= 0)
                r = build_file_systems(&builder);
        if (r >= 0)
                r = disks_describe(facts, builder.descender, &builder.topology);
        if (r >= 0)
                r = unused_add(facts, builder.descender, builder.places, &builder.topology);
        if (r < 0)
                return r;
        *ret = builder.topology;
        builder.topology = TOPOLOGY_INIT;
        return 0;
}
