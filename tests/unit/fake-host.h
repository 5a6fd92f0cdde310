/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A machine made of files in a temporary folder: sysfs, udev's database, /dev/disk, mountinfo. */

#include "base/text.h"
#include "host/topology.h"
#include "tests/unit/unit.h"

#define EBS "Amazon Elastic Block Store"
#define INSTANCE_STORE "Amazon EC2 NVMe Instance Storage"

typedef struct FakeHost {
        char *folder;
        char *sysfs;
        char *run;
        char *dev;
        char *swaps;
        char *jbd2;
        Text mountinfo;
        StringList map;
        StringList models;
        AttachedVolume attached[8];
        size_t n_attached;
        HostFacts facts;
        Topology topology;
        char *message; /* of what failed */
} FakeHost;

/* cmocka's set-up and tear-down; *state is the FakeHost. */
int fake_host_setup(void **state);
int fake_host_teardown(void **state);

/* A file below the folder, with the folders that lead to it. */
void fake_file(FakeHost *host, const char *content, const char *path, ...) _printf_(3, 4);
void fake_link(FakeHost *host, const char *target, const char *path, ...) _printf_(3, 4);

/* A whole device of 1 GiB, and a partition of half of it; `number` is "259:0". */
void fake_disk(FakeHost *host, const char *name, const char *number);
void fake_partition(FakeHost *host, const char *disk, const char *name, const char *number);

/* Of no hardware, as sysfs has drbd, nbd, zram and a ZFS volume. */
void fake_virtual(FakeHost *host, const char *name, const char *number);

void fake_nvme(FakeHost *host, const char *name, const char *number, const char *serial,
        const char *model);

/* A dm or md device that lies on `slaves`, separated by blanks. */
void fake_stacked(FakeHost *host, const char *name, const char *number, const char *slaves);
void fake_loop(FakeHost *host, const char *name, const char *number, const char *backing_file);

/* One more line of mountinfo, with the next free id below the mount 1. */
void fake_mount(FakeHost *host, const char *number, const char *target, const char *type,
        const char *source);

/* The same, with the file system's own options instead of "rw". */
void fake_mount_with(FakeHost *host, const char *number, const char *target, const char *type,
        const char *source, const char *options);

void fake_attached(FakeHost *host, const char *id, const char *device_name);

/* Reads the facts and builds the topology: what topology_build() returns. */
int fake_host_build(FakeHost *host);

/* By mount point and by id; they fail the test if there is none. */
const FileSystem *fake_file_system(const FakeHost *host, const char *mount_point);
const Volume *fake_volume(const FakeHost *host, const char *id);

/* That `fs` lies on just these volumes, in any order; `ids` is separated by blanks. */
void assert_volumes(const FakeHost *host, const FileSystem *fs, const char *ids);

#define FAKE_HOST_TEST(function)                                                                   \
        cmocka_unit_test_setup_teardown(function, fake_host_setup, fake_host_teardown)

#define assert_contains(text, part)                                                                \
        do {                                                                                       \
                assert_non_null(text);                                                             \
                if (!strstr((text), (part)))                                                       \
                        fail_msg("\"%s\" lacks \"%s\"", (text), (part));                           \
        } while (0)
