/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/disk.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "freeze/capture/origin.h"
#include "freeze/mount-line.h"
#include "freeze/target.h"

/* Its hashes take 8 bytes of memory for each 4 KiB in use. */
#define DEVICE_MAX (UINT64_C(16) << 40)

void disk_release(Disk *disk)
{
        for (unsigned i = 0; i < disk->n_parts; i++) {
                closep(&disk->parts[i].mount_fd);
                disk->parts[i].mount_fd = -EBADF;
        }
}

void disk_done(Disk *disk)
{
        disk_release(disk);
        for (unsigned i = 0; i < disk->n_parts; i++)
                subvolumes_done(&disk->parts[i].subvolumes);
        free(disk->parts);
        closep(&disk->fd);
        *disk = DISK_INIT;
}

static int geometry_read(Disk *disk, Trouble *trouble)
{
        int sector_bytes = 0;

        if (ioctl(disk->fd, BLKGETSIZE64, &disk->size) < 0 ||
                ioctl(disk->fd, BLKSSZGET, &sector_bytes) < 0)
                return trouble_tell(trouble, -errno, "%s does not tell its size: %s", disk->path,
                        strerror(errno));
        if (disk->size == 0 || disk->size > DEVICE_MAX)
                return trouble_tell(
                        trouble, -EFBIG, "%s is empty, or larger than 16 TiB", disk->path);
        disk->sector_bytes = (uint32_t)sector_bytes;
        return 0;
}

int disk_open(Disk *disk, unsigned major, unsigned minor, Trouble *trouble)
{
        struct stat about;
        int r = origin_name(major, minor, disk->path, sizeof(disk->path));

        if (r < 0)
                return trouble_tell(trouble, r, "there is no block device %u:%u", major, minor);
        disk->major = major;
        disk->minor = minor;
        disk->fd = open(disk->path, O_RDONLY | O_DIRECT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
        if (disk->fd < 0)
                return trouble_tell(
                        trouble, -errno, "%s cannot be opened: %s", disk->path, strerror(errno));
        if (fstat(disk->fd, &about) < 0 || !S_ISBLK(about.st_mode) ||
                about.st_rdev != makedev(major, minor))
                return trouble_tell(trouble, -ESTALE, "%s is not the block device %u:%u",
                        disk->path, major, minor);
        return geometry_read(disk, trouble);
}

int disk_add_part(Disk *disk, const CaptureMount *mount)
{
        Part *parts = reallocarray(disk->parts, disk->n_parts + 1, sizeof(*parts));

        if (!parts)
                return -ENOMEM;
        disk->parts = parts;
        parts[disk->n_parts] = (Part){
                .major = mount->major,
                .minor = mount->minor,
                .mount_fd = -EBADF,
        };
        memcpy(parts[disk->n_parts++].path, mount->path, sizeof(mount->path));
        return 0;
}

/* The parts that are the superblock of this line: at most one, or the request names it twice. */
static Part *part_find(const Disk *disk, unsigned major, unsigned minor)
{
        for (unsigned i = 0; i < disk->n_parts; i++)
                if (disk->parts[i].major == major && disk->parts[i].minor == minor)
                        return &disk->parts[i];
        return NULL;
}

/* Not again within the window: part_open() comes before it. */
static int part_note_subvolume(Part *part, const MountLine *line)
{
        if (part->mount_fd >= 0 || strcmp(line->type, "btrfs") != 0)
                return 0;
        mount_line_unescape(line->root);
        return subvolumes_add(&part->subvolumes, line->root, line->mount_point,
                strcmp(line->mount_point, part->path) == 0);
}

static int line_check(Disk *disk, const MountLine *line, Trouble *trouble)
{
        Part *part = part_find(disk, line->major, line->minor);
        Range place;
        int r = origin_locate_mount(disk->major, disk->minor, line, &place);

        if (r != 0) /* not on this device; if it was named, it stays unlisted */
                return r < 0 ? r : 0;
        if (!part)
                return trouble_tell(trouble, -EINVAL,
                        "%s is mounted from %s, too: name it, or unmount it first",
                        line->mount_point, disk->path);
        r = part_note_subvolume(part, line);
        if (r < 0)
                return r;
        if (strcmp(line->mount_point, part->path) != 0)
                return 0;
        part->is_listed = true;
        part->start = place.start;
        part->size = place.end == UINT64_MAX ? disk->size : place.end - place.start;
        return snprintf(part->type, sizeof(part->type), "%s", line->type) < TYPE_MAX ? 0 : -EINVAL;
}

static int mounts_check(Disk *disk, Trouble *trouble)
{
        _cleanup_(fclosep) FILE *mounts = fopen("/proc/1/mountinfo", "re");
        _cleanup_(freep) char *text = NULL;
        size_t allocated = 0;
        int r = 0;

        if (!mounts)
                return trouble_tell(trouble, -errno, "/proc/1/mountinfo cannot be opened");
        while (r >= 0 && getline(&text, &allocated, mounts) >= 0) {
                MountLine line;

                r = mount_line_parse(text, &line);
                if (r < 0)
                        break;
                mount_line_unescape(line.mount_point);
                r = line_check(disk, &line, trouble);
        }
        return r >= 0 && ferror(mounts) ? -EIO : r;
}

static int part_open(const Disk *disk, Part *part, Trouble *trouble)
{
        int r;

        if (part_find(disk, part->major, part->minor) != part)
                return trouble_tell(trouble, -EEXIST, "%s is named twice", part->path);
        if (!part->is_listed)
                return trouble_tell(
                        trouble, -ESTALE, "%s is not mounted from %s", part->path, disk->path);
        r = target_open(part->path, part->major, part->minor, &part->mount_fd);
        if (r < 0)
                return trouble_tell(
                        trouble, r, "%s cannot be opened: %s", part->path, strerror(-r));
        return 0;
}

int disk_check(Disk *disk, Trouble *trouble)
{
        char holder[DISK_PATH_MAX];
        int r = origin_find_holder(disk->major, disk->minor, holder, sizeof(holder));

        if (r > 0)
                return trouble_tell(trouble, -EBUSY,
                        "%s is in use by %s: a disk under LVM, MD or dm-crypt is not captured; its "
                        "file system can be, by the device that it lies on",
                        disk->path, holder);
        if (r >= 0)
                r = mounts_check(disk, trouble);
        for (unsigned i = 0; r >= 0 && i < disk->n_parts; i++)
                r = part_open(disk, &disk->parts[i], trouble);
        return r;
}

int disk_check_others(Disk *disk, Trouble *trouble)
{
        return mounts_check(disk, trouble);
}

int disk_note_stage(Disk *disk, int stage_fd, Trouble *trouble)
{
        for (unsigned i = 0; i < disk->n_parts; i++) {
                int r = target_check(stage_fd, disk->parts[i].major, disk->parts[i].minor);

                if (r < 0 && r != -ESTALE)
                        return trouble_tell(
                                trouble, r, "%s: %s", disk->parts[i].path, strerror(-r));
                disk->parts[i].has_stage = r == 0;
        }
        return 0;
}

static int part_map(const Part *part, int stage_fd, Map *map, Trouble *trouble)
{
        int is_blind = map_add_free(map, part->mount_fd, part->start);

        if (is_blind == -EXDEV)
                return trouble_tell(trouble, -EXDEV,
                        "%s keeps its log or data on a second device: such a file system is not "
                        "captured",
                        part->path);
        if (is_blind < 0)
                return trouble_tell(trouble, is_blind,
                        "the blocks in use of %s cannot be listed: %s", part->path,
                        strerror(-is_blind));
        if (part->has_stage && is_blind)
                return trouble_tell(trouble, -EINVAL,
                        "the folder of the image is on %s, which is captured, and %s does not tell "
                        "which blocks are its own: choose a folder on another file system",
                        part->path, part->type);
        return part->has_stage && stage_fd >= 0 ? map_add_file(map, stage_fd, 0, part->start) : 0;
}

int disk_map(const Disk *disk, int stage_fd, Map *map, Trouble *trouble)
{
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < disk->n_parts; i++)
                r = part_map(&disk->parts[i], stage_fd, map, trouble);
        return r;
}
