/* SPDX-License-Identifier: Apache-2.0 */
/* Which EBS volume a block device is. */

#include "host/volume.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/text.h"

/* docs.aws.amazon.com/ebs: "Identify Amazon EBS volumes by NVMe device". */
#define EBS_MODEL "Amazon Elastic Block Store"
#define INSTANCE_STORE_MODEL "Amazon EC2 NVMe Instance Storage"

/* "vol-" and 8 hexadecimal digits at first, 17 since 2018. */
#define ID_DIGITS_SHORT 8U
#define ID_DIGITS_LONG 17U
#define ID_DIGITS_MAX 64U
#define XEN_NAME_MAX 32U

void volume_map_done(VolumeMap *map)
{
        for (size_t i = 0; i < map->count; i++) {
                free(map->items[i].device);
                free(map->items[i].id);
        }
        free(map->items);
        *map = VOLUME_MAP_INIT;
}

int volume_id_from_serial(const char *serial, char **ret)
{
        const char *digits = startswith(serial, "vol");
        size_t count;

        if (!digits)
                return -EINVAL;
        digits += *digits == '-';
        count = strspn(digits, "0123456789abcdef");
        /* virtio cuts a serial after 20 bytes: an id with its dash then lacks its last digit. */
        if (digits[count] || (count != ID_DIGITS_SHORT && count != ID_DIGITS_LONG))
                return -EINVAL;
        return string_printf(ret, "vol-%s", digits);
}

/* Ids that people write may be those of another cloud, whose digits are counted differently. */
static bool is_volume_id(const char *id)
{
        const char *digits = startswith(id, "vol-");
        size_t count = 0;

        while (digits && isalnum((unsigned char)digits[count]))
                count++;
        return digits && !digits[count] && count > 0 && count <= ID_DIGITS_MAX;
}

static int check_map_entry(const VolumeMap *map, const VolumeMapEntry *entry, char **reterr_message)
{
        for (const VolumeMapEntry *other = map->items; other < entry; other++) {
                if (streq(other->device, entry->device) || streq(other->id, entry->id)) {
                        (void)string_printf(reterr_message,
                                "VolumeMap=%s:%s contradicts VolumeMap=%s:%s: "
                                "name each device and each volume once",
                                entry->device, entry->id, other->device, other->id);
                        return -EINVAL;
                }
        }
        return 0;
}

/* The last colon divides: those of /dev/disk/by-path stand before it. */
static int add_map_entry(VolumeMap *map, const char *text, char **reterr_message)
{
        const char *colon = strrchr(text, ':');
        VolumeMapEntry *entry;

        if (!colon || !startswith(text, "/") || !is_volume_id(colon + 1)) {
                (void)string_printf(reterr_message,
                        "VolumeMap=%s is not DEVICE:VOLUME-ID, as in "
                        "/dev/vdb:vol-0123456789abcdef0",
                        text);
                return -EINVAL;
        }
        if (map->count >= VOLUME_MAP_COUNT_MAX) {
                (void)string_printf(reterr_message, "VolumeMap= has more than %u entries",
                        VOLUME_MAP_COUNT_MAX);
                return -EINVAL;
        }
        entry = ARRAY_ADD(map->items, map->count);
        if (!entry)
                return -ENOMEM;
        entry->device = strndup(text, (size_t)(colon - text));
        entry->id = strdup(colon + 1);
        if (!entry->device || !entry->id)
                return -ENOMEM;
        return check_map_entry(map, entry, reterr_message);
}

int volume_map_parse(const StringList *entries, VolumeMap *ret, char **reterr_message)
{
        _cleanup_(volume_map_done) VolumeMap map = VOLUME_MAP_INIT;

        for (size_t i = 0; i < entries->count; i++) {
                int r = add_map_entry(&map, entries->items[i], reterr_message);

                if (r < 0)
                        return r;
        }
        *ret = map;
        map = VOLUME_MAP_INIT;
        return 0;
}

void volume_map_resolve(VolumeMap *map, const BlockDevices *devices)
{
        for (size_t i = 0; i < map->count; i++) {
                VolumeMapEntry *entry = map->items + i;
                size_t found = block_devices_find_path(devices, entry->device);
                struct stat status;

                if (found != BLOCK_DEVICE_NONE) {
                        entry->major = devices->items[found].major;
                        entry->minor = devices->items[found].minor;
                } else if (stat(entry->device, &status) >= 0 && S_ISBLK(status.st_mode)) {
                        entry->major = major(status.st_rdev);
                        entry->minor = minor(status.st_rdev);
                }
        }
}

const char *volume_map_find(const VolumeMap *map, const BlockDevice *device)
{
        for (size_t i = 0; i < map->count; i++)
                if (map->items[i].major == device->major && map->items[i].minor == device->minor)
                        return map->items[i].id;
        return NULL;
}

static bool is_xen_disk(const BlockDevice *device)
{
        return startswith(device->name, "xvd") != NULL;
}

/*
 * "/dev/sdf" and "/dev/xvdf" both are xvdf to a Xen guest (docs.aws.amazon.com/ebs: "Device names
 * for volumes"). A root volume called "/dev/sda1" is xvda where xvda is partitioned, else xvda1.
 */
static bool xen_name_fits(const char *device_name, const char *kernel_name)
{
        const char *name = startswith(device_name, "/dev/"), *rest;
        char xen[XEN_NAME_MAX];
        size_t length;

        name = name ? name : device_name;
        rest = startswith(name, "sd");
        rest = rest ? rest : startswith(name, "xvd");
        if (!rest || strlen(rest) + sizeof("xvd") > sizeof(xen))
                return false;
        length = (size_t)snprintf(xen, sizeof(xen), "xvd%s", rest);
        if (streq(xen, kernel_name))
                return true;
        while (length > 0 && isdigit((unsigned char)xen[length - 1]))
                xen[--length] = '\0';
        return streq(xen, kernel_name);
}

static int identify_xen(const BlockDevice *device, const VolumeRules *rules, char **ret_id,
        char **ret_reason)
{
        const AttachedVolume *fits = NULL;
        int r;

        for (size_t i = 0; i < rules->n_attached; i++) {
                const AttachedVolume *attached = rules->attached + i;

                if (!xen_name_fits(attached->device_name, device->name))
                        continue;
                if (!fits) {
                        fits = attached;
                        continue;
                }
                r = string_printf(ret_reason,
                        "/dev/%s may be %s (attached as %s) or %s (attached as %s): "
                        "say which with VolumeMap=/dev/%s:VOLUME-ID",
                        device->name, fits->id, fits->device_name, attached->id,
                        attached->device_name, device->name);
                return r < 0 ? r : VOLUME_AMBIGUOUS;
        }
        if (fits)
                return string_replace(ret_id, fits->id);
        r = string_printf(ret_reason,
                "no attached volume has a device name that fits xvd's %s: "
                "say which it is with VolumeMap=/dev/%s:VOLUME-ID",
                device->name, device->name);
        return r < 0 ? r : VOLUME_NONE;
}

static bool is_accepted_model(const BlockDevice *device, const VolumeRules *rules)
{
        /* virtio has no model, and nothing but a volume has a volume id for its serial. */
        if (!device->model || streq(device->model, EBS_MODEL))
                return true;
        return rules->nvme_models && string_list_contains(rules->nvme_models, device->model);
}

/* Fills the reason of what has no id. */
static int explain_unknown(const BlockDevice *device, char **ret_reason)
{
        int r;

        if (block_device_is_memory(device))
                r = string_printf(ret_reason, "/dev/%s lives in memory: no snapshot has it",
                        device->name);
        else
                r = string_printf(ret_reason,
                        "/dev/%s (%s%s%s%s) shows no volume id: if it is a volume, say which with "
                        "VolumeMap=/dev/%s:VOLUME-ID",
                        device->name, device->model ? "model " : "no model",
                        device->model ? device->model : "",
                        device->serial ? ", serial " : ", no serial",
                        device->serial ? device->serial : "", device->name);
        return r < 0 ? r : VOLUME_NONE;
}

int volume_identify(const BlockDevice *device, const VolumeRules *rules, char **ret_id,
        char **ret_reason)
{
        int r;

        if (device->model && streq(device->model, INSTANCE_STORE_MODEL)) {
                r = string_printf(ret_reason, "/dev/%s is an instance store: no snapshot has it",
                        device->name);
                return r < 0 ? r : VOLUME_INSTANCE_STORE;
        }
        if (device->serial && is_accepted_model(device, rules)) {
                r = volume_id_from_serial(device->serial, ret_id);
                if (r != -EINVAL)
                        return r;
        }
        if (is_xen_disk(device))
                return identify_xen(device, rules, ret_id, ret_reason);
        return explain_unknown(device, ret_reason);
}
