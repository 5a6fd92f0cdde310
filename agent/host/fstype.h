/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is known about file-system types: which are data, and which can be frozen. */

#include <errno.h>
#include <stdbool.h>

typedef enum FsClass {
        FS_FREEZABLE, /* on block devices, and FIFREEZE works */
        FS_STATIC, /* on block devices, never written: there is nothing to freeze */
        FS_SYNCABLE, /* FIFREEZE answers EOPNOTSUPP, but after syncfs all of it is on the device */
        FS_UNFREEZABLE, /* on block devices, and FIFREEZE answers EOPNOTSUPP, and others write as well */
        FS_UNKNOWN, /* another type: taken for not freezable */
        FS_MEMORY, /* data, but in memory */
        FS_NETWORK, /* data, but of another machine */
        FS_PROGRAM, /* data that a program serves (FUSE), wherever it has it from */
        FS_STACKED, /* data of other file systems, which are looked at on their own */
        FS_PSEUDO, /* no data: an interface of the kernel */
        FS_CLASS_MAX,
        FS_CLASS_INVALID = -EINVAL,
} FsClass;

/* Of a type as mountinfo names it, subtype included ("fuse.sshfs"). */
FsClass fs_class(const char *type);

/* Whether its data lies on block devices, known or not. */
bool fs_class_is_on_devices(FsClass class);

/* Why such a file system is not frozen, for people; NULL for FS_FREEZABLE. */
const char *fs_class_reason(FsClass class);
