/* SPDX-License-Identifier: Apache-2.0 */
/* The topology for others: where it differs from EC2's view, and as JSON. */

#include "host/topology-report.h"

#include "base/json.h"
#include "base/text.h"

int topology_explain_unlisted(const Volume *volume, char **ret)
{
        return string_printf(ret,
                "%s says it is %s, but EC2 lists no such volume as attached to this instance: "
                "correct it with VolumeMap=, or leave it out with Exclude=",
                volume->device, volume->id);
}

/* Two devices that both claim it are the reason why none is it. */
static const OtherDisk *find_claimant(const Topology *topology, const char *id)
{
        for (size_t i = 0; i < topology->n_others; i++)
                if (streq_ptr(topology->others[i].claimed_id, id))
                        return topology->others + i;
        return NULL;
}

int topology_explain_absent(const Topology *topology, const AbsentVolume *absent, char **ret)
{
        const OtherDisk *claimant = find_claimant(topology, absent->id);

        if (claimant)
                return string_replace(ret, claimant->reason);
        if (absent->mapped)
                return string_printf(ret,
                        "%s is attached as %s, and %s by VolumeMap=, but this host has no such "
                        "block device: correct the entry",
                        absent->id, absent->attached_as, absent->mapped);
        return string_printf(ret,
                "%s is attached as %s, but no block device of this host has that id: "
                "say which one it is with VolumeMap=DEVICE:%s",
                absent->id, absent->attached_as, absent->id);
}

/* A NULL text is left out. */
static int set_text(json_t *object, const char *key, const char *value)
{
        return value ? json_object_set_new(object, key, json_text(value)) : 0;
}

static int set_flag(json_t *object, const char *key, bool value)
{
        return json_object_set_new(object, key, json_boolean(value));
}

/* Appends a fresh object, which the array owns; NULL when memory is out. */
static json_t *append_object(json_t *array)
{
        json_t *object = json_object();

        return json_array_append_new(array, object) < 0 ? NULL : object;
}

static int set_size(json_t *object, uint64_t bytes)
{
        return json_object_set_new(object, "size-bytes", json_integer((json_int_t)bytes));
}

static int add_volume(json_t *array, const Volume *volume)
{
        json_t *object = append_object(array);

        if (!object || set_text(object, "id", volume->id) < 0
                || set_text(object, "device", volume->device) < 0
                || set_size(object, volume->size_bytes) < 0
                || set_text(object, "attached-as", volume->attached_as) < 0
                || set_text(object, "partition-table", volume->partition_table) < 0
                || set_flag(object, "covered", volume->listed) < 0
                || set_text(object, "reason", volume->reason) < 0)
                return -ENOMEM;
        return 0;
}

/* Its snapshot is taken, whoever holds it: but nobody knows of what. */
static int add_absent(json_t *array, const Topology *topology, const AbsentVolume *absent)
{
        json_t *object = append_object(array);
        _cleanup_(freep) char *reason = NULL;

        if (!object || topology_explain_absent(topology, absent, &reason) < 0
                || set_text(object, "id", absent->id) < 0
                || set_text(object, "attached-as", absent->attached_as) < 0
                || set_flag(object, "covered", false) < 0
                || set_text(object, "reason", reason) < 0)
                return -ENOMEM;
        return 0;
}

static int add_other(json_t *array, const OtherDisk *other)
{
        json_t *object = append_object(array);

        if (!object || set_text(object, "device", other->device) < 0
                || set_text(object, "claimed-id", other->claimed_id) < 0
                || set_size(object, other->size_bytes) < 0
                || set_flag(object, "covered", false) < 0
                || set_text(object, "reason", other->reason) < 0)
                return -ENOMEM;
        return 0;
}

static int add_volume_ids(json_t *object, const Topology *topology, const FileSystem *fs)
{
        json_t *array = json_array();

        if (json_object_set_new(object, "volumes", array) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < fs->n_volumes; i++) {
                const char *id = topology->volumes[fs->volumes[i]].id;

                if (json_array_append_new(array, json_string(id)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Left out where the file system lies on its volumes directly, or on partitions of them. */
static int add_layers(json_t *object, const FileSystem *fs)
{
        json_t *array;

        if (fs->layers.count == 0)
                return 0;
        array = json_array();
        if (json_object_set_new(object, "layers", array) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < fs->layers.count; i++)
                if (json_array_append_new(array, json_text(fs->layers.items[i])) < 0)
                        return -ENOMEM;
        return 0;
}

static int add_file_system(json_t *array, const Topology *topology, const FileSystem *fs)
{
        json_t *object = append_object(array);

        if (!object || set_text(object, "mount-point", fs->mount_point) < 0
                || set_text(object, "type", fs->type) < 0
                || set_text(object, "uuid", fs->uuid) < 0
                || set_text(object, "label", fs->label) < 0
                || set_text(object, "device", fs->device) < 0
                || set_flag(object, "freeze", fs->covered && fs->freezable) < 0
                || set_flag(object, "watch", fs->covered && fs->watchable) < 0
                || set_flag(object, "covered", fs->covered) < 0
                || set_flag(object, "read-only", fs->read_only) < 0
                || set_text(object, "reason", fs->reason) < 0 || add_layers(object, fs) < 0)
                return -ENOMEM;
        return add_volume_ids(object, topology, fs);
}

int topology_to_json(const Topology *topology, json_t **ret)
{
        _cleanup_(json_decrefp) json_t *volumes = json_array(), *file_systems = json_array();
        json_t *object;
        int r = volumes && file_systems ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < topology->n_volumes; i++)
                r = add_volume(volumes, topology->volumes + i);
        for (size_t i = 0; r >= 0 && i < topology->n_absent; i++)
                r = add_absent(volumes, topology, topology->absent + i);
        for (size_t i = 0; r >= 0 && i < topology->n_others; i++)
                r = add_other(volumes, topology->others + i);
        for (size_t i = 0; r >= 0 && i < topology->n_file_systems; i++)
                r = add_file_system(file_systems, topology, topology->file_systems + i);
        if (r < 0)
                return r;
        object = json_pack("{s:O, s:O}", "volumes", volumes, "filesystems", file_systems);
        if (!object)
                return -ENOMEM;
        *ret = object;
        return 0;
}
