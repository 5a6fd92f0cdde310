/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which EBS volume a block device is. */

#include "base/list.h"
#include "host/blockdev.h"

/* One volume as DescribeInstances lists it; the texts belong to the caller. */
typedef struct AttachedVolume {
        const char *id; /* "vol-..." */
        const char *device_name; /* "/dev/sdf" */
} AttachedVolume;

/* VolumeMap=DEVICE:VOLUME-ID, for platforms whose devices do not show their ids. */
typedef struct VolumeMapEntry {
        char *device; /* as configured */
        char *id;
        unsigned major, minor; /* 0:0 while there is no such device */
} VolumeMapEntry;

typedef struct VolumeMap {
        VolumeMapEntry *items;
        size_t count;
} VolumeMap;

#define VOLUME_MAP_INIT ((VolumeMap){ 0 })
#define VOLUME_MAP_COUNT_MAX 256U

void volume_map_done(VolumeMap *map);

/*
 * Parses configured entries: 0, -ENOMEM, or -EINVAL with the entry and its fault in
 * *reterr_message. An id or a device that stands twice is a fault.
 */
int volume_map_parse(const StringList *entries, VolumeMap *ret, char **reterr_message);

/* Looks the devices up: by the kernel's names, else by stat(2), which follows by-id links. */
void volume_map_resolve(VolumeMap *map, const BlockDevices *devices);

/* By what a device's volume is told. NULL and 0 stand for "nothing known". */
typedef struct VolumeRules {
        const StringList *nvme_models; /* accepted beside EBS's own; empty: EBS's own only */
        const AttachedVolume *attached; /* as EC2 lists them; NULL while it has not been asked */
        size_t n_attached;
} VolumeRules;

typedef enum VolumeOutcome {
        VOLUME_KNOWN = 0,
        VOLUME_INSTANCE_STORE = 1, /* a disk of the host machine, which no snapshot covers */
        VOLUME_NONE = 2, /* no id, and the reason says why */
        VOLUME_AMBIGUOUS = 3, /* several ids fit, and the reason names them */
} VolumeOutcome;

/*
 * The volume behind a device of its own, not behind what it lies on: a VolumeOutcome or -ENOMEM.
 * *ret_id is set for VOLUME_KNOWN, *ret_reason for all others.
 */
int volume_identify(const BlockDevice *device, const VolumeRules *rules, char **ret_id,
        char **ret_reason);

/* The id that VolumeMap= gives to this very device, or NULL. */
const char *volume_map_find(const VolumeMap *map, const BlockDevice *device);

/* "vol0123456789abcdef0", as NVMe and virtio show it, or with its dash: 0, -EINVAL or -ENOMEM. */
int volume_id_from_serial(const char *serial, char **ret);
