/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about file-system types: which are data, and which can be frozen. */

#include "host/fstype.h"

#include <string.h>

#include "base/text.h"

typedef struct FsType {
        const char *name;
        FsClass class;
} FsType;

/*
 * FIFREEZE works where the super_operations have freeze_fs or freeze_super, and answers EOPNOTSUPP
 * elsewhere (ioctl_fsfreeze() in the kernel's fs/ioctl.c). ext3 is mounted by ext4's driver. The
 * unfreezable ones have another writer than this kernel: a program, or another machine.
 */
static const FsType fs_types[] = {
        { "btrfs", FS_FREEZABLE },
        { "ext2", FS_FREEZABLE },
        { "ext3", FS_FREEZABLE },
        { "ext4", FS_FREEZABLE },
        { "f2fs", FS_FREEZABLE },
        { "gfs2", FS_FREEZABLE },
        { "jfs", FS_FREEZABLE },
        { "nilfs2", FS_FREEZABLE },
        { "reiserfs", FS_FREEZABLE },
        { "xfs", FS_FREEZABLE },

        { "cramfs", FS_STATIC },
        { "erofs", FS_STATIC },
        { "iso9660", FS_STATIC },
        { "romfs", FS_STATIC },
        { "squashfs", FS_STATIC },
        { "udf", FS_SYNCABLE },

        { "exfat", FS_SYNCABLE },
        { "fuseblk", FS_UNFREEZABLE },
        { "hfs", FS_SYNCABLE },
        { "hfsplus", FS_SYNCABLE },
        { "minix", FS_SYNCABLE },
        { "msdos", FS_SYNCABLE },
        { "ntfs", FS_UNFREEZABLE },
        { "ntfs3", FS_SYNCABLE },
        { "ocfs2", FS_UNFREEZABLE },
        { "ufs", FS_SYNCABLE },
        { "vfat", FS_SYNCABLE },

        { "hugetlbfs", FS_PSEUDO },
        { "ramfs", FS_MEMORY },
        { "rootfs", FS_PSEUDO },
        { "tmpfs", FS_MEMORY },

        { "9p", FS_NETWORK },
        { "afs", FS_NETWORK },
        { "ceph", FS_NETWORK },
        { "cifs", FS_NETWORK },
        { "coda", FS_NETWORK },
        { "glusterfs", FS_NETWORK },
        { "gpfs", FS_NETWORK },
        { "lustre", FS_NETWORK },
        { "ncpfs", FS_NETWORK },
        { "nfs", FS_NETWORK },
        { "nfs4", FS_NETWORK },
        { "smb3", FS_NETWORK },
        { "vboxsf", FS_NETWORK },
        { "virtiofs", FS_NETWORK },

        { "aufs", FS_STACKED },
        { "ecryptfs", FS_STACKED },
        { "overlay", FS_STACKED },
        { "unionfs", FS_STACKED },

        { "autofs", FS_PSEUDO },
        { "bdev", FS_PSEUDO },
        { "binder", FS_PSEUDO },
        { "binfmt_misc", FS_PSEUDO },
        { "bpf", FS_PSEUDO },
        { "cgroup", FS_PSEUDO },
        { "cgroup2", FS_PSEUDO },
        { "configfs", FS_PSEUDO },
        { "cpuset", FS_PSEUDO },
        { "debugfs", FS_PSEUDO },
        { "devpts", FS_PSEUDO },
        { "devtmpfs", FS_PSEUDO },
        { "efivarfs", FS_PSEUDO },
        { "fuse.gvfsd-fuse", FS_PSEUDO },
        { "fuse.lxcfs", FS_PSEUDO },
        { "fuse.portal", FS_PSEUDO },
        { "fusectl", FS_PSEUDO },
        { "mqueue", FS_PSEUDO },
        { "nfsd", FS_PSEUDO },
        { "nsfs", FS_PSEUDO },
        { "proc", FS_PSEUDO },
        { "pstore", FS_PSEUDO },
        { "resctrl", FS_PSEUDO },
        { "rpc_pipefs", FS_PSEUDO },
        { "securityfs", FS_PSEUDO },
        { "selinuxfs", FS_PSEUDO },
        { "smackfs", FS_PSEUDO },
        { "sysfs", FS_PSEUDO },
        { "tracefs", FS_PSEUDO },
};

static const char *const class_reasons[FS_CLASS_MAX] = {
        [FS_STATIC] = "read-only by its format: there is nothing to freeze",
        [FS_SYNCABLE] = "the kernel cannot freeze this type: it is synced, and watched for writes",
        [FS_UNFREEZABLE] = "the kernel cannot freeze this type: it is in the snapshot as it is",
        [FS_UNKNOWN] = "not known to be freezable: it is in the snapshot as it is",
        [FS_MEMORY] = "lives in memory: no snapshot has it",
        [FS_NETWORK] = "lies on another machine: no snapshot has it",
        [FS_PROGRAM] = "is served by a program (FUSE): what that has on volumes is listed there",
        [FS_STACKED] = "shows folders of other file systems, which are listed themselves",
        [FS_PSEUDO] = "an interface of the kernel: holds no data",
};

FsClass fs_class(const char *type)
{
        for (size_t i = 0; i < ELEMENTSOF(fs_types); i++)
                if (streq(fs_types[i].name, type))
                        return fs_types[i].class;
        return streq(type, "fuse") || startswith(type, "fuse.") ? FS_PROGRAM : FS_UNKNOWN;
}

bool fs_class_is_on_devices(FsClass class)
{
        return class == FS_FREEZABLE || class == FS_STATIC || class == FS_SYNCABLE ||
                class == FS_UNFREEZABLE || class == FS_UNKNOWN;
}

const char *fs_class_reason(FsClass class)
{
        return class >= 0 && class < FS_CLASS_MAX ? class_reasons[class] : NULL;
}
