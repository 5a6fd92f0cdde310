/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a topology tells of disks. The texts are owned; lists of volumes are indices into its own. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Volume {
        char *id;
        char *device; /* "/dev/nvme1n1" */
        char *attached_as; /* "/dev/sdf"; NULL before the API was asked */
        char *partition_table; /* "gpt", "dos"; NULL if none or unknown */
        uint64_t size_bytes;
        bool mounted; /* a file system lies on it, alone or with others */
        bool listed; /* EC2 lists it as attached, or was not asked */
        char *reason; /* what is remarkable: "holds no mounted file system", "holds swap space" */
} Volume;

/* EC2 lists it as attached, and no device is it. */
typedef struct AbsentVolume {
        char *id;
        char *attached_as;
        char *mapped; /* the device that VolumeMap= names, which is not there; or NULL */
} AbsentVolume;

/* A disk that is no volume, for all that is known: instance store, unknown, or contradictory. */
typedef struct OtherDisk {
        char *device;
        char *claimed_id; /* of the volume that it cannot be believed to be, or NULL */
        uint64_t size_bytes;
        bool is_instance_store;
        char *reason;
} OtherDisk;

/* No file system, swap space or other device that we see is made of it: on volumes, or a partition. */
typedef struct UnusedDevice {
        unsigned major, minor;
        unsigned disk_major, disk_minor; /* of the disk that it is a partition of, or its own */
        bool mounted_elsewhere; /* the kernel has a file system of it, which no mount shows */
        bool lost; /* and it may lie on any volume: `volumes` has all of them */
        char *device;
        size_t *volumes; /* none: of a disk that is no volume */
        size_t n_volumes;
} UnusedDevice;
