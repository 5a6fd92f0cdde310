/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/scrub.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "freeze/capture/key.h"
#include "freeze/capture/volume.h"

/* Each holds a descriptor, of the 1024 that systemd allows, and a frame of the stack. */
#define DEPTH_MAX 512
/* Of a path, in a message that has 1024. */
#define TOLD_CHARS 800

/* Of all that a folder contains. */
typedef enum Fate {
        FATE_JUDGED, /* one by one */
        FATE_GOES,   /* but for what a rule includes */
        FATE_STAYS,
} Fate;

typedef struct Scrub {
        const Stage *stage;
        const Disk *disk;
        const Rules *rules;
        Removals *removals;
        size_t list_bytes;
        Trouble *trouble;
        const Volume *volume;
        Map *freed;                      /* what is to become a hole, in bytes of the image */
        char path[2 * CAPTURE_PATH_MAX]; /* as it will be in the image */
        char top[2 * CAPTURE_PATH_MAX];  /* of the same, from the top of its file system */
        size_t base; /* of `path`: where one within a subvolume begins that is mounted nowhere; or 0 */
        unsigned depth;
} Scrub;

static int scrub_fail(Scrub *scrub, int error, const char *what)
{
        bool is_long = strlen(scrub->path) > TOLD_CHARS;

        return trouble_tell(scrub->trouble, error, "%.*s%s in the image %s: %s", TOLD_CHARS,
                scrub->path, is_long ? "..." : "", what, strerror(-error));
}

/* The first that does not fit begins the file, with all that are in the packet. */
static int removal_list(Scrub *scrub, size_t size)
{
        CaptureRemovals *packet = &scrub->removals->packet;
        Listing *listing = &scrub->removals->listing;
        int r;

        if (listing->fd < 0) {
                r = listing_open(listing, scrub->stage, scrub->trouble);
                if (r >= 0)
                        r = listing_add(listing, packet->list, scrub->list_bytes, scrub->trouble);
                if (r < 0)
                        return r;
        }
        return listing_add(listing, scrub->path, size, scrub->trouble);
}

static int removal_note(Scrub *scrub, uint64_t bytes)
{
        CaptureRemovals *packet = &scrub->removals->packet;
        size_t size = strlen(scrub->path) + 1;

        packet->n_removed++;
        packet->removed_bytes += bytes;
        if (scrub->removals->listing.fd >= 0 || scrub->list_bytes + size > sizeof(packet->list))
                return removal_list(scrub, size);
        memcpy(packet->list + scrub->list_bytes, scrub->path, size);
        scrub->list_bytes += size;
        packet->n_listed++;
        return 0;
}

/* Nothing in the image leads out of it: no link is followed, no other file system entered. */
static int entry_open(int folder_fd, const char *name, int flags)
{
        const struct open_how how = {
                .flags = (uint64_t)(flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY),
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
                        RESOLVE_NO_XDEV,
        };
        int fd = (int)syscall(SYS_openat2, folder_fd, name, &how, sizeof(how));

        return fd < 0 ? -errno : fd;
}

static int entry_has_key(Scrub *scrub, int folder_fd, const char *name)
{
        _cleanup_(closep) int fd = entry_open(folder_fd, name, O_RDONLY);
        int r = fd < 0 ? fd : key_search(fd);

        return r < 0 ? scrub_fail(scrub, r, "cannot be read") : r;
}

/* Of another job, whose image waits to be bundled in a folder that its profile has named. */
static int entry_is_image(Scrub *scrub, int folder_fd, const char *name)
{
        _cleanup_(closep) int fd = entry_open(folder_fd, name, O_RDONLY);

        if (fd < 0)
                return scrub_fail(scrub, fd, "cannot be read");
        return fgetxattr(fd, STAGE_MARK, NULL, 0) >= 0;
}

/* 1: what is in it, or stands on it, is a reason to remove it. */
static int entry_look(Scrub *scrub, int folder_fd, const char *name, Verdict verdict)
{
        return verdict == VERDICT_GOES_IF_KEY ? entry_has_key(scrub, folder_fd, name)
                                              : entry_is_image(scrub, folder_fd, name);
}

#define FLAGS_OF_ROCK (FS_IMMUTABLE_FL | FS_APPEND_FL)

/* Those that forbid a change are gone: chattr +i keeps histories, of all files. The old ones. */
static int flags_drop(int fd)
{
        int flags = 0, fewer;

        if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
                return 0;
        fewer = flags & ~FLAGS_OF_ROCK;
        if (fewer != flags)
                (void)ioctl(fd, FS_IOC_SETFLAGS, &fewer);
        return flags;
}

static int name_remove(int folder_fd, const char *name, int at_flags)
{
        int flags, error;

        if (unlinkat(folder_fd, name, at_flags) == 0)
                return 0;
        if (errno != EPERM)
                return -errno;
        flags = flags_drop(folder_fd);
        error = unlinkat(folder_fd, name, at_flags) < 0 ? errno : 0;
        if (flags & FLAGS_OF_ROCK)
                (void)ioctl(folder_fd, FS_IOC_SETFLAGS, &flags);
        return -error;
}

/* A short file may lie in its inode, where nothing but this overwrites it (ext4's inline_data). */
static int file_remove(int folder_fd, const char *name, const struct stat *about)
{
        _cleanup_(closep) int look_fd = -EBADF, fd = -EBADF;

        if (S_ISREG(about->st_mode)) {
                look_fd = entry_open(folder_fd, name, O_RDONLY);
                if (look_fd >= 0)
                        (void)flags_drop(look_fd);
                if (about->st_nlink == 1)
                        fd = entry_open(folder_fd, name, O_WRONLY);
                /* One that fs-verity seals is not opened to write, nor is it short. */
                if (fd >= 0 && ftruncate(fd, 0) < 0)
                        return -errno;
        }
        return name_remove(folder_fd, name, /* at_flags= */ 0);
}

/* Of one that stays: where it was given room that it has not used, what others left there goes. */
static int file_blank(Scrub *scrub, int folder_fd, const char *name, const struct stat *about)
{
        _cleanup_(closep) int fd = -EBADF;
        int r;

        if (!S_ISREG(about->st_mode) || about->st_blocks == 0 || scrub->volume->is_blind)
                return 0;
        fd = entry_open(folder_fd, name, O_RDONLY);
        r = fd < 0 ? fd : map_add_unwritten(scrub->freed, fd, scrub->volume->part->start);
        return r < 0 ? scrub_fail(scrub, r, "cannot be looked into") : 0;
}

/* So that nothing is remembered: a history, as administrators make it. */
static bool leads_to_nothing(int folder_fd, const char *name)
{
        static const char nothing[] = "/dev/null";
        char target[sizeof(nothing)];
        ssize_t n = readlinkat(folder_fd, name, target, sizeof(target));

        return n == sizeof(nothing) - 1 && memcmp(target, nothing, sizeof(nothing) - 1) == 0;
}

static Verdict file_judge(const Scrub *scrub, Fate fate)
{
        if (fate == FATE_STAYS)
                return VERDICT_STAYS;
        if (fate == FATE_GOES && !rules_include(scrub->rules, scrub->path, scrub->base))
                return VERDICT_GOES;
        return rules_judge(scrub->rules, scrub->path, scrub->base);
}

static int file_scrub(
        Scrub *scrub, int folder_fd, const char *name, const struct stat *about, Fate fate)
{
        Verdict verdict = file_judge(scrub, fate);
        int r;

        if (verdict == VERDICT_GOES_IF_KEY || verdict == VERDICT_GOES_IF_IMAGE) {
                r = S_ISREG(about->st_mode) ? entry_look(scrub, folder_fd, name, verdict) : 0;
                if (r < 0)
                        return r;
                verdict = r > 0 ? VERDICT_GOES : VERDICT_STAYS;
        }
        if (verdict == VERDICT_GOES && fate == FATE_JUDGED && leads_to_nothing(folder_fd, name) &&
                !rules_exclude(scrub->rules, scrub->path, scrub->base))
                verdict = VERDICT_STAYS;
        if (verdict == VERDICT_STAYS)
                return file_blank(scrub, folder_fd, name, about);
        r = file_remove(folder_fd, name, about);
        if (r < 0)
                return scrub_fail(scrub, r, "cannot be removed");
        return removal_note(scrub, S_ISREG(about->st_mode) ? (uint64_t)about->st_size : 0);
}

static Fate fate_judge(const Scrub *scrub, Fate fate)
{
        if (fate == FATE_STAYS || rules_include(scrub->rules, scrub->path, scrub->base))
                return FATE_STAYS;
        return rules_exclude(scrub->rules, scrub->path, scrub->base) ? FATE_GOES : fate;
}

/* The part whose image is the root comes first; the others lie below it, or stand for themselves. */
static const char *image_path(const Disk *disk, const char *path)
{
        const char *root = disk->parts[0].path;
        size_t length = strlen(root);

        if (strcmp(path, root) == 0)
                return "";
        if (length > 1 && strncmp(path, root, length) == 0 && path[length] == '/')
                return path + length;
        return path;
}

/* The way into a subvolume, and back. */
typedef struct Crossing {
        char *path; /* what it was; NULL: there is no subvolume */
        size_t base;
        int locked_fd; /* of one that was read-only */
} Crossing;

static int subvolume_open(Scrub *scrub, int fd, Crossing *ret)
{
        int r = subvolume_unlock(fd);

        if (r > 0) {
                ret->locked_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
                r = ret->locked_fd < 0 ? -errno : 0;
        }
        return r < 0 ? scrub_fail(scrub, r, "cannot be made writable") : 0;
}

/* One that is mounted has the paths of its mount, wherever it lies in the tree of all of them. */
static int crossing_enter(Scrub *scrub, int fd, Crossing *ret)
{
        const char *point;
        int r = strcmp(scrub->volume->part->type, "btrfs") == 0 ? subvolume_is_root(fd) : 0;

        *ret = (Crossing){ .locked_fd = -EBADF };
        if (r <= 0)
                return r < 0 ? scrub_fail(scrub, r, "cannot be read") : 0;
        ret->path = strdup(scrub->path);
        ret->base = scrub->base;
        if (!ret->path)
                return -ENOMEM;
        r = subvolume_open(scrub, fd, ret);
        if (r < 0)
                return r;
        point = subvolumes_find_point(&scrub->volume->part->subvolumes, scrub->top);
        if (point)
                (void)snprintf(scrub->path, sizeof(scrub->path), "%s",
                        image_path(scrub->disk, point));
        scrub->base = point ? 0 : strlen(scrub->path);
        return 0;
}

static int crossing_leave(Scrub *scrub, Crossing *crossing)
{
        int r = 0;

        if (!crossing->path)
                return 0;
        (void)snprintf(scrub->path, sizeof(scrub->path), "%s", crossing->path);
        scrub->base = crossing->base;
        if (crossing->locked_fd >= 0)
                r = subvolume_lock(crossing->locked_fd);
        closep(&crossing->locked_fd);
        free(crossing->path);
        return r < 0 ? scrub_fail(scrub, r, "cannot be made read-only again") : 0;
}

static int folder_scrub(Scrub *scrub, int fd, Fate fate);

static int folder_enter(Scrub *scrub, int fd, Fate fate)
{
        Crossing crossing;
        int r = crossing_enter(scrub, fd, &crossing), end;

        if (r < 0)
                (void)close(fd);
        else
                r = folder_scrub(scrub, fd, fate_judge(scrub, fate));
        end = crossing_leave(scrub, &crossing);
        return r < 0 ? r : end;
}

/* Within one that goes, a folder goes too, unless something stays in it. */
static int subfolder_scrub(Scrub *scrub, int folder_fd, const char *name, Fate fate)
{
        _cleanup_(closep) int fd = -EBADF;
        int r;

        if (scrub->depth == DEPTH_MAX)
                return scrub_fail(scrub, -ELOOP, "is too deep to be scrubbed");
        fd = entry_open(folder_fd, name, O_RDONLY | O_DIRECTORY);
        if (fd < 0)
                return scrub_fail(scrub, fd, "cannot be opened");
        if (fate == FATE_GOES)
                (void)flags_drop(fd);
        scrub->depth++;
        r = folder_enter(scrub, TAKE_FD(fd), fate);
        scrub->depth--;
        if (r < 0 || fate != FATE_GOES)
                return r;
        r = name_remove(folder_fd, name, AT_REMOVEDIR);
        return r == -ENOTEMPTY || r == -EEXIST || r == 0
                ? 0
                : scrub_fail(scrub, r, "cannot be removed");
}

static int entry_scrub(Scrub *scrub, int folder_fd, const char *name, Fate fate)
{
        size_t length = strlen(scrub->path), more = strlen(name) + 1;
        size_t top_length = strlen(scrub->top);
        struct stat about;
        int r;

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return 0;
        if (length + more >= sizeof(scrub->path) || top_length + more >= sizeof(scrub->top))
                return scrub_fail(scrub, -ENAMETOOLONG, "has too long a path to be scrubbed");
        scrub->path[length] = '/';
        memcpy(scrub->path + length + 1, name, more);
        scrub->top[top_length] = '/';
        memcpy(scrub->top + top_length + 1, name, more);
        if (fstatat(folder_fd, name, &about, AT_SYMLINK_NOFOLLOW) < 0)
                r = scrub_fail(scrub, -errno, "cannot be read");
        else if (S_ISDIR(about.st_mode))
                r = subfolder_scrub(scrub, folder_fd, name, fate);
        else
                r = file_scrub(scrub, folder_fd, name, &about, fate);
        scrub->path[length] = '\0';
        scrub->top[top_length] = '\0';
        return r;
}

/* Takes the descriptor. */
static int folder_scrub(Scrub *scrub, int fd, Fate fate)
{
        _cleanup_(closedirp) DIR *folder = fdopendir(fd);
        const struct dirent *entry;
        int r = 0;

        if (!folder) {
                r = -errno;
                (void)close(fd);
                return scrub_fail(scrub, r, "cannot be read");
        }
        for (errno = 0; r >= 0 && (entry = readdir(folder)); errno = 0)
                r = entry_scrub(scrub, dirfd(folder), entry->d_name, fate);
        if (r >= 0 && errno != 0)
                r = scrub_fail(scrub, -errno, "cannot be listed");
        return r;
}

static const char machine_id[] = "machine-id";

/* Whatever the link names stays, and is nobody's identity any more. */
static int machine_id_replace_link(Scrub *scrub, int etc_fd)
{
        _cleanup_(closep) int fd = -EBADF;

        if (unlinkat(etc_fd, machine_id, 0) < 0)
                return scrub_fail(scrub, -errno, "cannot be removed");
        fd = openat(etc_fd, machine_id, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
        return fd < 0 ? scrub_fail(scrub, -errno, "cannot be made") : removal_note(scrub, 0);
}

/* Empty, it is a new one at the next boot (machine-id(5)); without it, that boot would be a first.
 */
static int machine_id_empty(Scrub *scrub)
{
        const Volume *volume = scrub->volume;
        const char *root = subvolumes_find_root(&volume->part->subvolumes, volume->part->path);
        _cleanup_(closep) int etc_fd = -EBADF, fd = -EBADF;
        char etc[CAPTURE_PATH_MAX];
        struct stat about;

        (void)snprintf(etc, sizeof(etc), "%s%setc", root ? root + 1 : "", root && root[1] ? "/" : "");
        (void)snprintf(scrub->path, sizeof(scrub->path), "/etc/%s", machine_id);
        etc_fd = entry_open(volume->root_fd, etc, O_RDONLY | O_DIRECTORY);
        if (etc_fd == -ENOENT || etc_fd == -ELOOP || etc_fd == -ENOTDIR)
                return 0;
        if (etc_fd < 0)
                return scrub_fail(scrub, etc_fd, "cannot be opened");
        fd = entry_open(etc_fd, machine_id, O_WRONLY);
        if (fd == -ENOENT)
                return 0;
        if (fd == -ELOOP)
                return machine_id_replace_link(scrub, etc_fd);
        if (fd < 0)
                return scrub_fail(scrub, fd, "cannot be opened");
        if (fstat(fd, &about) < 0 || !S_ISREG(about.st_mode) || about.st_size == 0)
                return 0;
        if (ftruncate(fd, 0) < 0)
                return scrub_fail(scrub, -errno, "cannot be emptied");
        return removal_note(scrub, (uint64_t)about.st_size);
}

/* The top of a btrfs may be mounted nowhere, and has no path then. */
static const char *top_path(const Disk *disk, const Part *part)
{
        const char *point = subvolumes_find_point(&part->subvolumes, "/");

        if (part->subvolumes.count > 0 && !point)
                return "";
        return image_path(disk, point ? point : part->path);
}

static int part_scrub(Scrub *scrub, const Stage *stage, const Disk *disk, const Part *part)
{
        _cleanup_(volume_done) Volume volume = VOLUME_INIT;
        int r = volume_open(&volume, stage, disk, part, scrub->trouble), root_fd;

        if (r < 0)
                return r;
        scrub->volume = &volume;
        if (part == &disk->parts[0] && scrub->rules->flags & CAPTURE_SCRUB_MACHINE_ID)
                r = machine_id_empty(scrub);
        if (r < 0)
                return r;
        (void)snprintf(scrub->path, sizeof(scrub->path), "%s", top_path(disk, part));
        scrub->top[0] = '\0';
        root_fd = entry_open(volume.root_fd, ".", O_RDONLY | O_DIRECTORY);
        r = root_fd < 0 ? scrub_fail(scrub, root_fd, "cannot be opened")
                        : folder_scrub(scrub, root_fd, FATE_JUDGED);
        return r < 0 ? r : volume_close(&volume, scrub->freed, scrub->trouble);
}

int scrub_run(const Stage *stage, const Disk *disk, const Rules *rules, Removals *removals,
        Trouble *trouble)
{
        Map freed = { 0 };
        Scrub scrub = {
                .stage = stage,
                .disk = disk,
                .rules = rules,
                .removals = removals,
                .trouble = trouble,
                .freed = &freed,
        };
        bool promises = !(rules->flags & CAPTURE_SCRUB_NO_DEFAULTS) || rules->count > 0;
        int r = 0;

        for (unsigned i = 0; r >= 0 && promises && i < disk->n_parts; i++)
                r = volume_check(stage, &disk->parts[i], trouble);
        for (unsigned i = 0; r >= 0 && i < disk->n_parts; i++)
                r = part_scrub(&scrub, stage, disk, &disk->parts[i]);
        map_sort(&freed);
        if (r >= 0)
                r = stage_punch(stage, &freed, trouble);
        map_done(&freed);
        return r;
}
