/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/offspring.h"

#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"

/* Two for each of 256 mounts, and a dozen. */
#define DESCRIPTORS_MAX 640

void memory_lock(void)
{
        extern const char __executable_start[], etext[];

        /*
         * Limits and capabilities may forbid it: then the work goes on, a little less certain. Of
         * libc, only what was touched is locked: all of it would cost more than everything else.
         */
        (void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
        (void)mlock(__executable_start, (size_t)(etext - __executable_start));
}

static void descriptors_keep(const int *keep, size_t n_keep, int link_fd)
{
        for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
                bool is_kept = fd == link_fd;

                for (size_t i = 0; i < n_keep; i++)
                        is_kept |= keep[i] == fd;
                if (!is_kept)
                        (void)close(fd);
        }
}

pid_t offspring_fork(const char *name, const int *keep, size_t n_keep, int *ret_link_fd)
{
        int pair[2] = { -EBADF, -EBADF };
        pid_t pid;

        if (ret_link_fd && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -1;
        pid = fork();
        if (pid == 0) {
                descriptors_keep(keep, n_keep, pair[1]);
                (void)prctl(PR_SET_NAME, name);
                memory_lock();
        } else {
                closep(&pair[1]);
        }
        if (pid < 0)
                closep(&pair[0]);
        else if (ret_link_fd)
                *ret_link_fd = pair[pid == 0];
        return pid;
}
