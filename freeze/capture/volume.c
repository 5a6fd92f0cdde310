/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/volume.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "freeze/capture/spare.h"
#include "freeze/moment.h"

#define LOOP_NAME_MAX 32
/* Another process may take the device that was free, or udev still look at it: 6 s in all. */
#define LOOP_TRIES 64
#define LOOP_PAUSE_USEC 100000

/* Not in every libc that we build with. */
static int fs_open(const char *type)
{
        return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}

static int fs_pick(int mount_fd)
{
        return (int)syscall(SYS_fspick, mount_fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
}

static int fs_configure(int fs_fd, unsigned command, const char *key, const char *value)
{
        return (int)syscall(SYS_fsconfig, fs_fd, command, key, value, 0);
}

static int loop_configure(int loop_fd, const Stage *stage, const Disk *disk, const Part *part)
{
        struct loop_config config = {
                .fd = (uint32_t)stage->fd,
                .block_size = disk->sector_bytes,
                .info = {
                        .lo_offset = part->start,
                        .lo_sizelimit = part->size,
                        .lo_flags = LO_FLAGS_AUTOCLEAR,
                },
        };

        return ioctl(loop_fd, LOOP_CONFIGURE, &config) < 0 ? -errno : 0;
}

static int loop_try(
        int control_fd, const Stage *stage, const Disk *disk, const Part *part, char *ret_name)
{
        int number = ioctl(control_fd, LOOP_CTL_GET_FREE);
        _cleanup_(closep) int fd = -EBADF;
        int r;

        if (number < 0)
                return -errno;
        (void)snprintf(ret_name, LOOP_NAME_MAX, "/dev/loop%d", number);
        fd = open(ret_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        /*
         * udev leaves a device alone that is locked (systemd.io/BLOCK_DEVICE_LOCKING): or it would
         * let /dev/disk/by-uuid/ of the original lead to this one, whose file system has the same
         * UUID.
         */
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;
        r = loop_configure(fd, stage, disk, part);
        return r < 0 ? r : TAKE_FD(fd);
}

/* A descriptor of the device: it goes with the last one, or with the mount. */
static int loop_open(const Stage *stage, const Disk *disk, const Part *part, char *ret_name)
{
        _cleanup_(closep) int control_fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
        int fd = -EBUSY;

        if (control_fd < 0)
                return -errno;
        for (unsigned i = 0; fd == -EBUSY && i < LOOP_TRIES; i++) {
                if (i > 0)
                        moment_sleep(LOOP_PAUSE_USEC);
                fd = loop_try(control_fd, stage, disk, part, ret_name);
        }
        return fd;
}

/* What differs from a mount of the original. */
static int mount_adapt(int fs_fd, const char *type)
{
        /* The original, of the same UUID, is mounted. */
        if (strcmp(type, "xfs") == 0)
                return fs_configure(fs_fd, FSCONFIG_SET_FLAG, "nouuid", NULL);
        /* All of it, whichever subvolume is mounted by default: that of the top has the number 5. */
        if (strcmp(type, "btrfs") == 0)
                return fs_configure(fs_fd, FSCONFIG_SET_STRING, "subvolid", "5");
        /* Its superblock may say "panic". */
        if (strncmp(type, "ext", strlen("ext")) == 0)
                return fs_configure(fs_fd, FSCONFIG_SET_STRING, "errors", "remount-ro");
        return 0;
}

/* What the file system says of the image stays in the kernel's log. */
static int mount_make(const char *type, const char *device)
{
        _cleanup_(closep) int fs_fd = fs_open(type);
        int fd;

        if (fs_fd < 0 || fs_configure(fs_fd, FSCONFIG_SET_STRING, "source", device) < 0 ||
                mount_adapt(fs_fd, type) < 0 ||
                fs_configure(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL) < 0)
                return -errno;
        fd = (int)syscall(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC,
                MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME);
        return fd < 0 ? -errno : fd;
}

static int root_open(Volume *volume)
{
        const struct open_how how = {
                .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
        };

        volume->root_fd = (int)syscall(SYS_openat2, volume->mount_fd, ".", &how, sizeof(how));
        return volume->root_fd < 0 ? -errno : 0;
}

/* 1: it cannot list what is free. */
static int volume_is_blind(const Volume *volume)
{
        Map map = { 0 };
        int r = map_add_free(&map, volume->root_fd, volume->part->start);

        map_done(&map);
        return r;
}

/* Documentation/filesystems/ext4/super.rst */
#define EXT4_SUPERBLOCK_AT 1024u
#define EXT4_RO_COMPAT_AT 0x64u
#define EXT4_RO_COMPAT_BIGALLOC 0x200u

/*
 * It gives out clusters of many blocks: what a deleted file had in those that the next one does not
 * fill belongs to that one, to a folder, or to a node of a tree of extents, and nobody lists it.
 */
static bool has_clusters(const Stage *stage, const Part *part)
{
        unsigned char features[4];
        off_t at = (off_t)(part->start + EXT4_SUPERBLOCK_AT + EXT4_RO_COMPAT_AT);

        return strcmp(part->type, "ext4") == 0 &&
                pread(stage->fd, features, sizeof(features), at) == sizeof(features) &&
                (features[0] | features[1] << 8) & EXT4_RO_COMPAT_BIGALLOC;
}

int volume_check(const Stage *stage, const Part *part, Trouble *trouble)
{
        if (!has_clusters(stage, part))
                return 0;
        return trouble_tell(trouble, -EOPNOTSUPP,
                "%s is an ext4 that gives out clusters of blocks (bigalloc), in which what was "
                "deleted stays where nobody can tell: do without a scrub",
                part->path);
}

int volume_open(
        Volume *volume, const Stage *stage, const Disk *disk, const Part *part, Trouble *trouble)
{
        char name[LOOP_NAME_MAX] = "";
        int r;

        *volume = VOLUME_INIT;
        volume->stage = stage;
        volume->part = part;
        volume->loop_fd = loop_open(stage, disk, part, name);
        if (volume->loop_fd < 0)
                return trouble_tell(trouble, volume->loop_fd,
                        "no loop device for the image of %s: %s", part->path,
                        strerror(-volume->loop_fd));
        volume->mount_fd = mount_make(part->type, name);
        if (volume->mount_fd < 0)
                return trouble_tell(trouble, volume->mount_fd,
                        "the image of %s (%s) cannot be mounted apart: %s; see dmesg, or do "
                        "without a scrub",
                        part->path, part->type, strerror(-volume->mount_fd));
        r = root_open(volume);
        if (r >= 0)
                r = volume_is_blind(volume);
        if (r < 0)
                return trouble_tell(trouble, r, "the image of %s: %s", part->path, strerror(-r));
        volume->is_blind = r > 0;
        return 0;
}

/* Of the kernel's Documentation/filesystems/ext4/, since Linux 5.15; in no header of its users. */
#define EXT4_CHECKPOINT _IOW('f', 43, uint32_t)
#define EXT4_CHECKPOINT_ZEROOUT 2u

/*
 * The journal has copies of whole blocks: of inodes that had a short file in them, and of files, if
 * it was mounted with data=journal. An older kernel, or a file system without one, does not know
 * this request.
 */
static int journal_blank(const Volume *volume)
{
        uint32_t flags = EXT4_CHECKPOINT_ZEROOUT;

        if (strncmp(volume->part->type, "ext", strlen("ext")) != 0 ||
                ioctl(volume->root_fd, EXT4_CHECKPOINT, &flags) == 0)
                return 0;
        return errno == ENOTTY || errno == ENODEV || errno == EROFS ? 0 : -errno;
}

/* Read-only, it has written all, and frees no block later (as xfs does in the background). */
static int volume_rest(const Volume *volume)
{
        _cleanup_(closep) int fs_fd = -EBADF;
        int r;

        if (syncfs(volume->root_fd) < 0)
                return -errno;
        r = journal_blank(volume);
        if (r < 0)
                return r;
        fs_fd = fs_pick(volume->mount_fd);
        if (fs_fd < 0 || fs_configure(fs_fd, FSCONFIG_SET_FLAG, "ro", NULL) < 0 ||
                fs_configure(fs_fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL) < 0)
                return -errno;
        return 0;
}

/*
 * What a transaction of btrfs no longer uses is pinned, and is not trimmed, until the next one is
 * written: new times, the old ones, are enough of a change for that.
 */
static int volume_write_twice(const Volume *volume)
{
        struct stat about;

        if (syncfs(volume->root_fd) < 0 || fstat(volume->root_fd, &about) < 0 ||
                futimens(volume->root_fd,
                        (const struct timespec[]){ about.st_atim, about.st_mtim }) < 0 ||
                syncfs(volume->root_fd) < 0)
                return -errno;
        return 0;
}

/* btrfs and vfat do not list what is free, but give it to the loop device, which makes a hole. */
static int volume_trim(const Volume *volume)
{
        struct fstrim_range range = { .len = UINT64_MAX };
        bool is_btrfs = strcmp(volume->part->type, "btrfs") == 0;
        int r = is_btrfs ? subvolumes_await_deletion(volume->root_fd) : 0;

        if (r >= 0)
                r = volume_write_twice(volume);
        if (r < 0)
                return r;
        if (ioctl(volume->root_fd, FITRIM, &range) < 0)
                return -errno;
        return 0;
}

static int volume_free(const Volume *volume, Map *freed, Trouble *trouble)
{
        struct statvfs about;
        int r = fstatvfs(volume->root_fd, &about) < 0 ? -errno : 0;

        /* One that can only be read, as squashfs, has freed nothing. */
        if (r >= 0 && volume->is_blind && !(about.f_flag & ST_RDONLY))
                r = volume_trim(volume);
        if (r < 0)
                return trouble_tell(trouble, r,
                        "%s cannot tell what it has freed in the image of %s: %s; do without a "
                        "scrub",
                        volume->part->type, volume->part->path, strerror(-r));
        r = volume_rest(volume);
        if (r >= 0 && !volume->is_blind)
                r = map_add_free(freed, volume->root_fd, volume->part->start);
        if (r >= 0 && strcmp(volume->part->type, "xfs") == 0)
                r = spare_add(freed, volume->stage->fd, volume->part->start, volume->part->size);
        return r;
}

int volume_close(Volume *volume, Map *freed, Trouble *trouble)
{
        const char *path = volume->part->path;
        int r = volume_free(volume, freed, trouble);

        volume_done(volume);
        return r < 0 ? trouble_tell(trouble, r, "the image of %s: %s", path, strerror(-r)) : 0;
}

/* The last descriptor of a mount that has no place unmounts it. */
void volume_done(Volume *volume)
{
        closep(&volume->root_fd);
        closep(&volume->mount_fd);
        closep(&volume->loop_fd);
        *volume = VOLUME_INIT;
}
