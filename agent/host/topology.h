/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What holds which data: file systems, and the EBS volumes below them. Built from facts, purely. */

#include "host/disk.h"
#include "host/facts.h"
#include "host/fstype.h"

/* The ids and paths are owned; `volumes` and `below` are indices into the Topology's arrays. */
typedef struct FileSystem {
        unsigned major, minor; /* mountinfo's: what tells one superblock from another */
        char *mount_point; /* the one to open */
        char *type;
        char *uuid; /* NULL if unknown */
        char *label; /* NULL if unknown or empty */
        char *device; /* "/dev/nvme1n1p1", or what mountinfo has in its place */
        char *disk; /* that alone holds it, itself or a partition of it; NULL: there is none */
        unsigned disk_major, disk_minor;
        uint64_t disk_bytes;
        size_t *volumes; /* all that are needed to restore it */
        size_t n_volumes;
        size_t *below; /* file systems that hold the files its loop devices lie in */
        size_t n_below;
        StringList layers; /* between it and its volumes: "lvm:vg-data", "raid1", "loop:/a.img" */
        size_t n_mounts;
        unsigned depth; /* 0: on devices only; else one more than the deepest in `below` */
        FsClass class;
        bool read_only;
        bool covered; /* all its data lies on `volumes` */
        bool lost; /* on block devices, nobody knows which: perhaps in a snapshot all the same */
        bool freezable; /* FIFREEZE of `mount_point` can work */
        bool watchable; /* it cannot, but syncfs and its device's counters tell that it is at rest */
        char *reason; /* why it is not covered, or covered and not freezable; else NULL */
} FileSystem;

typedef struct Topology {
        FileSystem *file_systems; /* without pseudo file systems */
        size_t n_file_systems;
        Volume *volumes; /* in order of their devices' names */
        size_t n_volumes;
        AbsentVolume *absent;
        size_t n_absent;
        OtherDisk *others;
        size_t n_others;
        UnusedDevice *unused;
        size_t n_unused;
} Topology;

#define TOPOLOGY_INIT ((Topology){ 0 })

void topology_done(Topology *topology);

/* 0 or -ENOMEM. `rules` may be NULL; their `attached` is NULL while EC2 has not been asked. */
int topology_build(const HostFacts *facts, const VolumeRules *rules, Topology *ret);
