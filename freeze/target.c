/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/target.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/cleanup.h"

/* -ESTALE also for a mount that has just been detached: it is listed no more. */
static int mount_check(uint64_t mount_id, unsigned major, unsigned minor)
{
        _cleanup_(fclosep) FILE *mounts = fopen("/proc/self/mountinfo", "re");
        _cleanup_(freep) char *line = NULL;
        size_t allocated = 0;

        if (!mounts)
                return -errno;
        while (getline(&line, &allocated, mounts) >= 0) {
                unsigned its_major, its_minor;
                uint64_t id;

                if (sscanf(line, "%" SCNu64 " %*d %u:%u", &id, &its_major, &its_minor) == 3 &&
                        id == mount_id)
                        return its_major == major && its_minor == minor ? 0 : -ESTALE;
        }
        return -ESTALE;
}

int target_check(int fd, unsigned major, unsigned minor)
{
        struct statx about;

        if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &about) < 0)
                return -errno;
        if (!(about.stx_mask & STATX_MNT_ID))
                return -ENOSYS;
        return mount_check(about.stx_mnt_id, major, minor);
}

int target_open(const char *path, unsigned major, unsigned minor, int *ret_fd)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
        int r;

        if (fd < 0)
                return errno == ENOENT || errno == ENOTDIR ? -ESTALE : -errno;
        r = target_check(fd, major, minor);
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        return 0;
}
