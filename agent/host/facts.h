/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Everything that the topology is made of, read once and without any privilege. */

#include "host/blockdev.h"
#include "host/mounts.h"
#include "host/probe.h"
#include "host/volume.h"

/* Where to read; NULL members stand for the defaults. */
typedef struct HostPaths {
        const char *sysfs; /* "/sys" */
        const char *run; /* "/run" */
        const char *dev; /* "/dev" */
        const char *swaps; /* "/proc/swaps" */
        const char *jbd2; /* "/proc/fs/jbd2" */
} HostPaths;

/* A mounted btrfs: its devices are told by sysfs only, since its number is none of theirs. */
typedef struct BtrfsSet {
        char *uuid;
        char *label;
        StringList devices; /* names */
} BtrfsSet;

/* A device that a file system needs beside the one that is mounted. */
typedef struct FsPart {
        const char *role; /* "logdev", "rtdev", "jdev": the option that says so; "journal" */
        char *device; /* its name, or what was given in its place, without "/dev/" */
} FsPart;

typedef struct FsParts {
        FsPart *items;
        size_t count;
        bool journal_unknown; /* there is one on another device, and no telling on which */
} FsParts;

/* What belongs to the file system of the same index in MountTable.file_systems. */
typedef struct FsFacts {
        size_t device; /* index into HostFacts.devices, or BLOCK_DEVICE_NONE */
        FsParts parts;
        FsProbe probe;
} FsFacts;

typedef struct HostFacts {
        MountTable mounts;
        FsFacts *file_systems;
        BlockDevices devices;
        char **partition_tables; /* one per device; NULL if none or unknown */
        BtrfsSet *btrfs;
        size_t n_btrfs;
        StringList mounted; /* names of devices with a mounted file system, or its journal */
        StringList swaps; /* names of devices that are swap space */
        VolumeMap map;
} HostFacts;

#define HOST_FACTS_INIT ((HostFacts){ 0 })

void host_facts_done(HostFacts *facts);

/*
 * `mountinfo_fd` is PID 1's mountinfo as the freezer hands it over; if negative, it is opened here:
 * /proc/1's, else our own. `map` holds the configured VolumeMap= entries and may be NULL. 0, or a
 * negative errno with the file and what is wrong with it in *reterr_message.
 */
int host_facts_read(const HostPaths *paths, int mountinfo_fd, const StringList *map,
        HostFacts *ret, char **reterr_message);
