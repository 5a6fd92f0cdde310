/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/stage.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

/* What a file system takes for itself: the lists of extents, a journal that is not written back. */
#define SPARE_BYTES (UINT64_C(16) << 20)
#define NAME_BYTES (CAPTURE_JOB_MAX + 16)
#define MODE_OF_OTHERS 0077

void stage_done(Stage *stage)
{
        closep(&stage->fd);
        closep(&stage->folder_fd);
        *stage = STAGE_INIT;
}

/* An image holds every secret of its host. */
static int folder_check(const Stage *stage, Trouble *trouble)
{
        struct stat about;

        if (fstat(stage->folder_fd, &about) < 0)
                return -errno;
        if (about.st_uid != 0 || about.st_mode & MODE_OF_OTHERS)
                return trouble_tell(trouble, -EPERM,
                        "%s must be root's, and nobody else's to look into: chown root, chmod 0700",
                        stage->folder);
        return 0;
}

int stage_open(Stage *stage, const char *folder, const char *job, Trouble *trouble)
{
        const struct open_how how = {
                .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };

        (void)snprintf(stage->folder, sizeof(stage->folder), "%s", folder);
        (void)snprintf(stage->job, sizeof(stage->job), "%s", job);
        stage->folder_fd = (int)syscall(SYS_openat2, AT_FDCWD, folder, &how, sizeof(how));
        if (stage->folder_fd < 0 && errno == ELOOP)
                return trouble_tell(trouble, -ELOOP,
                        "%s has a symbolic link on its way: name the folder itself", folder);
        if (stage->folder_fd < 0)
                return trouble_tell(trouble, -errno, "the folder %s cannot be opened: %s", folder,
                        strerror(errno));
        return folder_check(stage, trouble);
}

static int room_check(const Stage *stage, uint64_t needed, Trouble *trouble)
{
        struct statvfs about;
        uint64_t free_bytes;

        if (fstatvfs(stage->folder_fd, &about) < 0)
                return -errno;
        free_bytes = (uint64_t)about.f_bavail * about.f_frsize;
        if (free_bytes < needed + SPARE_BYTES)
                return trouble_tell(trouble, -ENOSPC,
                        "%s has %llu MiB left, and the image takes up to %llu MiB: make room, or "
                        "choose a folder on another disk",
                        stage->folder, (unsigned long long)(free_bytes >> 20),
                        (unsigned long long)((needed + SPARE_BYTES) >> 20));
        return 0;
}

static void name_format(const Stage *stage, char *ret)
{
        (void)snprintf(ret, NAME_BYTES, "%s.image", stage->job);
}

/* Told now, not when it is finished. */
static int name_check(const Stage *stage, Trouble *trouble)
{
        char name[NAME_BYTES];
        struct stat about;

        name_format(stage, name);
        if (fstatat(stage->folder_fd, name, &about, AT_SYMLINK_NOFOLLOW) == 0)
                return trouble_tell(trouble, -EEXIST, "%s/%s is there already: take or discard it",
                        stage->folder, name);
        return errno == ENOENT ? 0 : -errno;
}

static int mark_set(const Stage *stage, Trouble *trouble)
{
        if (fsetxattr(stage->fd, STAGE_MARK, stage->job, strlen(stage->job), 0) == 0)
                return 0;
        return trouble_tell(trouble, -errno,
                "the image in %s cannot be marked as ours (%s): choose a folder on ext4, xfs, "
                "btrfs "
                "or tmpfs",
                stage->folder, strerror(errno));
}

static bool mark_is_ours(const Stage *stage, int fd)
{
        char mark[CAPTURE_JOB_MAX];
        ssize_t n = fgetxattr(fd, STAGE_MARK, mark, sizeof(mark));

        return n >= 0 && (size_t)n == strlen(stage->job) &&
                memcmp(mark, stage->job, (size_t)n) == 0;
}

int stage_create(Stage *stage, uint64_t size, uint64_t needed, Trouble *trouble)
{
        int r = name_check(stage, trouble);

        if (r >= 0)
                r = room_check(stage, needed, trouble);
        if (r < 0)
                return r;
        stage->fd = openat(stage->folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (stage->fd < 0 && errno == EOPNOTSUPP)
                return trouble_tell(trouble, -EOPNOTSUPP,
                        "the file system of %s cannot hold a file without a name: choose a folder "
                        "on ext4, xfs, btrfs or tmpfs",
                        stage->folder);
        if (stage->fd < 0 && errno == EROFS)
                return trouble_tell(trouble, -EROFS,
                        "%s is read-only, here or in the sandbox of quiesced-capture@.service",
                        stage->folder);
        if (stage->fd < 0 || ftruncate(stage->fd, (off_t)size) < 0)
                return trouble_tell(trouble, -errno, "an image of %llu MiB in %s: %s",
                        (unsigned long long)(size >> 20), stage->folder, strerror(errno));
        stage->size = size;
        return mark_set(stage, trouble);
}

static int write_fail(const Stage *stage, int error, Trouble *trouble)
{
        if (error == ENOSPC || error == EDQUOT)
                return trouble_tell(trouble, -error,
                        "%s is full: make room, or choose a folder on another disk", stage->folder);
        return trouble_tell(trouble, -error, "the image in %s cannot be written: %s", stage->folder,
                strerror(error));
}

int stage_write(
        const Stage *stage, const void *data, size_t size, uint64_t offset, Trouble *trouble)
{
        const char *bytes = data;

        if (offset + size > stage->size) /* the last block of a device may be a part of one */
                size = (size_t)(stage->size - offset);
        while (size > 0) {
                ssize_t n = pwrite(stage->fd, bytes, size, (off_t)offset);

                if (n < 0 && errno != EINTR)
                        return write_fail(stage, errno, trouble);
                if (n <= 0)
                        continue;
                bytes += n;
                size -= (size_t)n;
                offset += (uint64_t)n;
        }
        return 0;
}

int stage_punch(const Stage *stage, const Map *map, Trouble *trouble)
{
        for (size_t i = 0; i < map->count; i++) {
                uint64_t start = map->ranges[i].start, end = map->ranges[i].end;

                if (end > stage->size)
                        end = stage->size;
                if (start < end &&
                        fallocate(stage->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                (off_t)start, (off_t)(end - start)) < 0)
                        return trouble_tell(trouble, -errno,
                                "no hole can be made in the image in %s: %s", stage->folder,
                                strerror(errno));
        }
        return 0;
}

int stage_sync(const Stage *stage, Trouble *trouble)
{
        return fdatasync(stage->fd) < 0 ? write_fail(stage, errno, trouble) : 0;
}

int stage_keep(const Stage *stage, Trouble *trouble)
{
        char name[NAME_BYTES], self[32];

        name_format(stage, name);
        (void)snprintf(self, sizeof(self), "/proc/self/fd/%d", stage->fd);
        if (fsync(stage->fd) < 0)
                return write_fail(stage, errno, trouble);
        if (linkat(AT_FDCWD, self, stage->folder_fd, name, AT_SYMLINK_FOLLOW) < 0)
                return trouble_tell(trouble, -errno, "%s/%s cannot be made: %s", stage->folder,
                        name, strerror(errno));
        return fsync(stage->folder_fd) < 0 ? write_fail(stage, errno, trouble) : 0;
}

static int image_open(const Stage *stage, Trouble *trouble, int *ret_fd, struct stat *ret_about)
{
        char name[NAME_BYTES];
        _cleanup_(closep) int fd = -EBADF;

        name_format(stage, name);
        fd = openat(stage->folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return trouble_tell(trouble, -errno, "%s/%s cannot be opened: %s", stage->folder,
                        name, strerror(errno));
        if (fstat(fd, ret_about) < 0)
                return -errno;
        if (!S_ISREG(ret_about->st_mode) || ret_about->st_uid != 0 ||
                ret_about->st_mode & MODE_OF_OTHERS || !mark_is_ours(stage, fd))
                return trouble_tell(trouble, -EPERM, "%s/%s is none of ours", stage->folder, name);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int stage_take(const Stage *stage, Trouble *trouble, int *ret_fd, uint64_t *ret_size)
{
        struct stat about;
        int r = image_open(stage, trouble, ret_fd, &about);

        if (r >= 0)
                *ret_size = (uint64_t)about.st_size;
        return r;
}

int stage_discard(const Stage *stage, Trouble *trouble)
{
        char name[NAME_BYTES];
        _cleanup_(closep) int fd = -EBADF;
        struct stat about;
        int r;

        name_format(stage, name);
        if (faccessat(stage->folder_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
                return 0;
        r = image_open(stage, trouble, &fd, &about);
        if (r < 0)
                return r;
        if (unlinkat(stage->folder_fd, name, 0) < 0 && errno != ENOENT)
                return trouble_tell(trouble, -errno, "%s/%s cannot be removed: %s", stage->folder,
                        name, strerror(errno));
        return 0;
}
