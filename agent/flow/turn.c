/* SPDX-License-Identifier: Apache-2.0 */
/* What only one job of this host does at a time: a lock beside the records, which dies with its holder. */

#include "flow/turn.h"

#include <fcntl.h>
#include <sys/file.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/pace.h"

#define LOOK_USEC (500 * USEC_PER_MSEC)

static int fail(Bake *bake, const char *path, int error)
{
        return failure_set(&bake->failure, FAILURE_INTERNAL, error, "%s cannot be locked: %s", path,
                strerror(-error));
}

static int open_lock(Bake *bake, const char *path, int *ret_fd)
{
        int r = folder_make(bake->settings->job_folder, 0755);

        if (r < 0)
                return fail(bake, path, r);
        *ret_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        return *ret_fd < 0 ? fail(bake, path, -errno) : 0;
}

int turn_await(Bake *bake, const char *what, int *ret_fd)
{
        _cleanup_(closep) int fd = -EBADF;
        _cleanup_(freep) char *path = NULL;
        int r;

        if (string_printf(&path, "%s/.%s.lock", bake->settings->job_folder, what) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        r = open_lock(bake, path, &fd);
        for (bool told = false; r >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0; told = true) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return fail(bake, path, -errno);
                if (!told)
                        log_info("Another job is at the %s: waiting for it", what);
                r = pace_rest(bake, LOOK_USEC);
        }
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        return 0;
}
